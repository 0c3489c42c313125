//! What golden files cannot show, with the test that shows it: what is random, and what Keras does not have or does otherwise.

/// Words and settings that have no golden case.
pub struct Elsewhere {
    /// Of one family.
    pub words: &'static [&'static str],
    /// Settings of theirs; all, and the words themselves, where none is named.
    pub settings: &'static [&'static str],
    /// Why Keras's numbers are of no use.
    pub why: &'static str,
    /// The test: its module under `tests/all`, and its name.
    pub test: &'static str,
}

const fn elsewhere(
    words: &'static [&'static str],
    settings: &'static [&'static str],
    why: &'static str,
    test: &'static str,
) -> Elsewhere {
    Elsewhere { words, settings, why, test }
}

/// Of `layers/core`.
pub const CORE: &[Elsewhere] = &[
    elsewhere(
        &["Functional"],
        &[],
        "made of layers that have cases of their own",
        "layers::a_network_within_another_comes_back_from_a_file",
    ),
    elsewhere(&["Dropout"], &[], "random", "conformance::dropout_draws_anew_at_each_step"),
    elsewhere(&["AlphaDropout"], &[], "random", "noise::alpha_dropout_keeps_mean_and_variance"),
    elsewhere(&["GaussianDropout"], &[], "random", "noise::gaussian_dropout_multiplies_by_numbers_around_1"),
    elsewhere(&["GaussianNoise"], &[], "random", "noise::gaussian_noise_is_normal"),
    elsewhere(
        &["SpatialDropout1D", "SpatialDropout2D", "SpatialDropout3D"],
        &[],
        "random",
        "noise::spatial_dropout_drops_whole_channels",
    ),
];

/// Of `layers/convolution`.
pub const CONVOLUTION: &[Elsewhere] = &[];

/// Of `layers/normalization`.
pub const NORMALIZATION: &[Elsewhere] = &[];

/// Of `layers/recurrent`.
pub const RECURRENT: &[Elsewhere] = &[
    elsewhere(
        &["GRU", "LSTM", "RNN", "SimpleRNN"],
        &["stateful"],
        "the batch has another size than any",
        "recurrent::a_stateful_layer_goes_on_where_it_stopped",
    ),
    elsewhere(
        &["SimpleRNN", "SimpleRNNCell"],
        &["dropout", "recurrent_dropout"],
        "random",
        "recurrent::inputs_and_states_are_dropped_the_same_in_every_step",
    ),
    elsewhere(
        &["GRU", "GRUCell", "LSTM", "LSTMCell"],
        &["dropout", "recurrent_dropout"],
        "random",
        "recurrent::every_gate_drops_its_own",
    ),
];

/// Of `layers/attention`.
pub const ATTENTION: &[Elsewhere] = &[];

/// Of `layers/preprocessing`.
pub const PREPROCESSING: &[Elsewhere] = &[
    elsewhere(&["CutMix"], &[], "random", "noise::rectangles_of_other_images_are_put_in"),
    elsewhere(&["MixUp"], &[], "random", "noise::rows_are_mixed_with_others_by_beta"),
    elsewhere(&["RandomBrightness"], &[], "random", "noise::brightness_is_changed_by_image"),
    elsewhere(&["RandomContrast"], &[], "random", "noise::contrast_is_changed_by_image"),
    elsewhere(
        &["RandomRotation", "RandomTranslation", "RandomZoom"],
        &[],
        "random",
        "noise::images_are_moved_as_a_search_pixel_by_pixel_says",
    ),
    elsewhere(&["RandomErasing"], &[], "random", "noise::rectangles_of_images_are_erased"),
    elsewhere(&["RandomFlip"], &[], "random", "noise::images_are_flipped_or_not"),
];

pub const ACTIVATIONS: &[Elsewhere] = &[];

pub const LOSSES: &[Elsewhere] = &[];

pub const METRICS: &[Elsewhere] = &[
    elsewhere(
        &["balanced_accuracy"],
        &[],
        "no metric of Keras",
        "metrics::balanced_accuracy_is_the_mean_recall_of_classes",
    ),
    elsewhere(&["huber"], &[], "no metric of Keras", "metrics::losses_are_means_of_their_values"),
    elsewhere(&["named"], &[], "Keras has it as an argument", "metrics::a_metric_may_have_another_name"),
    elsewhere(
        &["sparse_categorical_crossentropy"],
        &["ignore_class"],
        "no setting of Keras's metric",
        "metrics::losses_are_means_of_their_values",
    ),
];

pub const OPTIMIZERS: &[Elsewhere] = &[];

pub const SCHEDULES: &[Elsewhere] = &[];

pub const REGULARIZERS: &[Elsewhere] = &[];

pub const CONSTRAINTS: &[Elsewhere] = &[];

pub const INITIALIZERS: &[Elsewhere] = &[
    elsewhere(
        &[
            "GlorotNormal",
            "GlorotUniform",
            "HeNormal",
            "HeUniform",
            "LecunNormal",
            "LecunUniform",
            "RandomNormal",
            "RandomUniform",
            "TruncatedNormal",
            "VarianceScaling",
        ],
        &[],
        "random",
        "initializers::mean_variance_and_bounds",
    ),
    elsewhere(&["Orthogonal"], &[], "random", "initializers::orthogonal_vectors_are_orthogonal"),
];
