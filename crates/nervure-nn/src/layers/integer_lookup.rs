use nervure_exec::Buffer;
use nervure_graph::{DType, Tensor};
use serde::{Deserialize, Serialize};

use crate::host::{HostLayer, like, numbers, takes, whole};
use crate::layers::encode::OutputMode;
use crate::layers::hash::{Salt, bin};
use crate::layers::lookup::{Lookup, Vocabulary, rows};
use crate::layers::Layer;
use crate::lower::Lower;
use crate::settings::settings;
use crate::values::{Elements, HostType, IntoValues, Values};
use crate::word::{Sample, Samples, kind};
use crate::{Error, Result};

settings! {
    /// The number of a whole number in a vocabulary: given, or found in data by [`adapt`](Self::adapt).
    ///
    /// With `output_mode` `int` 0 stands for `mask_token`, if there is one; then come `num_oov_indices` numbers for unknown ones, then those of the
    /// vocabulary. In other modes the vectors have no place for `mask_token`: see [`OutputMode`]. The shape stays with `int`, whose numbers are `i32`.
    /// With `invert` the other way: the term of a number, `oov_token` for one that has none, `i64`. On the host, at the entrance of a network.
    ///
    /// ```
    /// use nervure_nn::prelude::*;
    /// let lookup = IntegerLookup::new().vocabulary([12, 36, 1138, 42]);
    /// let numbers = lookup.call(ndarray::arr2(&[[12_i64, 1138, 42], [42, 1000, 36]]))?;
    /// assert_eq!(numbers.as_i32(), Some(&[1, 3, 4, 4, 0, 2][..]));
    /// assert_eq!(lookup.invert(true).call([1, 0])?.as_i64(), Some(&[12, -1][..]));
    /// # Ok::<(), nervure_nn::Error>(())
    /// ```
    pub struct IntegerLookup {
        /// The most terms that are told apart, special ones included.
        max_tokens: just usize,
        /// How many numbers unknown terms have, as `oov_method` says; with 0 they are an error.
        num_oov_indices: usize = 1,
        /// A term that stands for nothing.
        mask_token: just i64,
        /// What stands for an unknown term.
        oov_token: i64 = -1,
        /// The terms, in the order of their numbers; special ones first, or not at all.
        vocabulary: some Vocabulary<i64>,
        /// For `tf_idf`, the weight of each term of the vocabulary; special ones have the mean where the vocabulary has none.
        idf_weights: some Vec<f64>,
        /// Whether terms are found by number.
        invert: bool = false,
        /// How numbers are given.
        output_mode: OutputMode = OutputMode::Int,
        /// Whether vectors have max_tokens elements, however few terms there are.
        pad_to_max_tokens: bool = false,
        /// Which of several numbers an unknown term has.
        oov_method: OovMethod = OovMethod::Floormod,
        /// What keys the hash of `farmhash`, which then is SipHash-2-4.
        salt: some Salt,
    }
}
kind!(IntegerLookup);

/// Which of several numbers an unknown whole number has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OovMethod {
    /// Its remainder by how many there are, at least 0.
    Floormod,
    /// The hash of its decimal digits, FarmHash's Fingerprint64.
    Farmhash,
}

impl IntegerLookup {
    /// With the vocabulary of these numbers: the most frequent ones first, then the greatest. With `tf_idf` one in d of n rows has the weight
    /// log(1 + n / (1 + d)).
    ///
    /// # Errors
    /// [`Error::Data`] for data that are no whole numbers, or without one that is not special.
    pub fn adapt(self, data: impl IntoValues) -> Result<IntegerLookup> {
        let values = data.into_values();
        let given = match &values {
            Values::Numbers(given) if is_whole(Elements::Numbers(given.dtype())) => whole(given),
            Values::Numbers(_) | Values::Texts(_) => {
                let received = values.ty();
                return Err(Error::Data(format!("integer lookup: expected whole numbers, received {received}")));
            }
        };
        let documents = rows(values.shape(), &given).map(|row| row.iter());
        let learnt = self.lookup().learn::<i64, _>("integer lookup", documents)?;
        let idf_weights = learnt.idf_weights.or(self.idf_weights);
        Ok(IntegerLookup { vocabulary: Some(learnt.vocabulary), idf_weights, ..self })
    }

    /// The terms by number, special ones first.
    pub fn get_vocabulary(&self) -> Vec<i64> {
        self.lookup().vocabulary()
    }

    /// How many numbers there are, those of special terms included.
    pub fn vocabulary_size(&self) -> usize {
        self.lookup().size()
    }

    fn lookup(&self) -> Lookup<'_, i64> {
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

    fn bin(&self, term: i64, bins: usize) -> usize {
        match self.oov_method {
            // At least 0 and below `bins`, which is at most 2²⁴.
            OovMethod::Floormod => term.rem_euclid(bins as i64) as usize,
            OovMethod::Farmhash => bin(&term.to_string(), bins, self.salt),
        }
    }
}

fn is_whole(elements: Elements) -> bool {
    [DType::I32, DType::I64, DType::U8].map(Elements::Numbers).contains(&elements)
}

impl Layer for IntegerLookup {
    fn lower<'g>(&self, cx: &mut Lower<'g>, inputs: &[Tensor<'g>]) -> Result<Vec<Tensor<'g>>> {
        if self.invert {
            return Ok(vec![inputs[0]]);
        }
        self.lookup().lower(cx, self, inputs[0])
    }

    fn passes_mask(&self) -> bool {
        false
    }

    fn host(&self) -> Option<&dyn HostLayer> {
        Some(self)
    }
}

impl HostLayer for IntegerLookup {
    fn encoded(&self, input: &HostType, _: &str) -> Result<HostType, String> {
        self.lookup().check_in_words()?;
        if self.salt.is_some() && self.oov_method == OovMethod::Floormod {
            return Err("expected oov_method `farmhash` with a salt, received `floormod`".into());
        }
        takes(input, "whole numbers", is_whole)?;
        Ok(if self.invert { input.of(Elements::Numbers(DType::I64)) } else { like(input) })
    }

    fn encode(&self, values: &Values) -> Result<Values, String> {
        let lookup = self.lookup();
        let given = whole(values.numbers("integer lookup").map_err(|e| e.to_string())?);
        if self.invert {
            let terms: Vec<i64> = given.into_iter().map(|n| *lookup.term(n)).collect();
            let made = Buffer::from_i64(values.shape(), &terms).map_err(|e| e.to_string())?;
            return Ok(made.into_values());
        }
        let number = |&term: &i64| {
            lookup.number(&term, |bins| self.bin(term, bins)).ok_or_else(|| {
                format!("expected numbers of the vocabulary, as num_oov_indices is 0, received {term}")
            })
        };
        let found: Vec<i32> = given.iter().map(number).collect::<Result<_, _>>()?;
        numbers(values.shape(), &found)
    }

    fn goes_on(&self) -> bool {
        self.output_mode != OutputMode::Int
    }
}

impl Samples<dyn Layer> for IntegerLookup {
    fn samples() -> Vec<Sample<dyn Layer>> {
        let of = || IntegerLookup::new().vocabulary([7, 3, 1]);
        let in_mode = |mode| of().output_mode(mode);
        vec![
            Sample::new(of(), []),
            Sample::new(of().mask_token(0).num_oov_indices(3).oov_token(-2), []),
            Sample::new(of().num_oov_indices(3).oov_method(OovMethod::Farmhash).salt([5, 6]), []),
            Sample::new(in_mode(OutputMode::OneHot), []),
            Sample::new(in_mode(OutputMode::MultiHot).max_tokens(6).pad_to_max_tokens(true), []),
            Sample::new(in_mode(OutputMode::Count).mask_token(2), []),
            Sample::new(in_mode(OutputMode::TfIdf).idf_weights([0.5, 1.0, 2.0]), []),
            Sample::new(of().invert(true), []),
        ]
    }
}
