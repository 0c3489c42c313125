//! Nervure.
