//! Settings of words, each said once: from one list follow the fields, `new`, the setters with their documentation, what files hold, and what
//! the registry tells of a word.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::{Map, Value};

use crate::constraints::Constraint;
use crate::initializers::Initializer;
use crate::lower::Weight;
use crate::regularizers::Regularizer;
use crate::word::Object;

/// A setting of a word, as the registry tells of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Setting {
    /// Its name, in files and as a setter.
    pub name: String,
    /// What it is.
    pub documentation: String,
    /// What it is where nothing is said; nothing for one that has to be given.
    pub default: Option<Value>,
    /// Whether it stands in files alone, and has no other value than the default.
    pub fixed: bool,
}

/// Plain data that can tell of its settings, as every word of this crate does.
pub trait Settings: Sized {
    /// What it is: its documentation as written, Markdown.
    const DOCUMENTATION: &'static str = "";

    /// The settings, in the order of their declaration.
    fn settings() -> Vec<Setting>;
}

/// Declares plain data with named settings: `Serialize`, `Deserialize` that refuses unknown names, [`Settings`], consuming setters, and `new` with the
/// settings that have no default.
///
/// ```text
/// settings! {
///     /// What it is.
///     pub struct Dense {
///         /// Number of outputs.
///         units: usize,                                      no default: an argument of `new`
///         /// Whether a bias is added.
///         use_bias: bool = true,
///         /// What is applied to the sum.
///         activation: into Object<dyn Activation> = Linear,  given as what converts
///         /// A bound.
///         limit: just f64,                                   an option, given as its content
///         /// Factor.
///         decay: just f64 = 0.004,                           an option that is given where nothing is said
///         /// Another layer.
///         wrapped: some Object<dyn Layer>,                   an option, given as what converts to its content
///         /// Parts of names.
///         spared: each String,                               a list to which a setter adds what converts to its elements
///         /// Factor.
///         l2: given f64 = 0.01,                              an argument of `new`, in spite of its default in files
///         /// Where the channels stand.
///         data_format: fixed ChannelsLast = ChannelsLast,    in files alone: there is no choice
///         /// the kernel
///         kernel: weight GlorotUniform,                      kernel_initializer, kernel_regularizer, kernel_constraint
///         rule: skip PhantomData<R> = PhantomData,           not a setting
///     }
/// }
/// ```
///
/// A field may have a visibility. Generics stand in two lists: `pub struct Conv[const N: usize][N] { … }`. `pub value Elu { … }`, of settings that all have
/// constant defaults, is `Copy` and has a value of its name instead of `new`, so that it is written as a word without settings is: `Elu`, `Elu.alpha(0.5)`.
/// `pub struct Relu;` has no settings.
macro_rules! settings {
    ($(#[doc = $doc:literal])* pub struct $word:ident;) => {
        $(#[doc = $doc])*
        #[derive(Debug, Clone, Copy, Default, serde::Serialize, serde::Deserialize)]
        pub struct $word;

        impl $crate::settings::Settings for $word {
            const DOCUMENTATION: &'static str = concat!($($doc, "\n"),*);

            fn settings() -> Vec<$crate::settings::Setting> {
                Vec::new()
            }
        }
    };
    ($(#[doc = $doc:literal])* $(#[derive($derived:ident)])?
        pub struct $word:ident $([$($generic:tt)*][$($argument:tt)*])? { $($fields:tt)* }) => {
        $crate::settings::settings! {
            @sort { [$($doc)*] [$($derived)?] struct $word [$($($generic)*)?] [$($($argument)*)?] } [] [] [] [] $($fields)*
        }
    };
    ($(#[doc = $doc:literal])* pub value $word:ident { $($fields:tt)* }) => {
        $crate::settings::settings! {
            @sort { [$($doc)*] [Copy] value $word [] [] } [] [] [] [] $($fields)*
        }
    };

    // One field after the other is put with all fields, `{ [documentation] name: type as what its setter takes, kind [default as it is shown] [default] }`;
    // and with those that `new` has to be given, those that it is given although they have a default, or the rest.
    (@sort $head:tt [$($all:tt)*] $must:tt $may:tt [$($rest:tt)*]
        $(#[doc = $doc:literal])* $v:vis $f:ident: weight $d:expr, $($fields:tt)*) => {
        $crate::settings::settings! { @sort $head
            [$($all)* { [$($doc)*] $v $f: $crate::settings::WeightSettings as (), weight [$d] [$crate::settings::WeightSettings::new($d)] }]
            $must $may [$($rest)* { $f: $crate::settings::WeightSettings::new($d) }] $($fields)* }
    };
    (@sort $head:tt [$($all:tt)*] $must:tt $may:tt [$($rest:tt)*] $v:vis $f:ident: skip $t:ty = $d:expr, $($fields:tt)*) => {
        $crate::settings::settings! { @sort $head
            [$($all)* { [] $v $f: $t as (), skip [] [$d] }] $must $may [$($rest)* { $f: $d }] $($fields)* }
    };
    (@sort $head:tt [$($all:tt)*] $must:tt $may:tt [$($rest:tt)*]
        $(#[doc = $doc:literal])* $v:vis $f:ident: fixed $t:ty = $d:expr, $($fields:tt)*) => {
        $crate::settings::settings! { @sort $head
            [$($all)* { [$($doc)*] $v $f: $t as (), fixed [] [$d] }] $must $may [$($rest)* { $f: $d }] $($fields)* }
    };
    (@sort $head:tt [$($all:tt)*] $must:tt $may:tt [$($rest:tt)*]
        $(#[doc = $doc:literal])* $v:vis $f:ident: just $t:ty, $($fields:tt)*) => {
        $crate::settings::settings! { @sort $head
            [$($all)* { [$($doc)*] $v $f: Option<$t> as $t, just [] [None] }] $must $may [$($rest)* { $f: None }] $($fields)* }
    };
    (@sort $head:tt [$($all:tt)*] $must:tt $may:tt [$($rest:tt)*]
        $(#[doc = $doc:literal])* $v:vis $f:ident: just $t:ty = $d:expr, $($fields:tt)*) => {
        $crate::settings::settings! { @sort $head
            [$($all)* { [$($doc)*] $v $f: Option<$t> as $t, just [$d] [Some($d)] }] $must $may [$($rest)* { $f: Some($d) }] $($fields)* }
    };
    (@sort $head:tt [$($all:tt)*] $must:tt $may:tt [$($rest:tt)*]
        $(#[doc = $doc:literal])* $v:vis $f:ident: some $t:ty, $($fields:tt)*) => {
        $crate::settings::settings! { @sort $head
            [$($all)* { [$($doc)*] $v $f: Option<$t> as $t, some [] [None] }] $must $may [$($rest)* { $f: None }] $($fields)* }
    };
    (@sort $head:tt [$($all:tt)*] $must:tt $may:tt [$($rest:tt)*]
        $(#[doc = $doc:literal])* $v:vis $f:ident: each $t:ty, $($fields:tt)*) => {
        $crate::settings::settings! { @sort $head
            [$($all)* { [$($doc)*] $v $f: Vec<$t> as $t, each [] [Vec::new()] }]
            $must $may [$($rest)* { $f: Vec::new() }] $($fields)* }
    };
    (@sort $head:tt [$($all:tt)*] $must:tt [$($may:tt)*] $rest:tt
        $(#[doc = $doc:literal])* $v:vis $f:ident: given into $t:ty = $d:expr, $($fields:tt)*) => {
        $crate::settings::settings! { @sort $head
            [$($all)* { [$($doc)*] $v $f: $t as (), given [] [Into::<$t>::into($d)] }]
            $must [$($may)* { [$($doc)*] $f: impl Into<$t>, $f.into(), Into::<$t>::into($d) }] $rest $($fields)* }
    };
    (@sort $head:tt [$($all:tt)*] $must:tt [$($may:tt)*] $rest:tt
        $(#[doc = $doc:literal])* $v:vis $f:ident: given $t:ty = $d:expr, $($fields:tt)*) => {
        $crate::settings::settings! { @sort $head
            [$($all)* { [$($doc)*] $v $f: $t as (), given [] [$d] }]
            $must [$($may)* { [$($doc)*] $f: $t, $f, $d }] $rest $($fields)* }
    };
    (@sort $head:tt [$($all:tt)*] $must:tt $may:tt [$($rest:tt)*]
        $(#[doc = $doc:literal])* $v:vis $f:ident: into $t:ty = $d:expr, $($fields:tt)*) => {
        $crate::settings::settings! { @sort $head
            [$($all)* { [$($doc)*] $v $f: $t as $t, into [$d] [Into::<$t>::into($d)] }]
            $must $may [$($rest)* { $f: Into::<$t>::into($d) }] $($fields)* }
    };
    (@sort $head:tt [$($all:tt)*] [$($must:tt)*] $may:tt $rest:tt
        $(#[doc = $doc:literal])* $v:vis $f:ident: into $t:ty, $($fields:tt)*) => {
        $crate::settings::settings! { @sort $head
            [$($all)* { [$($doc)*] $v $f: $t as (), must [] [] }]
            [$($must)* { [$($doc)*] $f: impl Into<$t>, $f.into() }] $may $rest $($fields)* }
    };
    (@sort $head:tt [$($all:tt)*] $must:tt $may:tt [$($rest:tt)*]
        $(#[doc = $doc:literal])* $v:vis $f:ident: $t:ty = $d:expr, $($fields:tt)*) => {
        $crate::settings::settings! { @sort $head
            [$($all)* { [$($doc)*] $v $f: $t as $t, plain [$d] [$d] }] $must $may [$($rest)* { $f: $d }] $($fields)* }
    };
    (@sort $head:tt [$($all:tt)*] [$($must:tt)*] $may:tt $rest:tt
        $(#[doc = $doc:literal])* $v:vis $f:ident: $t:ty, $($fields:tt)*) => {
        $crate::settings::settings! { @sort $head
            [$($all)* { [$($doc)*] $v $f: $t as (), must [] [] }]
            [$($must)* { [$($doc)*] $f: $t, $f }] $may $rest $($fields)* }
    };
    (@sort { $doc:tt $derived:tt $form:ident $word:ident $generics:tt $arguments:tt } $all:tt $must:tt $may:tt $rest:tt) => {
        $crate::settings::settings! { @type $doc $derived $word $generics $arguments $all }
        $crate::settings::settings! { @new $form $word $generics $arguments $must $may $rest }
    };

    (@type [$($what:literal)*] [$($derived:ident)?] $word:ident [$($generic:tt)*] [$($argument:tt)*]
        [$({ [$($doc:literal)*] $v:vis $f:ident: $t:ty as $s:ty, $how:ident [$($shown:expr)?] [$($d:expr)?] })*]) => {
        $(#[doc = $what])*
        #[derive(Debug, Clone $(, $derived)?)]
        pub struct $word<$($generic)*> {
            $($(#[doc = $doc])* $v $f: $t,)*
        }

        impl<$($generic)*> $word<$($argument)*> {
            $($crate::settings::settings! { @setter [$($doc)*] $f: $s, $how [$($shown)?] })*
        }

        impl<$($generic)*> $crate::settings::Settings for $word<$($argument)*> {
            const DOCUMENTATION: &'static str = concat!($($what, "\n"),*);

            fn settings() -> Vec<$crate::settings::Setting> {
                [$($crate::settings::settings!(@tell [$($doc)*] $f: $t, $how [$($d)?])),*].concat()
            }
        }

        impl<$($generic)*> serde::Serialize for $word<$($argument)*> {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                let mut written = $crate::settings::Written::default();
                $($crate::settings::settings! { @write written self.$f, $f $how })*
                written.serialize(serializer)
            }
        }

        impl<'de, $($generic)*> serde::Deserialize<'de> for $word<$($argument)*> {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let mut read = $crate::settings::Read::new(deserializer)?;
                let word = $word { $($f: $crate::settings::settings!(@read read D $f: $t, $how [$($d)?]),)* };
                read.finish::<D::Error, Self>()?;
                Ok(word)
            }
        }
    };

    (@new struct $word:ident [$($generic:tt)*] [$($argument:tt)*] [] [] [$({ $o:ident: $d:expr })*]) => {
        impl<$($generic)*> $word<$($argument)*> {
            /// With the default of every setting.
            pub fn new() -> Self {
                $word { $($o: $d,)* }
            }
        }

        impl<$($generic)*> Default for $word<$($argument)*> {
            fn default() -> Self {
                Self::new()
            }
        }
    };
    (@new struct $word:ident [$($generic:tt)*] [$($argument:tt)*]
        [] [$({ [$($doc:literal)*] $r:ident: $t:ty, $e:expr, $rd:expr })+] [$({ $o:ident: $d:expr })*]) => {
        impl<$($generic)*> $word<$($argument)*> {
            /// With these settings, and the default of every other.
            ///
            $(#[doc = concat!("- `", stringify!($r), "`:", $($doc,)* " In files `", stringify!($rd), "` where nothing is said.")])+
            pub fn new($($r: $t),+) -> Self {
                $word { $($r: $e,)+ $($o: $d,)* }
            }
        }

        impl<$($generic)*> Default for $word<$($argument)*> {
            fn default() -> Self {
                $word { $($r: $rd,)+ $($o: $d,)* }
            }
        }
    };
    (@new struct $word:ident [$($generic:tt)*] [$($argument:tt)*]
        [$({ [$($doc:literal)*] $r:ident: $t:ty, $e:expr })+] [] [$({ $o:ident: $d:expr })*]) => {
        impl<$($generic)*> $word<$($argument)*> {
            /// With these settings, and the default of every other.
            ///
            $(#[doc = concat!("- `", stringify!($r), "`:" $(, $doc)*)])+
            pub fn new($($r: $t),+) -> Self {
                $word { $($r: $e,)+ $($o: $d,)* }
            }
        }
    };
    (@new value $word:ident [] [] [] [] [$({ $o:ident: $d:expr })*]) => {
        /// The word with the default of every setting.
        #[expect(non_upper_case_globals, reason = "stands where a unit struct's value would")]
        pub const $word: $word = $word { $($o: $d),* };

        impl Default for $word {
            fn default() -> $word {
                $word
            }
        }
    };

    (@setter $doc:tt $f:ident: $s:ty, must []) => {};
    (@setter $doc:tt $f:ident: $s:ty, given []) => {};
    (@setter $doc:tt $f:ident: $s:ty, fixed []) => {};
    (@setter $doc:tt $f:ident: $s:ty, skip []) => {};
    (@setter [$($doc:literal)*] $f:ident: $s:ty, plain [$d:expr]) => {
        $(#[doc = $doc])*
        #[doc = concat!("\n\nDefault: `", stringify!($d), "`.")]
        pub fn $f(mut self, $f: $s) -> Self {
            self.$f = $f;
            self
        }
    };
    (@setter [$($doc:literal)*] $f:ident: $s:ty, into [$d:expr]) => {
        $(#[doc = $doc])*
        #[doc = concat!("\n\nDefault: `", stringify!($d), "`.")]
        pub fn $f(mut self, $f: impl Into<$s>) -> Self {
            self.$f = $f.into();
            self
        }
    };
    (@setter [$($doc:literal)*] $f:ident: $s:ty, just []) => {
        $(#[doc = $doc])*
        #[doc = "\n\nDefault: none."]
        pub fn $f(mut self, $f: $s) -> Self {
            self.$f = Some($f);
            self
        }
    };
    (@setter [$($doc:literal)*] $f:ident: $s:ty, just [$d:expr]) => {
        $(#[doc = $doc])*
        #[doc = concat!("\n\nDefault: `", stringify!($d), "`.")]
        pub fn $f(mut self, $f: $s) -> Self {
            self.$f = Some($f);
            self
        }
    };
    (@setter [$($doc:literal)*] $f:ident: $s:ty, some []) => {
        $(#[doc = $doc])*
        #[doc = "\n\nDefault: none."]
        pub fn $f(mut self, $f: impl Into<$s>) -> Self {
            self.$f = Some($f.into());
            self
        }
    };
    (@setter [$($doc:literal)*] $f:ident: $s:ty, each []) => {
        $(#[doc = $doc])*
        #[doc = "\n\nDefault: none."]
        pub fn $f<S: Into<$s>>(mut self, $f: impl IntoIterator<Item = S>) -> Self {
            self.$f.extend($f.into_iter().map(Into::into));
            self
        }
    };
    (@setter [$doc:literal] $f:ident: $s:ty, weight [$d:expr]) => {
        pastey::paste! {
            #[doc = concat!("What", $doc, " starts from.\n\nDefault: `", stringify!($d), "`.")]
            pub fn [<$f _initializer>](
                mut self,
                initializer: impl Into<$crate::word::Object<dyn $crate::initializers::Initializer>>,
            ) -> Self {
                self.$f.initializer = initializer.into();
                self
            }

            #[doc = concat!("A penalty on", $doc, ", added to the loss.\n\nDefault: none.")]
            pub fn [<$f _regularizer>](
                mut self,
                regularizer: impl Into<$crate::word::Object<dyn $crate::regularizers::Regularizer>>,
            ) -> Self {
                self.$f.regularizer = Some(regularizer.into());
                self
            }

            #[doc = concat!("What", $doc, " is held to, after every step of the optimizer.\n\nDefault: none.")]
            pub fn [<$f _constraint>](
                mut self,
                constraint: impl Into<$crate::word::Object<dyn $crate::constraints::Constraint>>,
            ) -> Self {
                self.$f.constraint = Some(constraint.into());
                self
            }
        }
    };

    (@tell [] $f:ident: $t:ty, skip [$d:expr]) => {
        Vec::new()
    };
    (@tell [$doc:literal] $f:ident: $t:ty, weight [$d:expr]) => {
        $d.tell(stringify!($f), $doc.trim())
    };
    (@tell [$($doc:literal)*] $f:ident: $t:ty, must []) => {
        vec![$crate::settings::setting::<$t>(stringify!($f), &[$($doc),*], None)]
    };
    (@tell [$($doc:literal)*] $f:ident: $t:ty, fixed [$d:expr]) => {
        vec![$crate::settings::Setting {
            fixed: true,
            ..$crate::settings::setting::<$t>(stringify!($f), &[$($doc),*], Some($d))
        }]
    };
    (@tell [$($doc:literal)*] $f:ident: $t:ty, $how:ident [$d:expr]) => {
        vec![$crate::settings::setting::<$t>(stringify!($f), &[$($doc),*], Some($d))]
    };

    (@write $written:ident $value:expr, $f:ident skip) => {};
    (@write $written:ident $value:expr, $f:ident weight) => {
        $value.write(stringify!($f), &mut $written);
    };
    (@write $written:ident $value:expr, $f:ident $how:ident) => {
        $written.field(stringify!($f), &$value);
    };

    (@read $read:ident $D:ident $f:ident: $t:ty, skip [$d:expr]) => {
        $d
    };
    (@read $read:ident $D:ident $f:ident: $t:ty, weight [$d:expr]) => {
        $d.read::<$D::Error>(stringify!($f), &mut $read)?
    };
    (@read $read:ident $D:ident $f:ident: $t:ty, must []) => {
        match $read.field::<$t, $D::Error>(stringify!($f))? {
            Some(value) => value,
            None => return Err(serde::de::Error::missing_field(stringify!($f))),
        }
    };
    (@read $read:ident $D:ident $f:ident: $t:ty, $how:ident [$d:expr]) => {
        match $read.field::<$t, $D::Error>(stringify!($f))? {
            Some(value) => value,
            None => $d,
        }
    };
}
pub(crate) use settings;

/// What layers are told of a weight: the settings `…_initializer`, `…_regularizer` and `…_constraint`.
#[derive(Debug, Clone)]
pub(crate) struct WeightSettings {
    pub initializer: Object<dyn Initializer>,
    pub regularizer: Option<Object<dyn Regularizer>>,
    pub constraint: Option<Object<dyn Constraint>>,
}

impl WeightSettings {
    pub fn new(initializer: impl Into<Object<dyn Initializer>>) -> WeightSettings {
        WeightSettings { initializer: initializer.into(), regularizer: None, constraint: None }
    }

    /// The weight of that name and shape, with these settings.
    pub fn weight<'a>(&self, name: &'a str, shape: impl Into<Vec<usize>>) -> Weight<'a> {
        let weight = Weight::new(name, shape, self.initializer.clone());
        weight.regularizer(&self.regularizer).constraint(&self.constraint)
    }

    /// The settings, of a weight that their documentation calls `the`.
    pub fn tell(&self, of: &str, the: &str) -> Vec<Setting> {
        let starts = format!("What {the} starts from.");
        let penalty = format!("A penalty on {the}, added to the loss.");
        let held = format!("What {the} is held to, after every step of the optimizer.");
        vec![
            setting(&format!("{of}_initializer"), &[&starts], Some(&self.initializer)),
            setting(&format!("{of}_regularizer"), &[&penalty], Some(&self.regularizer)),
            setting(&format!("{of}_constraint"), &[&held], Some(&self.constraint)),
        ]
    }

    pub fn write(&self, of: &str, written: &mut Written) {
        written.field(&format!("{of}_initializer"), &self.initializer);
        written.field(&format!("{of}_regularizer"), &self.regularizer);
        written.field(&format!("{of}_constraint"), &self.constraint);
    }

    /// Those that are given, in the place of these.
    pub fn read<E: serde::de::Error>(self, of: &str, read: &mut Read) -> Result<WeightSettings, E> {
        Ok(WeightSettings {
            initializer: read.field(&format!("{of}_initializer"))?.unwrap_or(self.initializer),
            regularizer: read.field(&format!("{of}_regularizer"))?.unwrap_or(self.regularizer),
            constraint: read.field(&format!("{of}_constraint"))?.unwrap_or(self.constraint),
        })
    }
}

/// A setting of that type.
pub(crate) fn setting<T: Serialize>(name: &str, documentation: &[&str], default: Option<T>) -> Setting {
    let lines: Vec<&str> = documentation.iter().map(|line| line.trim()).collect();
    let default = default.map(|d| value(&d));
    Setting { name: name.into(), documentation: lines.join(" "), default, fixed: false }
}

/// Plain data of numbers, strings and other words: nothing in it that JSON lacks.
fn value(of: &impl Serialize) -> Value {
    serde_json::to_value(of).unwrap_or(Value::Null)
}

/// Settings on their way to a file.
#[derive(Default)]
pub(crate) struct Written(Map<String, Value>);

impl Written {
    pub fn field(&mut self, name: &str, of: &impl Serialize) {
        self.0.insert(name.into(), value(of));
    }

    pub fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}

/// Settings that a file gives.
pub(crate) struct Read(Map<String, Value>);

impl Read {
    /// # Errors
    /// Something else than names with values; nothing at all stands for no name.
    pub fn new<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Read, D::Error> {
        Ok(Read(Option::deserialize(deserializer)?.unwrap_or_default()))
    }

    /// # Errors
    /// A value of another type.
    pub fn field<T: DeserializeOwned, E: serde::de::Error>(&mut self, name: &str) -> Result<Option<T>, E> {
        let Some(given) = self.0.remove(name) else { return Ok(None) };
        T::deserialize(given).map(Some).map_err(|e| E::custom(format!("{name}: {e}")))
    }

    /// # Errors
    /// A name that is not among the settings of `T`.
    pub fn finish<E: serde::de::Error, T: Settings>(self) -> Result<(), E> {
        let Some(unknown) = self.0.keys().next() else { return Ok(()) };
        let known: Vec<String> = T::settings().iter().map(|s| format!("`{}`", s.name)).collect();
        Err(E::custom(format!("unknown setting `{unknown}`, expected {}", known.join(", "))))
    }
}
