//! A convolutional network that tells pieces of clothing apart: 70,000 images of 28 × 28 grey values, in ten classes (Xiao et al. 2017, "Fashion-MNIST").
//!
//! `apt-get install dataset-fashion-mnist`, then `cargo run --release --example fashion_mnist [FOLDER] [SEED]`

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use flate2::read::GzDecoder;
use ndarray::{Array1, Array4};
use nervure::prelude::*;

type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

/// Where Debian's package puts the files.
const FOLDER: &str = "/usr/share/datasets/fashion-mnist";

pub(crate) fn main() -> Result<()> {
    let mut arguments = std::env::args().skip(1);
    let folder = arguments.next().map_or(FOLDER.into(), PathBuf::from);
    let seed = arguments.next().map_or(Ok(42), |seed| seed.parse())?;
    let set = |name: &str| -> Result<Dataset> {
        Ok(Dataset::new(&images(&folder, name)?, &labels(&folder, name)?))
    };
    let accuracy = train(&set("train")?, &set("t10k")?, (5, 128), seed)?;
    println!("test accuracy {accuracy:.4}");
    if accuracy < 0.91 {
        return Err(format!("accuracy {accuracy}, expected at least 0.91").into());
    }
    Ok(())
}

/// Trains for so many epochs, in batches of so many images; the share of the test images that are told right.
pub(crate) fn train(
    set: &Dataset,
    test: &Dataset,
    (epochs, batch_size): (usize, usize),
    seed: u64,
) -> Result<f64> {
    let mut model = Sequential::new([28, 28, 1])
        .add(Rescaling::new(1.0 / 255.0))
        .add(Conv2D::new(32, [3, 3]).padding(Padding::Same).activation(Relu))
        .add(BatchNormalization::new().momentum(0.9))
        .add(Conv2D::new(32, [3, 3]).padding(Padding::Same).activation(Relu))
        .add(MaxPooling2D::new([2, 2]))
        .add(BatchNormalization::new().momentum(0.9))
        .add(Conv2D::new(64, [3, 3]).padding(Padding::Same).activation(Relu))
        .add(MaxPooling2D::new([2, 2]))
        .add(BatchNormalization::new().momentum(0.9))
        .add(Flatten::new())
        .add(Dropout::new(0.4))
        .add(Dense::new(128).activation(Relu))
        .add(Dropout::new(0.3))
        .add(Dense::new(10).activation(Softmax))
        .build(Seed(seed))?;
    let training = Training::new(SparseCategoricalCrossentropy::new(), Adam::new()).metrics([Accuracy]);
    // The rate falls from epoch to epoch, so that the last steps settle.
    let rates = LearningRateScheduler::new(|epoch, _| 1e-3 * 0.5_f64.powi(epoch as i32));
    let fit = Fit::from_training(training.clone()).epochs(epochs).batch_size(batch_size);
    model.fit(set, fit.callback(rates))?;
    let test = model.evaluate(test, &training, 256)?;
    Ok(test.get("accuracy").unwrap_or(0.0))
}

fn images(folder: &Path, name: &str) -> Result<Array4<f32>> {
    let (sizes, values) = read(&folder.join(format!("{name}-images-idx3-ubyte.gz")))?;
    let [n, height, width] = sizes[..] else { return Err("images have two axes each".into()) };
    let values = values.into_iter().map(f32::from).collect();
    Ok(Array4::from_shape_vec((n, height, width, 1), values)?)
}

fn labels(folder: &Path, name: &str) -> Result<Array1<i32>> {
    let (_, values) = read(&folder.join(format!("{name}-labels-idx1-ubyte.gz")))?;
    Ok(values.into_iter().map(i32::from).collect())
}

/// An array of bytes in LeCun's IDX format: 0, 0, 8 for bytes, the number of axes, their sizes as big-endian `u32`, the elements.
fn read(path: &Path) -> Result<(Vec<usize>, Vec<u8>)> {
    let named = |e: &dyn std::fmt::Display| format!("{}: {e}", path.display());
    let mut bytes = Vec::new();
    // The largest file has 47 MB.
    let file = File::open(path).map_err(|e| named(&e))?;
    GzDecoder::new(file).take(64 << 20).read_to_end(&mut bytes).map_err(|e| named(&e))?;
    let parts = match bytes[..] {
        [0, 0, 8, axes, ref rest @ ..] => rest.split_at_checked(4 * usize::from(axes)),
        _ => None,
    };
    let (sizes, values) = parts.ok_or_else(|| named(&"not an IDX file of bytes"))?;
    let size = |b: &[u8]| b.iter().fold(0, |size, &byte| size << 8 | usize::from(byte));
    let sizes: Vec<usize> = sizes.chunks(4).map(size).collect();
    if sizes.iter().try_fold(1usize, |n, &size| n.checked_mul(size)) != Some(values.len()) {
        return Err(named(&format!("{} elements, expected {sizes:?}", values.len())).into());
    }
    Ok((sizes, values.to_vec()))
}
