//! Words: the open sets of layers, activations, losses and so on, each plain data with a name that files use.

use std::any::Any;
use std::fmt;
use std::ops::Deref;
use std::sync::{Arc, PoisonError, RwLock};

use serde::de::{DeserializeOwned, Error as _};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;

use nervure_graph::Type;

pub use crate::settings::{Setting, Settings};

use crate::Error;

/// The name under which files, the command line and Keras know a word: `Dense`, `relu`.
pub trait Kind {
    /// The name.
    const KIND: &'static str;
    /// Other names under which Keras knows it: `swish` for `silu`. They are read, in any case of letters, never written.
    const ALIASES: &'static [&'static str] = &[];
    /// What it is, Markdown, where its type's [`Settings::DOCUMENTATION`] is that of several words.
    const DOCUMENTATION: &'static str = "";
}

/// What every word can tell of itself. Implemented for all plain data (`serde`) with a [`Kind`].
pub trait Word: fmt::Debug + Send + Sync + 'static {
    /// Its name.
    fn kind(&self) -> &'static str;
    /// Its settings.
    fn config(&self) -> Value;
    /// Itself, for a downcast.
    fn as_any(&self) -> &dyn Any;
}

impl<T: Kind + Serialize + fmt::Debug + Send + Sync + 'static> Word for T {
    fn kind(&self) -> &'static str {
        T::KIND
    }

    fn config(&self) -> Value {
        // Plain data of numbers, strings and other words: nothing in it that JSON lacks.
        serde_json::to_value(self).unwrap_or(Value::Null)
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}

/// A set of words that can stand for one another: `dyn Layer`, `dyn Loss`.
pub trait Family: Word {
    /// What one of them is called in a message: `layer`.
    const NAME: &'static str;
    /// Every word that can be read from a file.
    fn registry() -> &'static Registry<Self>;
}

/// A word of a family, shared and immutable. Written to files as its name where all settings are the defaults, else as
/// `{"class_name": …, "config": {…}}`.
pub struct Object<F: Family + ?Sized>(Arc<F>);

impl<F: Family + ?Sized> Object<F> {
    /// Wraps a word.
    pub fn new(word: Arc<F>) -> Object<F> {
        Object(word)
    }

    /// The word of this name, with settings (or `null` for its defaults).
    ///
    /// # Errors
    /// [`Error::UnknownWord`], or settings that the word does not have.
    pub fn from_config(kind: &str, config: Value) -> Result<Object<F>, Error> {
        F::registry().parse(kind, config).map(Object)
    }

    /// The word of this name with its default settings.
    ///
    /// # Errors
    /// [`Error::UnknownWord`], or a word without defaults.
    pub fn named(kind: &str) -> Result<Object<F>, Error> {
        Object::from_config(kind, Value::Null)
    }
}

impl<F: Family + ?Sized> Clone for Object<F> {
    fn clone(&self) -> Self {
        Object(Arc::clone(&self.0))
    }
}

impl<F: Family + ?Sized> Deref for Object<F> {
    type Target = F;
    fn deref(&self) -> &F {
        &self.0
    }
}

impl<F: Family + ?Sized> fmt::Debug for Object<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl<F: Family + ?Sized> PartialEq for Object<F> {
    fn eq(&self, other: &Self) -> bool {
        self.kind() == other.kind() && self.config() == other.config()
    }
}

impl<F: Family + ?Sized> Serialize for Object<F> {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        let config = self.config();
        let default = F::registry().parse(self.kind(), Value::Null);
        if config.is_null() || default.is_ok_and(|d| d.config() == config) {
            return s.serialize_str(self.kind());
        }
        serde_json::json!({"class_name": self.kind(), "config": config}).serialize(s)
    }
}

impl<'de, F: Family + ?Sized> Deserialize<'de> for Object<F> {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Full {
            class_name: String,
            #[serde(default)]
            config: Value,
        }
        let (kind, config) = match Value::deserialize(d)? {
            Value::String(kind) => (kind, Value::Null),
            value @ Value::Object(_) => {
                let full: Full = serde_json::from_value(value)
                    .map_err(|e| D::Error::custom(format!("{}: {e}", F::NAME)))?;
                (full.class_name, full.config)
            }
            value @ (Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_)) => {
                let expected = format!("expected the name of one {} or {{ class_name, config }}", F::NAME);
                return Err(D::Error::custom(format!("{expected}, received {value}")));
            }
        };
        Object::from_config(&kind, config).map_err(D::Error::custom)
    }
}

/// How a word is read, what it tells of itself, and how it is tested.
pub struct Entry<F: Family + ?Sized> {
    /// Its name.
    pub kind: &'static str,
    /// Other names by which it is read.
    pub aliases: &'static [&'static str],
    /// What it is: its documentation as written, Markdown.
    pub documentation: &'static str,
    /// Its settings.
    pub settings: fn() -> Vec<Setting>,
    /// Reads it from its settings.
    pub parse: fn(&Value) -> Result<Arc<F>, serde_json::Error>,
    /// What the conformance tests try it with.
    pub samples: fn() -> Vec<Sample<F>>,
}

impl<F: Family + ?Sized> Entry<F> {
    /// The entry of a program's own word, which tells nothing of itself and has no samples. One that implements [`Settings`] tells of them by
    /// `Entry { documentation: T::DOCUMENTATION, settings: T::settings, ..Entry::of::<T>() }`.
    ///
    /// ```
    /// use nervure_nn::layers::Layer;
    /// use nervure_nn::word::{Entry, Family, Object};
    /// use nervure_nn::{Kind, Lower, Result, Tensor};
    /// use serde::{Deserialize, Serialize};
    ///
    /// /// y = x · by.
    /// #[derive(Debug, Clone, Serialize, Deserialize)]
    /// struct Scale {
    ///     by: f64,
    /// }
    ///
    /// impl Kind for Scale {
    ///     const KIND: &'static str = "Scale";
    /// }
    ///
    /// impl Layer for Scale {
    ///     fn lower<'g>(&self, _: &mut Lower<'g>, x: &[Tensor<'g>]) -> Result<Vec<Tensor<'g>>> {
    ///         Ok(vec![x[0] * self.by])
    ///     }
    /// }
    ///
    /// <dyn Layer as Family>::registry().add(Entry::of::<Scale>());
    /// let read: Object<dyn Layer> = serde_json::from_str(r#"{"class_name": "Scale", "config": {"by": 2.0}}"#)?;
    /// assert_eq!(read, Scale { by: 2.0 }.into());
    /// # Ok::<(), serde_json::Error>(())
    /// ```
    pub const fn of<T: Kind + DeserializeOwned + Into<Object<F>>>() -> Entry<F> {
        Entry {
            kind: T::KIND,
            aliases: T::ALIASES,
            documentation: "",
            settings: Vec::new,
            parse: |config| read::<T>(config).map(|word| word.into().0),
            samples: Vec::new,
        }
    }

    fn is_named(&self, name: &str) -> bool {
        self.kind == name || self.aliases.iter().any(|alias| alias.eq_ignore_ascii_case(name))
    }
}

/// Settings of a word, with the types of operands to try it on: the inputs of a layer; target and prediction of a loss or
/// metric; none for others.
pub struct Sample<F: Family + ?Sized> {
    /// The word.
    pub word: Object<F>,
    /// The operands, with a symbolic [`batch`](crate::network::batch).
    pub inputs: Vec<Type>,
}

impl<F: Family + ?Sized> Sample<F> {
    /// A sample.
    pub fn new(word: impl Into<Object<F>>, inputs: impl Into<Vec<Type>>) -> Sample<F> {
        Sample { word: word.into(), inputs: inputs.into() }
    }
}

/// What a word of this crate is tested with. A word without samples does not compile, so none is without a test.
pub trait Samples<F: Family + ?Sized> {
    /// Settings that reach each of its paths.
    fn samples() -> Vec<Sample<F>>;
}

/// The words of a family: those of this crate, and those that a program adds.
pub struct Registry<F: Family + ?Sized + 'static> {
    builtin: &'static [Entry<F>],
    added: RwLock<Vec<Entry<F>>>,
}

impl<F: Family + ?Sized> Registry<F> {
    /// A registry of these words.
    pub const fn new(builtin: &'static [Entry<F>]) -> Registry<F> {
        Registry { builtin, added: RwLock::new(Vec::new()) }
    }

    /// Adds a word of the program's own, so that files which hold it can be read: see [`Entry::of`].
    pub fn add(&self, entry: Entry<F>) {
        self.added.write().unwrap_or_else(PoisonError::into_inner).push(entry);
    }

    /// The words of this crate.
    pub fn builtin(&self) -> &'static [Entry<F>] {
        self.builtin
    }

    fn parse(&self, kind: &str, config: Value) -> Result<Arc<F>, Error> {
        let added = self.added.read().unwrap_or_else(PoisonError::into_inner);
        let Some(entry) = self.builtin.iter().chain(added.iter()).find(|e| e.is_named(kind)) else {
            let known =
                self.builtin.iter().chain(added.iter()).map(|e| e.kind).collect::<Vec<_>>().join(", ");
            return Err(Error::UnknownWord { family: F::NAME, kind: kind.into(), known });
        };
        (entry.parse)(&config).map_err(|e| Error::Config {
            family: F::NAME,
            kind: kind.into(),
            reason: e.to_string(),
        })
    }
}

/// Reads a word; `null` and `{}` both stand for all defaults, whether the word has settings or none.
pub fn read<T: DeserializeOwned>(config: &Value) -> Result<T, serde_json::Error> {
    let empty = config.is_null() || config.as_object().is_some_and(|o| o.is_empty());
    if !empty {
        return T::deserialize(config);
    }
    T::deserialize(Value::Object(Default::default())).or_else(|e| T::deserialize(Value::Null).map_err(|_| e))
}

/// Declares the modules, names and registry of a family: one line a word.
macro_rules! family {
    (
        $(#[$doc:meta])*
        $family:ident $name:literal { $($module:ident: $($word:ident),+;)* }
    ) => {
        $(mod $module; pub use $module::{$($word),+};)*

        static REGISTRY: $crate::word::Registry<dyn $family> = $crate::word::Registry::new(&[
            $($($crate::word::Entry {
                documentation: const {
                    if <$word as $crate::word::Kind>::DOCUMENTATION.is_empty() {
                        <$word as $crate::word::Settings>::DOCUMENTATION
                    } else {
                        <$word as $crate::word::Kind>::DOCUMENTATION
                    }
                },
                settings: <$word as $crate::word::Settings>::settings,
                samples: <$word as $crate::word::Samples<dyn $family>>::samples,
                ..$crate::word::Entry::of::<$word>()
            },)+)*
        ]);

        $(#[$doc])*
        impl $crate::word::Family for dyn $family {
            const NAME: &'static str = $name;
            fn registry() -> &'static $crate::word::Registry<Self> {
                &REGISTRY
            }
        }

        impl<T: $family> From<T> for $crate::word::Object<dyn $family> {
            fn from(word: T) -> Self {
                $crate::word::Object::new(std::sync::Arc::new(word))
            }
        }
    };
}
pub(crate) use family;

/// Gives a word its name and the other names by which it is read, its type's among them: `kind!(Dense)`, `kind!(Silu = "silu" | "swish")`. A word that is one of a
/// generic type's has documentation of its own, and is declared with it:
///
/// ```text
/// kind! {
///     /// The greatest of each window of a sequence: see [`Pooling`].
///     pub type MaxPooling1D = Pooling<Greatest, 1>; | "MaxPool1D"
/// }
/// ```
macro_rules! kind {
    ($word:ident $(| $alias:literal)*) => {
        $crate::word::kind!(@ $word, stringify!($word), [$($alias),*], "");
    };
    ($word:ident = $name:literal $(| $alias:literal)*) => {
        $crate::word::kind!(@ $word, $name, [stringify!($word) $(, $alias)*], "");
    };
    ($(#[doc = $doc:literal])+ pub type $word:ident = $type:ty; $(| $alias:literal)*) => {
        $(#[doc = $doc])+
        pub type $word = $type;
        $crate::word::kind!(@ $word, stringify!($word), [$($alias),*], concat!($($doc, "\n"),+));
    };
    ($(#[doc = $doc:literal])+ pub type $word:ident = $type:ty; = $name:literal $(| $alias:literal)*) => {
        $(#[doc = $doc])+
        pub type $word = $type;
        $crate::word::kind!(@ $word, $name, [stringify!($word) $(, $alias)*], concat!($($doc, "\n"),+));
    };
    (@ $word:ident, $name:expr, $aliases:expr, $documentation:expr) => {
        impl $crate::word::Kind for $word {
            const KIND: &'static str = $name;
            const ALIASES: &'static [&'static str] = &$aliases;
            const DOCUMENTATION: &'static str = $documentation;
        }
    };
}
pub(crate) use kind;

/// Consuming setters named as the fields. `field: into Type` takes what converts, `field: some Type` sets an option from it,
/// `field: just Type` sets an option. After `@a.b;` they
/// are fields of `self.a.b`.
macro_rules! setters {
    (@$($part:ident).*;) => {};
    (@$($part:ident).*; $(#[$doc:meta])* $field:ident: into $type:ty, $($rest:tt)*) => {
        $(#[$doc])*
        pub fn $field(mut self, $field: impl Into<$type>) -> Self {
            self.$($part.)*$field = $field.into();
            self
        }
        $crate::word::setters! { @$($part).*; $($rest)* }
    };
    (@$($part:ident).*; $(#[$doc:meta])* $field:ident: some $type:ty, $($rest:tt)*) => {
        $(#[$doc])*
        pub fn $field(mut self, $field: impl Into<$type>) -> Self {
            self.$($part.)*$field = Some($field.into());
            self
        }
        $crate::word::setters! { @$($part).*; $($rest)* }
    };
    (@$($part:ident).*; $(#[$doc:meta])* $field:ident: just $type:ty, $($rest:tt)*) => {
        $(#[$doc])*
        pub fn $field(mut self, $field: $type) -> Self {
            self.$($part.)*$field = Some($field);
            self
        }
        $crate::word::setters! { @$($part).*; $($rest)* }
    };
    (@$($part:ident).*; $(#[$doc:meta])* $field:ident: $type:ty, $($rest:tt)*) => {
        $(#[$doc])*
        pub fn $field(mut self, $field: $type) -> Self {
            self.$($part.)*$field = $field;
            self
        }
        $crate::word::setters! { @$($part).*; $($rest)* }
    };
    ($($fields:tt)*) => {
        $crate::word::setters! { @; $($fields)* }
    };
}
pub(crate) use setters;
