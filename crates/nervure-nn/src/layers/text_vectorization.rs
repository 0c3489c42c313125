use std::borrow::Cow;

use nervure_graph::{DType, Dim, Tensor};
use serde::{Deserialize, Deserializer, Serialize};

use crate::host::{HostLayer, numbers, takes};
use crate::layers::Layer;
use crate::layers::encode::OutputMode;
use crate::layers::lookup::{Vocabulary, rows};
use crate::layers::string_lookup::StringLookup;
use crate::lower::Lower;
use crate::settings::settings;
use crate::values::{Elements, HostType, IntoValues, Texts, Values};
use crate::word::{Sample, Samples, kind};
use crate::{Error, Result};

settings! {
    /// The words of a text as numbers of a vocabulary: given, or found in data by [`adapt`](Self::adapt).
    ///
    /// A text is standardized, split into tokens, these are joined to n-grams, and each is looked up as [`StringLookup`] does, with `""` as mask_token and
    /// `"[UNK]"` as oov_token: with `output_mode` `int` 0 stands for no token, 1 for an unknown one, `[batch]` or `[batch, 1]` → `[batch, length]`, `i32`, where rows
    /// with less than the most tokens of the data, or than `output_sequence_length`, end in zeros. In other modes `[batch, n]`: see [`OutputMode`]. Without
    /// `split` each text is a token: `[batch, …]`. On the host, at the entrance of a network.
    ///
    /// ```
    /// use nervure_nn::prelude::*;
    /// let words = TextVectorization::new().adapt(["foo bar", "bar baz", "baz bada boom"])?;
    /// assert_eq!(words.get_vocabulary(), ["", "[UNK]", "baz", "bar", "foo", "boom", "bada"]);
    /// let numbers = words.call(["Foo, qux bar!", "qux baz"])?;
    /// assert_eq!(numbers.as_i32(), Some(&[4, 1, 3, 1, 2, 0][..]));
    /// # Ok::<(), nervure_nn::Error>(())
    /// ```
    pub struct TextVectorization {
        /// The most tokens that are told apart, special ones included.
        max_tokens: just usize,
        /// What is done to a text first.
        standardize: Standardize = Standardize::LowerAndStripPunctuation,
        /// Where a text is split into tokens.
        split: Split = Split::Whitespace,
        /// How many neighbouring tokens make one, joined by spaces.
        ngrams: some Ngrams,
        /// How numbers are given.
        output_mode: OutputMode = OutputMode::Int,
        /// How many numbers a text has, with `int`.
        output_sequence_length: just usize,
        /// Whether vectors have max_tokens elements, however few tokens there are.
        pad_to_max_tokens: bool = false,
        /// The tokens, in the order of their numbers; special ones first, or not at all.
        vocabulary: some Vocabulary<String>,
        /// For `tf_idf`, the weight of each token of the vocabulary; special ones have the mean where the vocabulary has none.
        idf_weights: some Vec<f64>,
    }
}
kind!(TextVectorization);

/// What is done to a text before it is split.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Standardize {
    /// Both of the next ones.
    LowerAndStripPunctuation,
    /// `A` to `Z` become small letters; no other ones do.
    Lower,
    /// The punctuation of ASCII goes.
    StripPunctuation,
    /// Nothing.
    #[serde(untagged)]
    None,
}

/// Where a text is split into tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Split {
    /// At the white space of ASCII, which goes.
    Whitespace,
    /// Between all characters (Unicode's code points).
    Character,
    /// Nowhere.
    #[serde(untagged)]
    None,
}

/// How many neighbouring tokens make one: written as the most, or as a list of numbers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum Ngrams {
    /// One token, two, …, so many.
    UpTo(usize),
    /// These numbers alone.
    Of(Vec<usize>),
}

impl From<usize> for Ngrams {
    fn from(most: usize) -> Ngrams {
        Ngrams::UpTo(most)
    }
}

impl<const N: usize> From<[usize; N]> for Ngrams {
    fn from(widths: [usize; N]) -> Ngrams {
        Ngrams::Of(widths.to_vec())
    }
}

impl<'de> Deserialize<'de> for Ngrams {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged, expecting = "expected a number of tokens or a list of such numbers")]
        enum Form {
            One(usize),
            Several(Vec<usize>),
        }
        Ok(match Form::deserialize(d)? {
            Form::One(most) => Ngrams::UpTo(most),
            Form::Several(widths) => Ngrams::Of(widths),
        })
    }
}

impl Ngrams {
    fn widths(&self) -> Vec<usize> {
        match self {
            Ngrams::UpTo(most) => (1..=*most).collect(),
            Ngrams::Of(widths) => widths.clone(),
        }
    }

    /// Whether there are few enough.
    fn check(&self) -> Result<(), String> {
        let fits = match self {
            Ngrams::UpTo(most) => (1..=WIDEST).contains(most),
            Ngrams::Of(widths) => {
                !widths.is_empty() && widths.len() <= WIDEST && widths.iter().all(|w| (1..=WIDEST).contains(w))
            }
        };
        if fits { Ok(()) } else { Err(format!("expected ngrams from 1 to {WIDEST}, received {self:?}")) }
    }
}

/// Tokens that an n-gram may have, and lengths that there may be: a text has not many times its own length of n-grams.
const WIDEST: usize = 64;
/// Numbers that a text may be filled up to.
const LONGEST: usize = 1 << 24;

impl TextVectorization {
    /// With the vocabulary of these texts: the most frequent tokens first, then the greatest by their bytes. With `tf_idf` a token in d of n texts
    /// has the weight log(1 + n / (1 + d)).
    ///
    /// # Errors
    /// [`Error::Data`] for data that are no texts, or without a token; settings that make no sense.
    pub fn adapt(self, data: impl IntoValues) -> Result<TextVectorization> {
        let values = data.into_values();
        let fail = |reason: String| Error::Data(format!("text vectorization: {reason}"));
        let Values::Texts(texts) = &values else {
            return Err(fail(format!("expected texts, received {}", values.ty())));
        };
        self.check(&values.ty()).map_err(fail)?;
        let tokens = self.tokens(texts);
        let documents = tokens.iter().map(|tokens| tokens.iter().map(|token| &**token));
        let lookup = self.lookup();
        let learnt = lookup.lookup().learn::<str, _>("text vectorization", documents)?;
        let idf_weights = learnt.idf_weights.or(self.idf_weights);
        Ok(TextVectorization { vocabulary: Some(learnt.vocabulary), idf_weights, ..self })
    }

    /// The tokens by number, special ones first.
    pub fn get_vocabulary(&self) -> Vec<String> {
        self.lookup().get_vocabulary()
    }

    /// How many numbers there are, those of special tokens included.
    pub fn vocabulary_size(&self) -> usize {
        self.lookup().vocabulary_size()
    }

    fn lookup(&self) -> StringLookup {
        let mut lookup = StringLookup::new().mask_token("").output_mode(self.output_mode);
        lookup.max_tokens = self.max_tokens;
        lookup.vocabulary = self.vocabulary.clone();
        lookup.idf_weights = self.idf_weights.clone();
        lookup.pad_to_max_tokens = self.pad_to_max_tokens;
        lookup
    }

    /// Whether the settings fit one another, and texts of this type.
    fn check(&self, input: &HostType) -> Result<(), String> {
        takes(input, "text", |e| e == Elements::Text)?;
        self.ngrams.as_ref().map_or(Ok(()), Ngrams::check)?;
        if self.output_mode == OutputMode::OneHot {
            return Err("expected output_mode `int`, `multi_hot`, `count` or `tf_idf`, received `one_hot`".into());
        }
        match self.output_sequence_length {
            Some(_) if self.output_mode != OutputMode::Int => {
                return Err("expected output_sequence_length with output_mode `int` alone, received another".into());
            }
            Some(n) if n == 0 || n > LONGEST => {
                return Err(format!("expected output_sequence_length from 1 to {LONGEST}, received {n}"));
            }
            Some(_) | None => {}
        }
        match (self.split, &input.shape[..]) {
            (Split::Whitespace | Split::Character, [_]) => Ok(()),
            (Split::Whitespace | Split::Character, [_, one]) if one.is(1) => Ok(()),
            (Split::Whitespace | Split::Character, _) => {
                Err(format!("expected text[batch] or text[batch, 1], received {input}"))
            }
            (Split::None, [_, _]) => Ok(()),
            (Split::None, [_]) if self.output_mode == OutputMode::Int && !self.changes_length() => Ok(()),
            (Split::None, _) => Err(format!("expected text[batch, tokens] without a split, received {input}")),
        }
    }

    /// Whether rows get another number of tokens than they have texts, without a split.
    fn changes_length(&self) -> bool {
        self.ngrams.is_some() || self.output_sequence_length.is_some()
    }

    /// The tokens of each row.
    fn tokens<'t>(&self, texts: &'t Texts) -> Vec<Vec<Cow<'t, str>>> {
        let widths = self.ngrams.as_ref().map(Ngrams::widths);
        let row = |row: &'t [String]| {
            let tokens = row.iter().flat_map(|text| self.split_text(text)).collect();
            match &widths {
                None => tokens,
                Some(widths) => ngrams(&tokens, widths),
            }
        };
        rows(texts.shape(), texts.as_slice()).map(row).collect()
    }

    fn split_text<'t>(&self, text: &'t str) -> Vec<Cow<'t, str>> {
        let text = match self.standardize {
            Standardize::LowerAndStripPunctuation => Cow::Owned(stripped(text).to_ascii_lowercase()),
            Standardize::Lower => Cow::Owned(text.to_ascii_lowercase()),
            Standardize::StripPunctuation => Cow::Owned(stripped(text)),
            Standardize::None => Cow::Borrowed(text),
        };
        match self.split {
            Split::Whitespace => words(&text).map(|word| Cow::Owned(word.to_string())).collect(),
            Split::Character => text.chars().map(|c| Cow::Owned(c.to_string())).collect(),
            Split::None => vec![text],
        }
    }
}

fn stripped(text: &str) -> String {
    text.chars().filter(|c| !c.is_ascii_punctuation()).collect()
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| matches!(c, ' ' | '\t'..='\r')).filter(|word| !word.is_empty())
}

/// All tokens of the first width in their order, then those of the next.
fn ngrams<'t>(tokens: &Vec<Cow<'t, str>>, widths: &[usize]) -> Vec<Cow<'t, str>> {
    let of = |&width: &usize| tokens.windows(width).map(|joined| Cow::Owned(joined.join(" ")));
    widths.iter().flat_map(of).collect()
}

impl Layer for TextVectorization {
    fn lower<'g>(&self, cx: &mut Lower<'g>, inputs: &[Tensor<'g>]) -> Result<Vec<Tensor<'g>>> {
        self.lookup().lookup().lower(cx, self, inputs[0])
    }

    fn passes_mask(&self) -> bool {
        false
    }

    fn host(&self) -> Option<&dyn HostLayer> {
        Some(self)
    }
}

impl HostLayer for TextVectorization {
    fn encoded(&self, input: &HostType, free: &str) -> Result<HostType, String> {
        self.check(input)?;
        self.lookup().lookup().check_in_words()?;
        let rows = input.shape[0].clone();
        let shape = match (self.output_sequence_length, self.split) {
            (Some(n), _) => vec![rows, n.into()],
            (None, Split::None) if self.ngrams.is_none() => input.shape.clone(),
            (None, Split::None | Split::Whitespace | Split::Character) => vec![rows, Dim::symbol(free)],
        };
        Ok(HostType { elements: Elements::Numbers(DType::I32), shape })
    }

    fn encode(&self, values: &Values) -> Result<Values, String> {
        let Values::Texts(texts) = values else {
            return Err(format!("expected text, received {}", values.ty()));
        };
        let string_lookup = self.lookup();
        let lookup = string_lookup.lookup();
        let tokens = self.tokens(texts);
        let most = || tokens.iter().map(Vec::len).max().unwrap_or(0);
        let length = self.output_sequence_length.unwrap_or_else(most);
        // What no vector has a place for; 0 where numbers themselves are given.
        let nothing = if self.output_mode == OutputMode::Int { 0 } else { -1 };
        let mut found = vec![nothing; tokens.len() * length];
        for (tokens, found) in tokens.iter().zip(found.chunks_mut(length.max(1))) {
            for (token, to) in tokens.iter().zip(found) {
                *to = string_lookup.number(&lookup, token).unwrap_or(nothing);
            }
        }
        match (self.split, texts.shape()) {
            (Split::None, shape @ [_]) => numbers(shape, &found),
            (Split::None | Split::Whitespace | Split::Character, shape) => numbers(&[shape[0], length], &found),
        }
    }

    fn goes_on(&self) -> bool {
        self.output_mode != OutputMode::Int
    }
}

impl Samples<dyn Layer> for TextVectorization {
    fn samples() -> Vec<Sample<dyn Layer>> {
        let of = || TextVectorization::new().vocabulary(["a", "b", "c", "a c"]);
        let in_mode = |mode| of().output_mode(mode);
        vec![
            Sample::new(of(), []),
            Sample::new(of().output_sequence_length(3).ngrams(2).standardize(Standardize::Lower), []),
            Sample::new(of().split(Split::Character).standardize(Standardize::StripPunctuation), []),
            Sample::new(of().split(Split::None).standardize(Standardize::None).ngrams([2, 3]), []),
            Sample::new(in_mode(OutputMode::MultiHot).max_tokens(6).pad_to_max_tokens(true), []),
            Sample::new(in_mode(OutputMode::Count), []),
            Sample::new(in_mode(OutputMode::TfIdf).idf_weights([0.5, 1.0, 2.0, 3.0]), []),
        ]
    }
}
