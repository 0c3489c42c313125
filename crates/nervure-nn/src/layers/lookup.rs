//! Vocabularies, and what layers share that look terms up in one.

use std::borrow::Borrow;
use std::collections::{HashMap, HashSet};
use std::fmt;
use std::hash::Hash;
use std::sync::{Arc, OnceLock};

use nervure_graph::Tensor;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::layers::Layer;
use crate::layers::encode::{OutputMode, encode};
use crate::lower::Lower;
use crate::{Error, Result};

/// Terms in their order: a list, which makes its index when it is first asked.
#[derive(Clone)]
pub struct Vocabulary<T>(Arc<Terms<T>>);

struct Terms<T> {
    terms: Vec<T>,
    places: OnceLock<HashMap<T, usize>>,
}

impl<T> Vocabulary<T> {
    /// The terms.
    pub fn terms(&self) -> &[T] {
        &self.0.terms
    }
}

impl<T: Hash + Eq + Clone> Vocabulary<T> {
    /// The last place of a term.
    fn place<Q: Hash + Eq + ?Sized>(&self, term: &Q) -> Option<usize>
    where
        T: Borrow<Q>,
    {
        let numbered = || self.terms().iter().cloned().enumerate().map(|(at, term)| (term, at)).collect();
        self.0.places.get_or_init(numbered).get(term).copied()
    }
}

impl<T: fmt::Debug> fmt::Debug for Vocabulary<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.terms().fmt(f)
    }
}

impl<T, S: Into<T>> From<Vec<S>> for Vocabulary<T> {
    fn from(terms: Vec<S>) -> Self {
        let terms = terms.into_iter().map(Into::into).collect();
        Vocabulary(Arc::new(Terms { terms, places: OnceLock::new() }))
    }
}

impl<T, S: Into<T>, const N: usize> From<[S; N]> for Vocabulary<T> {
    fn from(terms: [S; N]) -> Self {
        Vec::from(terms).into()
    }
}

impl<T: Serialize> Serialize for Vocabulary<T> {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        self.terms().serialize(s)
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Vocabulary<T> {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        Ok(Vec::<T>::deserialize(d)?.into())
    }
}

/// Terms that a layer may tell apart, special ones included: a weight for each fits in memory.
const MOST: usize = 1 << 24;

/// How terms are looked up: the settings that layers with a vocabulary share.
pub(super) struct Lookup<'a, T> {
    pub max_tokens: Option<usize>,
    pub num_oov_indices: usize,
    pub mask_token: Option<&'a T>,
    pub oov_token: &'a T,
    pub vocabulary: Option<&'a Vocabulary<T>>,
    pub idf_weights: Option<&'a [f64]>,
    pub invert: bool,
    pub output_mode: OutputMode,
    pub pad_to_max_tokens: bool,
}

/// What was expected, and what was received.
type Refusal = (String, String);

impl<T: Hash + Eq + Ord + Clone + fmt::Debug> Lookup<'_, T> {
    /// The number of the first unknown term: where 0 stands for the mask, 1.
    fn oov_start(&self) -> usize {
        usize::from(self.mask_token.is_some() && self.output_mode == OutputMode::Int)
    }

    /// The number of the vocabulary's first term.
    fn start(&self) -> usize {
        self.oov_start().saturating_add(self.num_oov_indices)
    }

    fn given(&self) -> &[T] {
        self.vocabulary.map_or(&[], Vocabulary::terms)
    }

    /// How many terms at the start of the vocabulary are special: none, or all that there are.
    fn special(&self) -> usize {
        let Some(front) = self.given().get(..self.start()) else { return 0 };
        let (masks, unknown) = front.split_at(self.oov_start());
        let all =
            masks.iter().all(|t| Some(t) == self.mask_token) && unknown.iter().all(|t| t == self.oov_token);
        if all { self.start() } else { 0 }
    }

    /// The terms that are told apart.
    fn terms(&self) -> &[T] {
        &self.given()[self.special()..]
    }

    /// Special and other terms.
    pub fn size(&self) -> usize {
        self.start().saturating_add(self.terms().len())
    }

    /// The terms by number, special ones first.
    pub fn vocabulary(&self) -> Vec<T> {
        let masks = self.mask_token.into_iter().cloned().cycle().take(self.oov_start());
        let unknown = std::iter::repeat_n(self.oov_token.clone(), self.num_oov_indices);
        masks.chain(unknown).chain(self.terms().iter().cloned()).collect()
    }

    /// Numbers that vectors have a place for.
    fn depth(&self) -> usize {
        self.max_tokens.filter(|_| self.pad_to_max_tokens).unwrap_or_else(|| self.size())
    }

    /// Whether the settings fit one another.
    pub fn check_in_words(&self) -> Result<(), String> {
        self.check().map_err(|(expected, received)| format!("expected {expected}, received {received}"))
    }

    fn check(&self) -> Result<(), Refusal> {
        let (start, terms, mode) = (self.start(), self.terms(), self.output_mode);
        let refuse = |expected: String, received: String| Err((expected, received));
        if self.vocabulary.is_none() {
            return refuse("a vocabulary, given or from `adapt`".into(), "none".into());
        }
        self.check_bounds()?;
        if terms.is_empty() {
            return refuse("a vocabulary with a term".into(), "none".into());
        }
        let mut met = HashSet::new();
        if let Some(twice) = terms.iter().find(|t| !met.insert(*t)) {
            return refuse("each term of the vocabulary once".into(), format!("{twice:?} twice"));
        }
        let reserved = self.mask_token.into_iter().chain(self.invert.then_some(self.oov_token));
        if let Some(token) = reserved.into_iter().find(|token| met.contains(token)) {
            let order = "mask_token and oov_token in front of all other terms, or not in the vocabulary";
            return refuse(order.into(), format!("{token:?} among them"));
        }
        if self.max_tokens.is_some_and(|most| self.size() > most) {
            let received = format!("{} and {start} special ones", terms.len());
            return refuse(format!("terms within max_tokens {:?}", self.max_tokens.unwrap_or(0)), received);
        }
        if self.invert && mode != OutputMode::Int {
            return refuse("output_mode `int` with invert".into(), format!("{mode:?}"));
        }
        match (self.idf_weights, mode == OutputMode::TfIdf) {
            (None, true) => refuse("idf_weights with output_mode `tf_idf`".into(), "none".into()),
            (Some(_), false) => {
                refuse("idf_weights with output_mode `tf_idf` alone".into(), format!("{mode:?}"))
            }
            (Some(w), true) if w.len() != self.given().len() => {
                refuse(format!("idf_weights for {} terms", self.given().len()), w.len().to_string())
            }
            (Some(_), true) | (None, false) => Ok(()),
        }
    }

    /// Whether the numbers among the settings make sense: all that `adapt` needs.
    fn check_bounds(&self) -> Result<(), Refusal> {
        if let Some(most) = self.max_tokens.filter(|most| !(2..=MOST).contains(most)) {
            return Err((format!("max_tokens from 2 to {MOST}"), most.to_string()));
        }
        if self.pad_to_max_tokens && self.max_tokens.is_none() {
            return Err(("max_tokens with pad_to_max_tokens".into(), "none".into()));
        }
        if self.size() > MOST {
            return Err((format!("at most {MOST} terms, special ones included"), self.size().to_string()));
        }
        Ok(())
    }

    /// The number of a term; an unknown one's comes from `bin`, which gives one of so many. None where unknown terms have no number.
    pub fn number<Q>(&self, term: &Q, bin: impl FnOnce(usize) -> usize) -> Option<i32>
    where
        T: Borrow<Q>,
        Q: Hash + Eq + ?Sized,
    {
        if self.mask_token.is_some_and(|mask| mask.borrow() == term) {
            // No vector has a place for it.
            return Some(if self.output_mode == OutputMode::Int { 0 } else { -1 });
        }
        let special = self.special();
        let place = self.vocabulary.and_then(|v| v.place(term)).and_then(|at| at.checked_sub(special));
        let number = match (place, self.num_oov_indices) {
            (Some(at), _) => self.start() + at,
            (None, 0) => return None,
            (None, 1) => self.oov_start(),
            (None, bins) => self.oov_start() + bin(bins),
        };
        // At most 2²⁴, as `check` has seen to.
        Some(number as i32)
    }

    /// The term of a number.
    pub fn term(&self, number: i64) -> &T {
        match (number, self.mask_token) {
            (0, Some(mask)) => mask,
            _ => {
                let at = usize::try_from(number).ok().and_then(|n| n.checked_sub(self.start()));
                at.and_then(|at| self.terms().get(at)).unwrap_or(self.oov_token)
            }
        }
    }

    /// Numbers of terms as `output_mode` has them.
    ///
    /// # Errors
    /// Settings that do not fit one another; an input of too few axes.
    pub fn lower<'g>(&self, cx: &Lower<'g>, layer: &dyn Layer, x: Tensor<'g>) -> Result<Vec<Tensor<'g>>> {
        self.check().map_err(|(expected, received)| cx.error(layer, expected, received))?;
        let depth = self.depth();
        let Some(weights) = self.idf_weights else {
            return Ok(vec![encode(cx, layer, x, (self.output_mode, depth), None)?]);
        };
        // Special terms have the mean weight where they have none of their own, places behind the terms have none.
        let front = if self.special() == 0 { self.start() } else { 0 };
        let mean = weights.iter().sum::<f64>() / weights.len() as f64;
        let mut all = vec![mean; front];
        all.extend_from_slice(weights);
        all.resize(depth, 0.0);
        let counts = encode(cx, layer, x, (OutputMode::Count, depth), None)?;
        Ok(vec![counts * x.builder().floats(&[depth], &all)])
    }

    /// The terms of these documents, the most frequent ones first, then the greatest; and their weights for `tf_idf`.
    ///
    /// # Errors
    /// Bounds that make no sense; no term.
    pub fn learn<'t, Q, D>(&self, kind: &str, documents: impl Iterator<Item = D>) -> Result<Learnt<T>>
    where
        T: Borrow<Q>,
        Q: Hash + Eq + Ord + ToOwned<Owned = T> + ?Sized + 't,
        D: Iterator<Item = &'t Q>,
    {
        let fail = |(expected, received): Refusal| {
            Error::Data(format!("{kind}: expected {expected}, received {received}"))
        };
        let bounds = Lookup { vocabulary: None, ..*self };
        bounds.check_bounds().map_err(fail)?;
        // How often, in how many documents, and in which one last.
        let mut counts: HashMap<&Q, (usize, usize, usize)> = HashMap::new();
        let mut documents_met = 0;
        for document in documents {
            documents_met += 1;
            for term in document {
                let (times, within, last) = counts.entry(term).or_default();
                *times += 1;
                *within += usize::from(*last != documents_met);
                *last = documents_met;
            }
        }
        for special in self.mask_token.into_iter().chain([self.oov_token]) {
            counts.remove(special.borrow());
        }
        let mut order: Vec<(&Q, (usize, usize, usize))> = counts.into_iter().collect();
        order.sort_unstable_by(|(a, (n, ..)), (b, (m, ..))| m.cmp(n).then_with(|| b.cmp(a)));
        order.truncate(self.max_tokens.unwrap_or(MOST).saturating_sub(bounds.start()));
        if order.is_empty() {
            return Err(fail(("data with a term that max_tokens leaves room for".into(), "none".into())));
        }
        let idf = |(_, (_, within, _)): &(_, (usize, usize, usize))| {
            (1.0 + documents_met as f64 / (1 + within) as f64).ln()
        };
        let idf_weights = (self.output_mode == OutputMode::TfIdf).then(|| order.iter().map(idf).collect());
        let terms: Vec<T> = order.into_iter().map(|(term, _)| term.to_owned()).collect();
        Ok(Learnt { vocabulary: terms.into(), idf_weights })
    }
}

/// What `adapt` finds in data.
pub(super) struct Learnt<T> {
    pub vocabulary: Vocabulary<T>,
    pub idf_weights: Option<Vec<f64>>,
}

/// Rows of `width` elements.
pub(super) fn rows<'a, T>(shape: &[usize], elements: &'a [T]) -> impl Iterator<Item = &'a [T]> {
    let width: usize = shape.get(1..).unwrap_or_default().iter().product();
    elements.chunks(width.max(1))
}
