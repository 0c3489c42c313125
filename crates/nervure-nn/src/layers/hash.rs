//! Texts and numbers in bins: the hashes of TensorFlow.

use serde::{Deserialize, Deserializer, Serialize};
use siphasher::sip::SipHasher24;

/// Two numbers that key a hash, so that nobody without them foresees it: written as both, read as both or as one for both.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Salt(pub [u64; 2]);

impl From<u64> for Salt {
    fn from(salt: u64) -> Salt {
        Salt([salt; 2])
    }
}

impl From<[u64; 2]> for Salt {
    fn from(salt: [u64; 2]) -> Salt {
        Salt(salt)
    }
}

impl<'de> Deserialize<'de> for Salt {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged, expecting = "expected a whole number, or two of them")]
        enum Form {
            One(u64),
            Two([u64; 2]),
        }
        Ok(match Form::deserialize(d)? {
            Form::One(salt) => salt.into(),
            Form::Two(salt) => salt.into(),
        })
    }
}

/// The bin, of so many, in which a text lies: by FarmHash's Fingerprint64, or with a salt by SipHash-2-4 (Aumasson and Bernstein 2012, "SipHash: a fast
/// short-input PRF").
pub(super) fn bin(text: &str, bins: usize, salt: Option<Salt>) -> usize {
    let hash = match salt {
        None => farmhash::fingerprint64(text.as_bytes()),
        Some(Salt([a, b])) => SipHasher24::new_with_keys(a, b).hash(text.as_bytes()),
    };
    // Below `bins`, which is a `usize`.
    (hash % bins.max(1) as u64) as usize
}
