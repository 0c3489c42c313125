//! Networks: layers, losses, optimizers, metrics, and their training.
//!
//! A network is plain data; it lowers to a [`nervure_graph::Graph`], whose training step (forward, loss, gradients, optimizer) is compiled once
//! into one plan.
//!
//! ```
//! use ndarray::Array2;
//! use nervure_nn::prelude::*;
//!
//! let x = Array2::from_shape_fn((64, 8), |(i, j)| ((i * 7 + j * 3) % 11) as f32 / 11.0);
//! let y = x.column(0).mapv(|v| if v > 0.5 { 1.0_f32 } else { 0.0 });
//! let mut model = Sequential::new([8])
//!     .add(Dense::new(10).activation(Relu))
//!     .add(Dense::new(1).activation(Sigmoid))
//!     .build(Seed(42))?;
//! let history = model.fit(&Dataset::new(&x, &y), Fit::new(BinaryCrossentropy::new(), Adam::new()).epochs(3))?;
//! assert_eq!(history.get("loss").len(), 3);
//! # Ok::<(), nervure_nn::Error>(())
//! ```
//!
//! What networks are made of has Keras's names, settings, defaults and formulas: [`layers`], [`activations`], [`initializers`], [`regularizers`],
//! [`constraints`], [`losses`], [`optimizers`], [`schedules`], [`metrics`], [`callbacks`]. A [`network`] puts layers together; a program may add words of its own (see
//! [`Layer`]).
#![forbid(unsafe_code)]

pub mod activations;
pub mod callbacks;
pub mod constraints;
mod data;
mod direct;
mod entrance;
mod error;
mod expr;
mod feed;
mod fit;
mod host;
pub mod initializers;
pub mod layers;
mod logs;
pub mod losses;
mod lower;
pub mod metrics;
mod model;
pub mod network;
pub mod optimizers;
pub mod regularizers;
pub mod schedules;
mod score;
mod settings;
mod step;
mod summary;
mod trainer;
mod update;
mod values;
pub mod word;

pub use data::{Dataset, Element, IntoArray};
pub use direct::{Predictor, TrainStep};
pub use error::{Error, Result};
pub use fit::{Checkpoint, Fit, Progress};
pub use host::HostLayer;
pub use layers::Layer;
pub use logs::{History, Logs};
pub use lower::{Lower, ParameterSpec, Weight};
pub use model::{Functional, Model, Seed};
pub use nervure_exec::{Buffer, Runner, Store, Threads, View};
pub use nervure_graph::{DType, Dim, Tensor, Type};
pub use network::{Expr, Instance, Network, Sequential, concat, input, input_of, text_input};
pub use step::Training;
pub use trainer::Trainer;
pub use values::{Datum, Elements, HostType, IntoValues, Texts, Values};
pub use word::{Kind, Object, Setting, Settings, Word};

/// What most programs need.
pub mod prelude {
    pub use crate::activations::*;
    pub use crate::callbacks::{
        CsvLogger, EarlyStopping, LambdaCallback, LearningRateScheduler, ModelCheckpoint, ProgbarLogger,
        ReduceLROnPlateau, SwapEMAWeights, TensorBoard, TerminateOnNaN,
    };
    pub use crate::constraints::*;
    pub use crate::initializers::*;
    pub use crate::layers::*;
    // The layer, not the trait of that name; the initializer and the activation, not the layers.
    pub use crate::activations::Softmax;
    pub use crate::initializers::Identity;
    pub use crate::layers::Activation;
    pub use crate::losses::*;
    pub use crate::metrics::{
        Accuracy, Auc, BalancedAccuracy, BinaryAccuracy, CategoricalAccuracy, F1Score, FBetaScore, MeanIoU,
        Metric, Precision, R2Score, Recall, RootMeanSquaredError, SparseCategoricalAccuracy,
        SparseTopKCategoricalAccuracy, TopKCategoricalAccuracy,
    };
    pub use crate::optimizers::{
        Adadelta, Adafactor, Adagrad, Adam, AdamW, Adamax, Ftrl, Lamb, Lion, Muon, Nadam, Optimizer, RMSprop,
        SGD, ScheduleFreeAdamW,
    };
    pub use crate::regularizers::*;
    pub use crate::schedules::*;
    pub use crate::{
        DType, Dataset, Expr, Fit, History, HostLayer, Model, Seed, Sequential, Training, concat, input,
        input_of, text_input,
    };
}
