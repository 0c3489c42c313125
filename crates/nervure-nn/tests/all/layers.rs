//! Layers within networks: masks, operators, sharing, statistics over steps, and refusals.

use ndarray::{arr1, arr2, array};
use nervure_graph::{DType, Dim};
use nervure_nn::prelude::*;
use nervure_nn::word::Object;
use nervure_nn::{Buffer, Error, Layer};
use serde_json::json;

/// What a layer of these settings says of an input of this shape.
fn refusal(kind: &str, config: serde_json::Value, shape: &[usize]) -> String {
    let layer = match Object::<dyn Layer>::from_config(kind, config) {
        Ok(layer) => layer,
        Err(e) => return e.to_string(),
    };
    let x = input("x", shape.to_vec());
    let built = Model::new(&x, &layer.instance().named("tried").on(&x)).build(Seed(1));
    let Err(Error::Layer { path, kind: named, reason, written }) = built else {
        panic!("{kind}: it was built")
    };
    assert_eq!((path.as_str(), named.as_str()), ("tried", kind));
    assert!(written.is_some_and(|w| w.contains("layers.rs")));
    reason
}

#[test]
fn layers_refuse_in_words() {
    let check = |kind: &str, config, shape: &[usize], expected: &str| {
        assert_eq!(refusal(kind, config, shape), expected);
    };
    check("Dense", json!({"units": 2}), &[], "expected an input [batch, …, n], received f32[batch]");
    check(
        "Conv2D",
        json!({"filters": 2, "kernel_size": 3}),
        &[8, 8],
        "expected an input [batch, height, width, channels], received f32[batch, 8, 8]",
    );
    check(
        "Conv2D",
        json!({"filters": 2, "kernel_size": 3, "padding": "causal"}),
        &[8, 8, 1],
        "expected padding `valid` or `same`, received `causal`",
    );
    check(
        "Conv1D",
        json!({"filters": 2, "kernel_size": 3, "strides": 0}),
        &[8, 1],
        "expected window sizes, strides and dilations of at least 1, received [[3], [0], [1]]",
    );
    check(
        "Conv1D",
        json!({"filters": 2, "kernel_size": 3, "groups": 2}),
        &[8, 3],
        "expected channels and filters that the groups divide, received 3 channels, 2 filters, 2 groups",
    );
    check(
        "Conv1D",
        json!({"filters": 2, "kernel_size": 3}),
        &[2, 1],
        "Conv: expected at least 3 elements on spatial axis 0 (window [3]), received 2",
    );
    check(
        "Reshape",
        json!({"target_shape": [4, -1]}),
        &[3, 2],
        "expected an input [batch, …] whose rows have the elements of [4, -1], received f32[batch, 3, 2]",
    );
    check(
        "Reshape",
        json!({"target_shape": [-1, -1]}),
        &[3, 2],
        "expected an input [batch, …] whose rows have the elements of [-1, -1], received f32[batch, 3, 2]",
    );
    check(
        "Permute",
        json!({"dims": [2, 1, 3]}),
        &[3, 2],
        "expected an input with the axes 1 … 3 behind the batch, for [2, 1, 3], received f32[batch, 3, 2]",
    );
    check(
        "Concatenate",
        json!({"axis": 0}),
        &[3],
        "expected inputs [batch, …] with an axis 0 behind the batch, received f32[batch, 3]",
    );
    check("Dropout", json!({"rate": 1.0}), &[3], "expected a rate of at least 0 and below 1, received 1");
    check(
        "Dropout",
        json!({"rate": 0.5, "noise_shape": [null, 2]}),
        &[3],
        "expected an input to which [None, Some(2)] broadcasts, received f32[batch, 3]",
    );
    check(
        "Normalization",
        json!({}),
        &[3],
        "expected mean and variance, given or from `adapt`, received none",
    );
    check(
        "Normalization",
        json!({"mean": [1.0, 2.0], "variance": 1.0}),
        &[3],
        "expected 3 means and variances for f32[batch, 3], received 2",
    );
    check("LayerNormalization", json!({"axis": [1, -1]}), &[3], "expected each axis once, received [1, -1]");
    check(
        "LayerNormalization",
        json!({"axis": 0}),
        &[3],
        "expected an input whose axis 0 has a fixed size, received f32[batch, 3]",
    );
    check(
        "Rescaling",
        json!({"scale": [1.0, 2.0]}),
        &[3],
        "expected an input [batch, …, 2], received f32[batch, 3]",
    );
    check("Subtract", json!(null), &[3], "expected 2 inputs, received 1");
    check("Dot", json!({"axes": 1}), &[3], "expected 2 inputs, received 1");
    check(
        "AveragePooling1D",
        json!({"padding": "causal"}),
        &[4, 1],
        "expected padding `valid` or `same`, received `causal`",
    );
    check(
        "Conv2DTranspose",
        json!({"filters": 2, "kernel_size": 3, "strides": 2, "dilation_rate": [1, 2]}),
        &[4, 4, 1],
        "expected strides or a dilation_rate of 1, received [2, 2] and [1, 2]",
    );
    check(
        "Conv1DTranspose",
        json!({"filters": 2, "kernel_size": 3, "strides": 2, "output_padding": 2}),
        &[4, 1],
        "expected an output_padding below the strides [2], received [2]",
    );
    check(
        "DepthwiseConv1D",
        json!({"kernel_size": 3, "depth_multiplier": 0}),
        &[4, 1],
        "expected a depth_multiplier of at least 1, received 0",
    );
    check(
        "SeparableConv2D",
        json!({"filters": 2, "kernel_size": 5}),
        &[4, 8, 1],
        "Conv: expected at least 5 elements on spatial axis 0 (window [5, 5]), received 4",
    );
    check(
        "AdaptiveMaxPooling2D",
        json!({"output_size": [2, 0]}),
        &[4, 4, 1],
        "expected an output_size of 1 to 65536, received [2, 0]",
    );
    check(
        "Cropping2D",
        json!({"cropping": [[0, 0], [2, 2]]}),
        &[4, 4, 1],
        "expected more than 4 elements on spatial axis 1, received f32[batch, 4, 4, 1]",
    );
    check("UpSampling1D", json!({"size": 0}), &[4, 1], "expected sizes of at least 1, received [0]");
    check(
        "GroupNormalization",
        json!({"groups": 3}),
        &[4],
        "expected groups that divide 4, or -1, received 3",
    );
    check(
        "GroupNormalization",
        json!({"groups": 0, "axis": 1}),
        &[4, 2],
        "expected groups that divide 4, or -1, received 0",
    );
    check(
        "GaussianNoise",
        json!({"stddev": 2.0}),
        &[4],
        "expected a standard deviation from 0 to 1, received 2",
    );
    check(
        "SpatialDropout1D",
        json!({"rate": 1.0}),
        &[4, 1],
        "expected a rate of at least 0 and below 1, received 1",
    );
    check("ReLU", json!({"max_value": -1.0}), &[4], "expected max_value of at least 0, received -1");
    check(
        "PReLU",
        json!({"shared_axes": [2]}),
        &[4],
        "expected an input with the axes [2] behind the batch, received f32[batch, 4]",
    );
    check(
        "EinsumDense",
        json!({"equation": "ab,bc->ac", "output_shape": [2, 3]}),
        &[4],
        "expected an output_shape of 1 sizes for `ab,bc->ac`, received [Some(2), Some(3)]",
    );
    check(
        "EinsumDense",
        json!({"equation": "abc,cd->abd", "output_shape": [2, 3]}),
        &[4, 2],
        "expected an input whose axis `b` of `abc,cd->abd` has size 2, received f32[batch, 4, 2]",
    );
    check(
        "EinsumDense",
        json!({"equation": "ab,bd->ad", "output_shape": 3, "bias_axes": "x"}),
        &[4],
        "expected bias_axes among the result's of `ab,bd->ad`, received x",
    );
    for equation in
        ["", "ab", "ab,bc", "aab,bc->ac", "abc,bc->ac", "a...b,bc->ac", "...ab...,bc->ac", "ab,bc->ca"]
    {
        let said = refusal("EinsumDense", json!({"equation": equation, "output_shape": 3}), &[4]);
        let expected = "expected an equation `X,K->Y`, `...X,K->...Y` or `X...,K->Y...` of letters";
        assert!(said.starts_with(expected), "{equation}: {said}");
    }
    let expected = "layer `Conv2D`: data_format: expected `channels_last`, received `channels_first`";
    let config = json!({"filters": 2, "kernel_size": 3, "data_format": "channels_first"});
    assert_eq!(refusal("Conv2D", config, &[8, 8, 1]), expected);
    let expected = "layer `MaxPooling2D`: pool_size: expected 2 sizes, received 3";
    assert_eq!(refusal("MaxPooling2D", json!({"pool_size": [2, 2, 2]}), &[8, 8, 1]), expected);
}

/// What a layer of these settings says of inputs of these shapes, behind the batch.
fn refusal_of_several(kind: &str, config: serde_json::Value, shapes: &[&[usize]]) -> String {
    let inputs: Vec<Expr> =
        shapes.iter().enumerate().map(|(i, s)| input(&format!("x{i}"), s.to_vec())).collect();
    let layer = Object::<dyn Layer>::from_config(kind, config).unwrap().instance();
    match Model::new(&inputs[..], &layer.on(&inputs[..])).build(Seed(1)) {
        Err(Error::Layer { reason, .. }) => reason,
        Err(e) => panic!("{kind}: {e}"),
        Ok(_) => panic!("{kind}: it was built"),
    }
}

#[test]
fn attention_refuses_in_words() {
    let all = [
        ("Attention", json!({})),
        ("AdditiveAttention", json!({})),
        ("MultiHeadAttention", json!({"num_heads": 2, "key_dim": 2})),
        ("GroupQueryAttention", json!({"head_dim": 2, "num_query_heads": 2, "num_key_value_heads": 1})),
    ];
    for (kind, config) in &all {
        let check = |shapes: &[&[usize]], expected: &str| {
            assert_eq!(refusal_of_several(kind, config.clone(), shapes), expected, "{kind}");
        };
        check(&[&[3], &[3]], "expected inputs f32[batch, time, n], received f32[batch, 3]");
        check(&[&[3, 2], &[4, 2, 1]], "expected inputs f32[batch, time, n], received f32[batch, 4, 2, 1]");
        check(
            &[&[3, 2], &[4, 2], &[5, 2]],
            "expected as many keys as values, received f32[batch, 5, 2] and f32[batch, 4, 2]",
        );
        let four: [&[usize]; 4] = [&[3, 2]; 4];
        check(&four, "expected query, value and key, or the first of them, received 4");
        let mut dropped = config.clone();
        dropped["dropout"] = json!(1.0);
        let said = refusal_of_several(kind, dropped, &[&[3, 2]]);
        assert_eq!(said, "expected a rate of at least 0 and below 1, received 1", "{kind}");
    }
    for (kind, config) in &all[..2] {
        assert_eq!(
            refusal_of_several(kind, config.clone(), &[&[3, 2], &[4, 3]]),
            "expected as many numbers in a key as in a query, received f32[batch, 3, 2] and f32[batch, 4, 3]"
        );
    }
    let group = |queries: usize, keys: usize| {
        let config = json!({"head_dim": 2, "num_query_heads": queries, "num_key_value_heads": keys});
        refusal("GroupQueryAttention", config, &[3, 2])
    };
    assert_eq!(
        group(4, 3),
        "expected heads of queries that are a multiple of those of keys, received 4 and 3"
    );
    assert_eq!(
        group(2, 4),
        "expected heads of queries that are a multiple of those of keys, received 2 and 4"
    );
    let none = "expected at least one head, and numbers in its keys and values, received";
    assert_eq!(group(2, 0), format!("{none} 2 heads, 0 of keys and values, 2 and 2"));
    let heads = |settings: serde_json::Value| {
        let mut config = json!({"num_heads": 2, "key_dim": 2});
        config.as_object_mut().unwrap().extend(settings.as_object().unwrap().clone());
        refusal("MultiHeadAttention", config, &[3, 2])
    };
    assert_eq!(heads(json!({"value_dim": 0})), format!("{none} 2 heads, 2 and 0"));
    assert_eq!(heads(json!({"sliding_window": 0})), "expected a sliding_window of at least 1, received 0");
    let said = heads(json!({"output_shape": [2, 0]}));
    assert_eq!(said, "expected an output_shape of sizes of at least 1, received [2, 0]");
    let said =
        Object::<dyn Layer>::from_config("Attention", json!({"score_mode": "sum"})).unwrap_err().to_string();
    assert!(said.contains("score_mode: ") && said.contains("`dot` or `concat`"), "{said}");
}

#[test]
fn a_message_says_where_a_layer_was_written() {
    let (a, b) = (input("a", [2]), input("b", [3]));
    let line = line!() + 1;
    let sum = &a + &b;
    let error = Model::new([&a, &b], &sum).build(Seed(1)).unwrap_err().to_string();
    let place = format!("layer `add` (Add, written at {}:{line}:", file!());
    assert!(error.starts_with(&place), "{error}");
    assert!(
        error.ends_with(
            "expected two operands of equal type and shape, received f32[batch, 2], f32[batch, 3]"
        )
    );
}

#[test]
fn expressions_have_operators() {
    let (a, b) = (input("a", [2]), input("b", [2]));
    let y = &(&a + &b) * &a - concat([&a, &b], 1).output(0) * concat([&b, &b], -1);
    // Shapes [2] and [4] do not go together: the difference is refused, its parts are not.
    assert!(Model::new([&a, &b], &y).build(Seed(1)).is_err());
    let y = (&a + &b) * &a - &b * (&a - &b);
    let model = Model::new([&a, &b], &y).build(Seed(1)).unwrap();
    let data = Dataset::default().input("a", arr2(&[[3.0_f32, -1.0]])).input("b", arr2(&[[2.0_f32, 5.0]]));
    // (3 + 2)·3 − 2·(3 − 2), (−1 + 5)·(−1) − 5·(−1 − 5).
    assert_eq!(model.predict_all(&data).unwrap()[0].as_f32(), Some(&[13.0, 26.0][..]));
}

/// Masks of words 0 through merges: seen by a mean, which leaves masked places out.
#[test]
fn masks_go_through_merges() {
    // Two sequences of two words, of which 0 is none; every word w embeds as [w, 10 w].
    let table = Buffer::from_f32(&[5, 2], &[0.0, 0.0, 1.0, 10.0, 2.0, 20.0, 3.0, 30.0, 4.0, 40.0]).unwrap();
    let (a, b) = (input_of("a", DType::I32, [2]), input_of("b", DType::I32, [2]));
    let check = |merge: &dyn Fn(&Expr, &Expr) -> Expr, masked: [bool; 2], expected: &[f32]| {
        let embed = |zero: bool, name: &str| Embedding::new(5, 2).mask_zero(zero).named(name);
        let (ea, eb) = (embed(masked[0], "ea").on(&a), embed(masked[1], "eb").on(&b));
        let y = GlobalAveragePooling1D::new().on(&merge(&ea, &eb));
        let mut model = Model::new([&a, &b], &y).build(Seed(1)).unwrap();
        model.set_weight("ea/embeddings", table.clone()).unwrap();
        model.set_weight("eb/embeddings", table.clone()).unwrap();
        let data = Dataset::default().input("a", arr2(&[[1_i32, 0]])).input("b", arr2(&[[2_i32, 0]]));
        assert_eq!(model.predict_all(&data).unwrap()[0].as_f32(), Some(expected));
    };
    let add: &dyn Fn(&Expr, &Expr) -> Expr = &|a, b| a + b;
    // The second place is masked in both: the mean is that of the first, 1 + 2 and 10 + 20.
    check(add, [true, true], &[3.0, 30.0]);
    // One without a mask takes it from the sum: the mean is over two places.
    check(add, [true, false], &[1.5, 15.0]);
    check(&|a, b| concat([a, b], -1), [true, true], &[1.0, 10.0, 2.0, 20.0]);
    check(&|a, b| concat([a, b], -1), [true, false], &[0.5, 5.0, 1.0, 10.0]);
    // Along time each part keeps its own: (1 + 2) / 2; without a mask of the second (1 + 2 + 0) / 3.
    check(&|a, b| concat([a, b], 1), [true, true], &[1.5, 15.0]);
    check(&|a, b| concat([a, b], 1), [true, false], &[1.0, 10.0]);
    // Convolution and flattening lose it, as in Keras.
    check(&|a, b| MaxPooling1D::new(1).on(&(a + b)), [true, true], &[1.5, 15.0]);
}

/// Moving statistics after three steps on the same rows: 1 − 0.9³ of the way from 0 and 1 to those of the rows.
#[test]
fn batch_normalization_moves_its_statistics_in_training() {
    let norm = BatchNormalization::new().momentum(0.9).named("norm");
    let mut model =
        Sequential::new([1]).add(norm).add(Dense::new(1).activation(Sigmoid)).build(Seed(1)).unwrap();
    let x = array![[1.0_f32], [3.0], [5.0], [7.0]];
    let y = array![[0.0_f32], [0.0], [1.0], [1.0]];
    let training = Training::new(BinaryCrossentropy::new(), Adam::new());
    let mut trainer = model.trainer(training).unwrap();
    for _ in 0..3 {
        trainer.train_on_batch(&Dataset::new(&x, &y)).unwrap();
    }
    let state = |name: &str| model.weight(&format!("norm/{name}")).unwrap().as_f32().unwrap()[0];
    let share = 1.0 - 0.9_f32.powi(3);
    assert!((state("moving_mean") - share * 4.0).abs() < 1e-5, "{}", state("moving_mean"));
    assert!(
        (state("moving_variance") - (1.0 + share * (5.0 - 1.0))).abs() < 1e-5,
        "{}",
        state("moving_variance")
    );
}

/// A layer that is used twice moves its statistics twice in a step.
#[test]
fn a_shared_batch_normalization_moves_twice() {
    let (a, b) = (input("a", [1]), input("b", [1]));
    let norm = BatchNormalization::new().momentum(0.5).named("norm");
    let y = Dense::new(1).activation(Sigmoid).on(&(&norm.on(&a) + &norm.on(&b)));
    let mut model = Model::new([&a, &b], &y).build(Seed(1)).unwrap();
    let rows = |v: f32| arr2(&[[v], [v]]);
    let data = Dataset::default().input("a", rows(4.0)).input("b", rows(8.0)).target("dense", rows(1.0));
    let mut trainer = model.trainer(Training::new(BinaryCrossentropy::new(), Adam::new())).unwrap();
    trainer.train_on_batch(&data).unwrap();
    // (0 + 4) / 2 = 2, (2 + 8) / 2 = 5.
    assert_eq!(model.weight("norm/moving_mean").unwrap().as_f32(), Some(&[5.0][..]));
}

#[test]
fn an_embedding_refuses_numbers_beyond_its_table() {
    let x = input_of("x", DType::I32, [2]);
    let model = Model::new(&x, &Embedding::new(3, 1).on(&x)).build(Seed(1)).unwrap();
    assert!(model.predict(arr2(&[[0_i32, 2]])).is_ok());
    for wrong in [3, -1] {
        let error = model.predict(arr2(&[[0_i32, wrong]])).unwrap_err().to_string();
        assert!(error.contains(&wrong.to_string()), "{error}");
    }
}

/// Lengths of sequences may be open: sizes follow from them.
#[test]
fn spatial_sizes_may_be_symbols() {
    let x = input("x", [Dim::symbol("time"), 2.into()]);
    let h = Conv1D::new(3, 2).strides(2).padding(nervure_nn::layers::Padding::Same).on(&x);
    let h = AveragePooling1D::new(2).on(&h);
    let model = Model::new(&x, &GlobalMaxPooling1D::new().on(&h)).build(Seed(1)).unwrap();
    for time in [4, 7] {
        let y = model.predict(ndarray::Array3::<f32>::ones((2, time, 2))).unwrap();
        assert_eq!(y.shape(), [2, 3]);
    }
}

#[test]
fn normalization_adapts_to_rows() {
    let x = array![[[1.0_f32, 2.0], [3.0, 4.0]], [[5.0, 6.0], [7.0, 12.0]]];
    let check = |layer: Normalization, mean: &[f64], variance: &[f64]| {
        let config = json!(layer.adapt(&x).unwrap());
        assert_eq!(config["mean"], json!(mean));
        assert_eq!(config["variance"], json!(variance));
    };
    // Last axis: 1, 3, 5, 7 and 2, 4, 6, 12.
    check(Normalization::new(), &[4.0, 6.0], &[5.0, 14.0]);
    check(Normalization::new().axis(1), &[3.5, 6.5], &[4.25, 12.25]);
    check(Normalization::new().axis([]), &[5.0], &[10.5]);
    check(Normalization::new().axis([1, 2]), &[3.0, 4.0, 5.0, 8.0], &[4.0, 4.0, 4.0, 16.0]);
    let error = |x: ndarray::Array1<f32>| Normalization::new().axis(1).adapt(x).unwrap_err().to_string();
    assert_eq!(error(arr1(&[1.0])), "normalization: expected rows with an axis 1, received f32[1]");
    assert_eq!(error(arr1(&[])), "normalization: expected finite numbers, at least one, received f32[0]");
    assert_eq!(
        error(arr1(&[f32::NAN])),
        "normalization: expected finite numbers, at least one, received f32[1]"
    );
}

/// Which half of an image is bright: learnt by a network of most kinds of layers, to the same bits on one thread and on two.
#[test]
fn an_image_network_trains_to_the_same_bits_on_any_threads() {
    let bright = |n: usize, j: usize| n.is_multiple_of(2) == (j < 4);
    let x = ndarray::Array4::from_shape_fn((64, 6, 8, 1), |(n, i, j, _)| {
        let noise = ((n * 31 + i * 7 + j * 13) % 17) as f32 / 17.0;
        if bright(n, j) { 0.5 + noise } else { noise }
    });
    let y = ndarray::Array1::from_shape_fn(64, |n| (n % 2) as i32);
    let train = |threads: usize| {
        let mut model = Sequential::new([6, 8, 1])
            .add(Rescaling::new(2.0).offset(-1.0))
            .add(
                Conv2D::new(4, 3)
                    .padding(nervure_nn::layers::Padding::Same)
                    .kernel_regularizer(L2::new(1e-3)),
            )
            .add(BatchNormalization::new())
            .add(Activation::new(Gelu))
            .add(MaxPooling2D::new(2))
            .add(Flatten::new())
            .add(Dropout::new(0.2))
            .add(Dense::new(2).activation(Softmax))
            .build(Seed(3))
            .unwrap()
            .with_threads(std::sync::Arc::new(nervure_nn::Threads::new(threads)));
        let fit = Fit::new(SparseCategoricalCrossentropy::new(), Adam::new().learning_rate(0.01)).epochs(8);
        let history = model.fit(&Dataset::new(&x, &y), fit.batch_size(20)).unwrap();
        let losses = history.get("loss");
        assert!(losses[7] < 0.5 * losses[0], "{losses:?}");
        let bits = |b: &Buffer| b.as_f32().unwrap().iter().map(|v| v.to_bits()).collect::<Vec<_>>();
        model.weights().map(|(path, w)| (path.to_string(), bits(w))).collect::<Vec<_>>()
    };
    assert_eq!(train(1), train(2));
}

/// The example of Keras's documentation.
#[test]
fn categories_may_be_weighted() {
    use nervure_nn::layers::OutputMode;
    let (words, weights) = (input_of("words", DType::I32, [2]), input("weights", [2]));
    let counted = CategoryEncoding::new(4).output_mode(OutputMode::Count).on([&words, &weights]);
    let model = Model::new([&words, &weights], &counted).build(Seed(1)).unwrap();
    let data = Dataset::default()
        .input("words", arr2(&[[0, 1], [0, 0], [1, 2], [3, 1]]))
        .input("weights", arr2(&[[0.1_f32, 0.2], [0.1, 0.1], [0.2, 0.3], [0.4, 0.2]]));
    let counts = model.predict_all(&data).unwrap();
    let expected = [0.1, 0.2, 0.0, 0.0, 0.2, 0.0, 0.0, 0.0, 0.0, 0.2, 0.3, 0.0, 0.0, 0.2, 0.0, 0.4];
    assert_eq!(counts[0].as_f32().unwrap(), expected);
}

/// The magnitude of nothing is a root at 0.
#[test]
fn silence_trains() {
    let mel = MelSpectrogram::new()
        .fft_length(8)
        .sequence_stride(4)
        .num_mel_bins(2)
        .mag_exp(1.0)
        .power_to_db(false);
    let chain = Sequential::new([3]).add(Dense::new(12)).add(mel).add(Flatten::new()).add(Dense::new(1));
    let mut model = chain.build(Seed(1)).unwrap();
    let rows = Dataset::new(ndarray::Array2::<f32>::zeros((4, 3)), ndarray::Array1::<f32>::ones(4));
    model.fit(&rows, Fit::new(MeanSquaredError, SGD::new())).unwrap();
    assert!(model.weights().all(|(_, w)| w.as_f32().unwrap().iter().all(|v| v.is_finite())));
}

#[test]
fn a_network_within_another_comes_back_from_a_file() {
    let inner =
        Sequential::new([3]).add(Dense::new(4).activation(Relu)).add(Dense::new(3)).network().unwrap();
    let x = input("x", [3]);
    let inner = inner.named("inner");
    let network = nervure_nn::Network::new(&x, &inner.on(&inner.on(&x))).unwrap();
    let written = serde_json::to_string(&network).unwrap();
    let read: nervure_nn::Network = serde_json::from_str(&written).unwrap();
    assert_eq!(read, network);
    let rows = ndarray::Array2::from_shape_fn((4, 3), |(i, j)| (i * 3 + j) as f32 / 5.0 - 1.0);
    let [before, after] =
        [network, read].map(|network| network.build(Seed(7)).unwrap().predict(&rows).unwrap());
    assert_eq!(before, after);
}
