use nervure_graph::{DType, Tensor};

use crate::host::{HostLayer, like, numbers, takes, whole};
use crate::layers::encode::OutputMode;
use crate::layers::hash::{Salt, bin};
use crate::layers::lookup::{Lookup, Vocabulary, rows};
use crate::layers::Layer;
use crate::lower::Lower;
use crate::settings::settings;
use crate::values::{Elements, HostType, IntoValues, Texts, Values};
use crate::word::{Sample, Samples, kind};
use crate::{Error, Result};

settings! {
    /// The number of a text in a vocabulary: given, or found in data by [`adapt`](Self::adapt).
    ///
    /// With `output_mode` `int` 0 stands for `mask_token`, if there is one; then come `num_oov_indices` numbers for unknown texts, then those of the
    /// vocabulary. In other modes the vectors have no place for `mask_token`: see [`OutputMode`]. The shape stays with `int`, whose numbers are `i32`.
    /// With `invert` the other way: the text of a number, `oov_token` for one that has none. On the host, at the entrance of a network.
    ///
    /// ```
    /// use nervure_nn::prelude::*;
    /// let lookup = StringLookup::new().vocabulary(["a", "b", "c", "d"]);
    /// let numbers = lookup.call(ndarray::arr2(&[["a", "c", "d"], ["d", "z", "b"]]))?;
    /// assert_eq!(numbers.as_i32(), Some(&[1, 3, 4, 4, 0, 2][..]));
    /// assert_eq!(lookup.invert(true).call_texts([1, 0])?.as_slice(), ["a", "[UNK]"]);
    /// # Ok::<(), nervure_nn::Error>(())
    /// ```
    pub struct StringLookup {
        /// The most texts that are told apart, special ones included.
        pub(super) max_tokens: just usize,
        /// How many numbers unknown texts have, by their hash: FarmHash's Fingerprint64; with 0 they are an error.
        num_oov_indices: usize = 1,
        /// A text that stands for nothing.
        mask_token: some String,
        /// What stands for an unknown text.
        oov_token: into String = "[UNK]",
        /// The texts, in the order of their numbers; special ones first, or not at all.
        pub(super) vocabulary: some Vocabulary<String>,
        /// For `tf_idf`, the weight of each text of the vocabulary; special ones have the mean where the vocabulary has none.
        pub(super) idf_weights: some Vec<f64>,
        /// Whether texts are found by number.
        invert: bool = false,
        /// How numbers are given.
        output_mode: OutputMode = OutputMode::Int,
        /// Whether vectors have max_tokens elements, however few texts there are.
        pub(super) pad_to_max_tokens: bool = false,
        /// What keys the hash of unknown texts, which then is SipHash-2-4.
        salt: some Salt,
    }
}
kind!(StringLookup);

impl StringLookup {
    /// With the vocabulary of these texts: the most frequent ones first, then the greatest by their bytes. With `tf_idf` a text in d of n rows
    /// has the weight log(1 + n / (1 + d)).
    ///
    /// # Errors
    /// [`Error::Data`] for data that are no texts, or without one that is not special.
    pub fn adapt(self, data: impl IntoValues) -> Result<StringLookup> {
        let values = data.into_values();
        let Values::Texts(texts) = &values else {
            return Err(Error::Data(format!("string lookup: expected texts, received {}", values.ty())));
        };
        let documents = rows(texts.shape(), texts.as_slice()).map(|row| row.iter().map(String::as_str));
        let learnt = self.lookup().learn::<str, _>("string lookup", documents)?;
        let idf_weights = learnt.idf_weights.or(self.idf_weights);
        Ok(StringLookup { vocabulary: Some(learnt.vocabulary), idf_weights, ..self })
    }

    /// The texts by number, special ones first.
    pub fn get_vocabulary(&self) -> Vec<String> {
        self.lookup().vocabulary()
    }

    /// How many numbers there are, those of special texts included.
    pub fn vocabulary_size(&self) -> usize {
        self.lookup().size()
    }

    /// The number of a text; none for an unknown one that has none.
    pub(super) fn number(&self, lookup: &Lookup<'_, String>, text: &str) -> Option<i32> {
        lookup.number(text, |bins| bin(text, bins, self.salt))
    }

    pub(super) fn lookup(&self) -> Lookup<'_, String> {
        Lookup {
            max_tokens: self.max_tokens,
            num_oov_indices: self.num_oov_indices,
            mask_token: self.mask_token.as_ref(),
            oov_token: &self.oov_token,
            vocabulary: self.vocabulary.as_ref(),
            idf_weights: self.idf_weights.as_deref(),
            invert: self.invert,
            output_mode: self.output_mode,
            pad_to_max_tokens: self.pad_to_max_tokens,
        }
    }
}

impl Layer for StringLookup {
    fn lower<'g>(&self, cx: &mut Lower<'g>, inputs: &[Tensor<'g>]) -> Result<Vec<Tensor<'g>>> {
        self.lookup().lower(cx, self, inputs[0])
    }

    fn passes_mask(&self) -> bool {
        false
    }

    fn host(&self) -> Option<&dyn HostLayer> {
        Some(self)
    }
}

impl HostLayer for StringLookup {
    fn encoded(&self, input: &HostType, _: &str) -> Result<HostType, String> {
        self.lookup().check_in_words()?;
        if self.invert {
            let wholes = [DType::I32, DType::I64, DType::U8].map(Elements::Numbers);
            takes(input, "whole numbers", |e| wholes.contains(&e))?;
            return Ok(input.of(Elements::Text));
        }
        takes(input, "text", |e| e == Elements::Text)?;
        Ok(like(input))
    }

    fn encode(&self, values: &Values) -> Result<Values, String> {
        let lookup = self.lookup();
        match values {
            Values::Texts(texts) => {
                let number = |text: &String| {
                    self.number(&lookup, text).ok_or_else(|| {
                        format!("expected texts of the vocabulary, as num_oov_indices is 0, received {text:?}")
                    })
                };
                let found: Vec<i32> = texts.as_slice().iter().map(number).collect::<Result<_, _>>()?;
                numbers(texts.shape(), &found)
            }
            Values::Numbers(given) => {
                let texts = whole(given).into_iter().map(|n| lookup.term(n).clone()).collect();
                Ok(Texts::new(given.shape(), texts).map_err(|e| e.to_string())?.into_values())
            }
        }
    }

    fn goes_on(&self) -> bool {
        self.output_mode != OutputMode::Int
    }
}

impl Samples<dyn Layer> for StringLookup {
    fn samples() -> Vec<Sample<dyn Layer>> {
        let of = || StringLookup::new().vocabulary(["a", "b", "c"]);
        let in_mode = |mode| of().output_mode(mode);
        vec![
            Sample::new(of(), []),
            Sample::new(of().mask_token("").num_oov_indices(3).salt(5).oov_token("?"), []),
            Sample::new(in_mode(OutputMode::OneHot), []),
            Sample::new(in_mode(OutputMode::MultiHot).max_tokens(6).pad_to_max_tokens(true), []),
            Sample::new(in_mode(OutputMode::Count).mask_token("b_"), []),
            Sample::new(in_mode(OutputMode::TfIdf).idf_weights([0.5, 1.0, 2.0]), []),
            Sample::new(of().invert(true), []),
        ]
    }
}
