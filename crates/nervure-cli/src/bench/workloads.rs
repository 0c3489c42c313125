//! The networks of the benchmark, with data of a fixed seed.

use nervure_nn::initializers::Stream;
use nervure_nn::prelude::*;
use nervure_nn::{Buffer, Object, Result, losses::Loss};

/// A network with a size of batch, trained by Adam.
pub struct Workload {
    /// Its name, on the command line and in reports.
    pub name: &'static str,
    /// Rows of a step.
    pub batch: usize,
    /// Whether predictions are timed too.
    pub predicts: bool,
    /// Whether epochs of `Model::fit` are timed too.
    pub is_fed: bool,
    target: Target,
    build: fn() -> Result<Model>,
}

/// What the rows are labelled with, which settles the loss.
enum Target {
    /// 0 or 1: binary cross-entropy.
    Binary,
    /// One of so many classes: categorical cross-entropy.
    Classes(u32),
}

/// All of them.
pub const WORKLOADS: &[Workload] = &[
    Workload {
        name: "seed_mlp",
        batch: 32,
        predicts: true,
        is_fed: false,
        target: Target::Binary,
        build: seed_mlp,
    },
    Workload {
        name: "tabular",
        batch: 256,
        predicts: true,
        is_fed: false,
        target: Target::Binary,
        build: tabular,
    },
    Workload {
        name: "mnist_mlp",
        batch: 128,
        predicts: true,
        is_fed: true,
        target: Target::Classes(10),
        build: mnist_mlp,
    },
    Workload {
        name: "mnist_cnn",
        batch: 128,
        predicts: true,
        is_fed: false,
        target: Target::Classes(10),
        build: mnist_cnn,
    },
    Workload { name: "lstm", batch: 64, predicts: false, is_fed: false, target: Target::Binary, build: lstm },
    Workload {
        name: "transformer",
        batch: 32,
        predicts: false,
        is_fed: false,
        target: Target::Classes(10),
        build: transformer,
    },
    Workload {
        name: "resnet8",
        batch: 64,
        predicts: false,
        is_fed: false,
        target: Target::Classes(10),
        build: resnet8,
    },
];

impl Workload {
    /// The network with fresh weights.
    pub fn model(&self) -> Result<Model> {
        (self.build)()
    }

    /// Loss and optimizer.
    pub fn training(&self) -> Training {
        let loss: Object<dyn Loss> = match self.target {
            Target::Binary => BinaryCrossentropy::new().into(),
            Target::Classes(_) => SparseCategoricalCrossentropy::new().into(),
        };
        Training::new(loss, Adam::new())
    }

    /// Rows for the network's input: normal numbers.
    pub fn inputs(&self, model: &Model, rows: usize) -> Result<Buffer> {
        let mut shape = vec![rows];
        for d in &model.network().inputs()[0].shape {
            shape.push(d.resolve(&Default::default())?);
        }
        let mut random = Stream::new(SEED, "x");
        let values: Vec<f32> = (0..shape.iter().product()).map(|_| random.normal() as f32).collect();
        Ok(Buffer::from_f32(&shape, &values)?)
    }

    /// A batch of so many rows with random labels.
    pub fn batch(&self, model: &Model, rows: usize) -> Result<Dataset> {
        let mut random = Stream::new(SEED, "y");
        let classes = match self.target {
            Target::Binary => 2,
            Target::Classes(n) => n,
        };
        let labels: Vec<u32> = (0..rows).map(|_| random.below(classes)).collect();
        let y = match self.target {
            Target::Binary => {
                Buffer::from_f32(&[rows, 1], &labels.iter().map(|&n| n as f32).collect::<Vec<_>>())
            }
            Target::Classes(_) => {
                Buffer::from_i32(&[rows], &labels.iter().map(|&n| n as i32).collect::<Vec<_>>())
            }
        };
        Ok(Dataset::new(self.inputs(model, rows)?, y?))
    }
}

const SEED: u64 = 42;

fn seed_mlp() -> Result<Model> {
    Sequential::new([8])
        .add(Dense::new(10).activation(Relu))
        .add(Dense::new(8).activation(Relu))
        .add(Dense::new(1).activation(Sigmoid))
        .build(Seed(SEED))
}

fn tabular() -> Result<Model> {
    Sequential::new([100])
        .add(Dense::new(256).activation(Relu))
        .add(Dense::new(128).activation(Relu))
        .add(Dense::new(1).activation(Sigmoid))
        .build(Seed(SEED))
}

fn mnist_mlp() -> Result<Model> {
    Sequential::new([784])
        .add(Dense::new(512).activation(Relu))
        .add(Dense::new(512).activation(Relu))
        .add(Dense::new(10).activation(Softmax::default()))
        .build(Seed(SEED))
}

fn mnist_cnn() -> Result<Model> {
    Sequential::new([28, 28, 1])
        .add(Conv2D::new(32, 3).activation(Relu))
        .add(Conv2D::new(64, 3).activation(Relu))
        .add(MaxPooling2D::new(2))
        .add(Flatten::new())
        .add(Dense::new(128).activation(Relu))
        .add(Dense::new(10).activation(Softmax::default()))
        .build(Seed(SEED))
}

fn lstm() -> Result<Model> {
    Sequential::new([64, 32]).add(LSTM::new(128)).add(Dense::new(1).activation(Sigmoid)).build(Seed(SEED))
}

/// Two blocks of an encoder with normalization first (Xiong et al. 2020), over 64 places of 128 numbers.
fn transformer() -> Result<Model> {
    let normal = |x: &Expr| LayerNormalization::new().on(x);
    let block = |x: &Expr| {
        let x = x + &MultiHeadAttention::new(4, 32).on(&normal(x));
        let h = Dense::new(256).activation(Gelu::default()).on(&normal(&x));
        &x + &Dense::new(128).on(&h)
    };
    let x = input("sequence", [64, 128]);
    let h = GlobalAveragePooling1D::new().on(&block(&block(&x)));
    Model::new(&x, &Dense::new(10).activation(Softmax::default()).on(&h)).build(Seed(SEED))
}

/// The residual network of 8 layers for images of 32 × 32 of He et al. (2016), with projections where shapes change.
fn resnet8() -> Result<Model> {
    let convolution = |filters: usize, size: usize, strides: usize, x: &Expr| {
        Conv2D::new(filters, size).strides(strides).padding(Padding::Same).use_bias(false).on(x)
    };
    let relu = |x: &Expr| Activation::new(Relu).on(x);
    let normal = |x: &Expr| BatchNormalization::new().on(x);
    let block = |x: &Expr, filters: usize, strides: usize| {
        let h = relu(&normal(&convolution(filters, 3, strides, x)));
        let h = normal(&convolution(filters, 3, 1, &h));
        let shortcut = if strides == 1 { x.clone() } else { convolution(filters, 1, strides, x) };
        relu(&(&h + &shortcut))
    };
    let x = input("image", [32, 32, 3]);
    let h = relu(&normal(&convolution(16, 3, 1, &x)));
    let h = block(&block(&block(&h, 16, 1), 32, 2), 64, 2);
    let h = GlobalAveragePooling2D::new().on(&h);
    Model::new(&x, &Dense::new(10).activation(Softmax::default()).on(&h)).build(Seed(SEED))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arenas_of_steps_are_tight() {
        for workload in WORKLOADS {
            let mut model = workload.model().unwrap();
            let batch = workload.batch(&model, workload.batch).unwrap();
            let mut step = model.train_step(workload.training(), &batch).unwrap();
            let plan = step.runner().plan();
            let (arena, live) = (plan.arena_bytes() as f64, plan.live_bytes() as f64);
            assert!(arena <= 1.2 * live, "{}: arena {arena}, live {live}", workload.name);
        }
    }
}
