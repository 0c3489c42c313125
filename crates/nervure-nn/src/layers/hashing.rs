use nervure_graph::{DType, Tensor};
use serde::{Deserialize, Serialize};

use crate::Result;
use crate::host::{HostLayer, like, numbers, takes, whole};
use crate::layers::encode::{OutputMode, encode};
use crate::layers::hash::{Salt, bin};
use crate::layers::Layer;
use crate::lower::Lower;
use crate::settings::settings;
use crate::values::{Elements, HostType, Values};
use crate::word::{Sample, Samples, kind};

settings! {
    /// The bin in which a text or a whole number lies: its hash modulo `num_bins`.
    ///
    /// The hash is that of TensorFlow: FarmHash's Fingerprint64, or with a `salt` SipHash-2-4, of the text's bytes; a number's are those of its decimal digits,
    /// and a float is cut to a whole number first. The shape stays with `output_mode` `int`, whose numbers are `i32`; for the others see [`OutputMode`]. On
    /// the host, at the entrance of a network.
    ///
    /// ```
    /// use nervure_nn::prelude::*;
    /// let bins = Hashing::new(3).call(["A", "B", "C", "D", "E"])?;
    /// assert_eq!(bins.as_i32(), Some(&[1, 0, 1, 1, 2][..]));
    /// # Ok::<(), nervure_nn::Error>(())
    /// ```
    pub struct Hashing {
        /// How many bins there are, that of `mask_value` included.
        num_bins: usize,
        /// What lies in bin 0, alone, unless there is no other bin.
        mask_value: some MaskValue,
        /// What keys the hash.
        salt: some Salt,
        /// How bins are given.
        output_mode: OutputMode = OutputMode::Int,
    }
}
kind!(Hashing);

/// A text or a number that stands for nothing.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged, expecting = "expected a text or a whole number")]
pub enum MaskValue {
    /// A number.
    Number(i64),
    /// A text.
    Text(String),
}

impl From<i64> for MaskValue {
    fn from(number: i64) -> MaskValue {
        MaskValue::Number(number)
    }
}

impl From<&str> for MaskValue {
    fn from(text: &str) -> MaskValue {
        MaskValue::Text(text.into())
    }
}

impl From<String> for MaskValue {
    fn from(text: String) -> MaskValue {
        MaskValue::Text(text)
    }
}

impl Hashing {
    /// The bin of a text that is masked or not.
    fn bin(&self, text: &str, masked: bool) -> i32 {
        let reserved = usize::from(self.mask_value.is_some() && self.num_bins > 1);
        if masked && reserved == 1 {
            return 0;
        }
        // Below 2³¹, as `encoded` has seen to.
        (bin(text, self.num_bins - reserved, self.salt) + reserved) as i32
    }
}

impl Layer for Hashing {
    fn lower<'g>(&self, cx: &mut Lower<'g>, inputs: &[Tensor<'g>]) -> Result<Vec<Tensor<'g>>> {
        Ok(vec![encode(cx, self, inputs[0], (self.output_mode, self.num_bins), None)?])
    }

    fn passes_mask(&self) -> bool {
        false
    }

    fn host(&self) -> Option<&dyn HostLayer> {
        Some(self)
    }
}

impl HostLayer for Hashing {
    fn encoded(&self, input: &HostType, _: &str) -> Result<HostType, String> {
        if self.num_bins == 0 || self.num_bins > i32::MAX as usize {
            return Err(format!("expected num_bins from 1 to {}, received {}", i32::MAX, self.num_bins));
        }
        takes(input, "text or numbers", |e| e != Elements::Numbers(DType::Bool))?;
        match (&self.mask_value, input.elements) {
            (Some(MaskValue::Number(_)), Elements::Text) => {
                Err(format!("expected a text as mask_value for {input}, received a number"))
            }
            (Some(MaskValue::Text(_)), Elements::Numbers(_)) => {
                Err(format!("expected a number as mask_value for {input}, received a text"))
            }
            (None, _)
            | (Some(MaskValue::Number(_)), Elements::Numbers(_))
            | (Some(MaskValue::Text(_)), Elements::Text) => Ok(like(input)),
        }
    }

    fn encode(&self, values: &Values) -> Result<Values, String> {
        let bins: Vec<i32> = match values {
            Values::Texts(texts) => {
                let masked = |text: &String| matches!(&self.mask_value, Some(MaskValue::Text(t)) if t == text);
                texts.as_slice().iter().map(|text| self.bin(text, masked(text))).collect()
            }
            Values::Numbers(given) => {
                // Floats are compared as they are, and hashed as they are cut.
                let floats = given.as_f32();
                let masked = |at: usize, n: i64| match self.mask_value {
                    Some(MaskValue::Number(mask)) => {
                        floats.map_or(n == mask, |floats| f64::from(floats[at]) == mask as f64)
                    }
                    Some(MaskValue::Text(_)) | None => false,
                };
                let whole = whole(given).into_iter().enumerate();
                whole.map(|(at, n)| self.bin(&n.to_string(), masked(at, n))).collect()
            }
        };
        numbers(values.shape(), &bins)
    }

    fn goes_on(&self) -> bool {
        self.output_mode != OutputMode::Int
    }
}

impl Samples<dyn Layer> for Hashing {
    fn samples() -> Vec<Sample<dyn Layer>> {
        vec![
            Sample::new(Hashing::new(5), []),
            Sample::new(Hashing::new(3).mask_value("a").salt(7), []),
            Sample::new(Hashing::new(4).mask_value(2).salt([1, 2]).output_mode(OutputMode::OneHot), []),
            Sample::new(Hashing::new(4).output_mode(OutputMode::MultiHot), []),
            Sample::new(Hashing::new(1).mask_value("").output_mode(OutputMode::Count), []),
        ]
    }
}
