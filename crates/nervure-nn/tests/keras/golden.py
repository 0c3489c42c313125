"""Writes golden.json: what Keras computes, in double precision, for the words that the crate has under the same names and settings.

    pip install keras==3.15.1 jax==0.10.2
    python golden.py > golden.json
"""
import json
import os

os.environ["KERAS_BACKEND"] = "jax"
os.environ["JAX_ENABLE_X64"] = "1"
import jax
import keras
import numpy as np

keras.config.set_floatx("float64")
# Keras takes double precision back to single in many functions, but for this table.
keras.src.backend.common.dtypes.BIT64_TO_BIT32_DTYPE["float64"] = "float64"
random = np.random.default_rng(1)
cases = []


def array(x):
    x = np.asarray(x)
    assert x.dtype != np.float32
    whole = x.dtype.kind in "iu"
    values = [int(v) if whole else float(f"{v:.13g}") for v in x.ravel()]
    return {"dtype": "i32" if whole else "f32", "shape": list(x.shape), "values": values}


def normal(*shape):
    return np.round(random.normal(size=shape), 3)


def name_of(weight):
    """Its name within its layer: parts of layers made of layers are named, the cell of a recurrent layer is not."""
    return "/".join(part for part in weight.path.split("/")[1:] if not part.endswith("_cell"))


def gradients(layer, inputs, **arguments):
    """Of Σ y · cos(0, 1, 2, …), to the inputs and the weights."""
    def loss(weights, inputs):
        y, _ = layer.stateless_call(weights, layer.non_trainable_variables, *inputs, **arguments)
        return (y * np.cos(np.arange(y.size)).reshape(y.shape)).sum()

    of_weights, of_inputs = jax.grad(loss, argnums=(0, 1))([w.value for w in layer.trainable_weights], inputs)
    named = {f"0/{name_of(w)}": array(g) for w, g in zip(layer.trainable_weights, of_weights)}
    return named | {f"x{i}": array(g) for i, g in enumerate(of_inputs)}


def case(layers, *inputs, training=False, differentiate=False, call={}):
    """A chain of layers (name, settings) applied to arrays of rows, with random weights. `call` holds arguments that Keras takes with the call and
    that are settings here."""
    if isinstance(layers, tuple):
        layers = [layers]
    built, value = [], list(inputs)
    for kind, settings in layers:
        if kind == "Activation" and isinstance(settings["activation"], dict):
            function = keras.activations.get(settings["activation"]["class_name"])
            named = settings["activation"]["config"]
            layer = keras.layers.Activation(lambda x: function(x, **named))
        else:
            layer = getattr(keras.layers, kind)(**settings)
        argument = value[0] if len(value) == 1 else value
        apart = kind == "MultiHeadAttention"
        if apart:
            value = value if len(value) > 1 else value * 2
            layer.build(*[v.shape for v in value])
        else:
            layer.build(argument.shape if len(value) == 1 else [v.shape for v in value])
        weights = {}
        for w in layer.weights:
            if "seed" in w.path:
                continue
            drawn = normal(*w.shape)
            w.assign(np.abs(drawn) + 0.5 if "variance" in w.name else drawn)
            weights[name_of(w)] = array(w)
        tensors = [keras.ops.convert_to_tensor(v) for v in value]
        for old, new in zip(value, tensors):
            keras.src.backend.set_keras_mask(new, keras.src.backend.get_keras_mask(old))
        arguments = {"training": training} if layer._call_has_training_arg else {}
        arguments |= call
        found = gradients(layer, tensors, **arguments) if differentiate else {}
        value = [layer(*tensors, **arguments) if len(value) == 1 or apart else layer(tensors, **arguments)]
        built.append({"class_name": kind, "config": settings | call, "weights": weights})
        states = {name_of(w): array(w) for w in layer.non_trainable_weights if "seed" not in w.path}
        built[-1]["states"] = states if training else {}
    mask = keras.src.backend.get_keras_mask(value[0])
    cases.append({
        "layers": built,
        "training": training,
        "inputs": [array(x) for x in inputs],
        "output": array(value[0]),
        "mask": None if mask is None else [bool(b) for b in np.asarray(mask).ravel()],
    } | ({"gradients": found} if differentiate else {}))


# Kinks and far ends included. Without sparsemax: where several elements are positive, the results of Keras 3.15 do not add up to 1.
line = np.array([[-30, -6, -3.5, -3, -2, -1, -0.5, -0.4, -0.1, 0], [0.1, 0.3, 0.5, 0.7, 1, 1.5, 2.5, 3, 6, 30.0]])
plain = """elu selu softplus softsign silu swish relu relu6 leaky_relu gelu tanh sigmoid exponential hard_sigmoid hard_silu
hard_swish linear mish log_softmax softmax celu glu hard_tanh hard_shrink soft_shrink tanh_shrink squareplus log_sigmoid
sparse_plus sparse_sigmoid"""
for name in plain.split():
    case(("Activation", {"activation": name}), line)
for name, settings in [
    ("relu", {"negative_slope": 0.1}),
    ("relu", {"max_value": 2.0}),
    ("relu", {"negative_slope": 0.1, "max_value": 2.0, "threshold": 0.4}),
    ("relu", {"negative_slope": 0.1, "threshold": -0.4}),
    ("relu", {"max_value": 2.0, "threshold": -0.4}),
    ("leaky_relu", {"negative_slope": 0.3}),
    ("elu", {"alpha": 0.5}),
    ("celu", {"alpha": 0.5}),
    ("gelu", {"approximate": True}),
    ("hard_shrink", {"threshold": 1.0}),
    ("soft_shrink", {"threshold": 1.0}),
    ("squareplus", {"b": 0.5}),
    ("threshold", {"threshold": 0.3, "default_value": -1.0}),
]:
    case(("Activation", {"activation": {"class_name": name, "config": settings}}), line)
for name in ["softmax", "log_softmax", "glu"]:
    case(("Activation", {"activation": {"class_name": name, "config": {"axis": 1}}}), normal(2, 4, 3))

case(("Dense", {"units": 3, "activation": "tanh"}), normal(2, 4))
case(("Dense", {"units": 2, "use_bias": False}), normal(2, 3, 4))
case(("Flatten", {}), normal(2, 3, 2))
case(("Reshape", {"target_shape": [3, -1, 2]}), normal(2, 4, 3))
case(("Permute", {"dims": [3, 1, 2]}), normal(2, 2, 3, 4))
case(("Rescaling", {"scale": 0.5, "offset": -1.0}), normal(2, 3))
case(("Rescaling", {"scale": [0.5, 2.0], "offset": 1.0}), normal(2, 3, 2))
case(("Normalization", {"mean": [1.0, 2.0], "variance": [4.0, 0.0]}), normal(2, 3, 2))
case(("Normalization", {"axis": None, "mean": 0.5, "variance": 2.0, "invert": True}), normal(2, 3))
for name in ["Add", "Multiply", "Average", "Maximum", "Minimum"]:
    case((name, {}), normal(2, 3), normal(2, 3), normal(2, 3))
    case((name, {}), normal(2, 3), normal(2, 4, 1))
case(("Subtract", {}), normal(2, 3), normal(2, 2, 3))
case(("Concatenate", {}), normal(2, 3, 1), normal(2, 3, 2))
case(("Concatenate", {"axis": 1}), normal(2, 1, 2), normal(2, 3, 2))
case(("Embedding", {"input_dim": 5, "output_dim": 3}), np.array([[0, 4, 1], [2, 2, 3]]))

for n in [1, 2, 3]:
    x = lambda c: normal(1, *range(4, 4 + n), c)
    case((f"Conv{n}D", {"filters": 2, "kernel_size": [2, 3, 2][:n]}), x(2))
    case((f"Conv{n}D", {"filters": 4, "kernel_size": 3, "strides": 2, "padding": "same", "groups": 2}), x(2))
    case((f"Conv{n}D", {"filters": 1, "kernel_size": 2, "dilation_rate": 2, "use_bias": False, "activation": "relu"}), x(1))
    case((f"Conv{n}D", {"filters": 1, "kernel_size": 2, "dilation_rate": 2, "padding": "same"}), x(1))
    for kind in ["Max", "Average"]:
        case((f"{kind}Pooling{n}D", {"pool_size": 2}), x(2))
        case((f"{kind}Pooling{n}D", {"pool_size": 3, "strides": 2, "padding": "same"}), x(2))
        case((f"{kind}Pooling{n}D", {"pool_size": 3, "strides": 1}), x(1))
        case((f"Global{kind}Pooling{n}D", {}), x(2))
        case((f"Global{kind}Pooling{n}D", {"keepdims": True}), x(2))
case(("Conv1D", {"filters": 2, "kernel_size": 3, "padding": "causal", "dilation_rate": 2}), normal(2, 6, 1))
case(("Conv1D", {"filters": 2, "kernel_size": 3, "padding": "causal", "strides": 2}), normal(2, 6, 1))

for training in [False, True]:
    case(("BatchNormalization", {}), normal(4, 3), training=training)
    case(("BatchNormalization", {"axis": 1, "momentum": 0.5, "epsilon": 0.1, "scale": False}), normal(3, 2, 4), training=training)
    case(("BatchNormalization", {"center": False}), normal(2, 2, 3, 2), training=training)
case(("LayerNormalization", {}), normal(2, 4))
case(("LayerNormalization", {"axis": [1, 2], "epsilon": 0.1}), normal(2, 3, 4))
case(("LayerNormalization", {"axis": 1, "center": False}), normal(2, 3, 4))
case(("LayerNormalization", {"rms_scaling": True}), normal(2, 4))

words = np.array([[3, 1, 0, 0], [2, 0, 4, 0], [1, 2, 3, 4]])
masked = ("Embedding", {"input_dim": 5, "output_dim": 3, "mask_zero": True})
case([masked], words)
case([masked, ("GlobalAveragePooling1D", {})], words)
case([masked, ("GlobalMaxPooling1D", {})], words)
case([masked, ("BatchNormalization", {}), ("Dense", {"units": 2})], words, training=True)
case([masked, ("LayerNormalization", {}), ("Activation", {"activation": "relu"})], words)
case([masked, ("Conv1D", {"filters": 2, "kernel_size": 2, "padding": "same"})], words)
case([masked, ("Flatten", {})], words)

for kind, settings in [
    ("LSTM", {}),
    ("LSTM", {"return_sequences": True, "activation": "sigmoid", "recurrent_activation": "tanh"}),
    ("LSTM", {"return_sequences": True, "go_backwards": True, "use_bias": False}),
    ("GRU", {}),
    ("GRU", {"return_sequences": True, "reset_after": False}),
    ("GRU", {"return_sequences": True, "go_backwards": True, "use_bias": False}),
    ("GRU", {"go_backwards": True, "activation": "sigmoid", "recurrent_activation": "tanh"}),
]:
    case((kind, {"units": 3} | settings), normal(2, 5, 2), differentiate=True)
    if not ("go_backwards" in settings and "return_sequences" in settings):
        case([masked, (kind, {"units": 2} | settings)], np.array([[3, 1, 0, 0], [0, 2, 0, 4], [0, 0, 0, 0]]))
# Without a rate of dropout Keras computes attention in single precision, and gives a query that may look at nothing the mean of all values instead of 0.
attention = {"num_heads": 2, "key_dim": 3, "dropout": 0.1}
case(("MultiHeadAttention", attention), normal(2, 3, 4), normal(2, 5, 2), differentiate=True)
case(("MultiHeadAttention", attention | {"value_dim": 2, "use_bias": False}), normal(2, 3, 4), normal(2, 5, 2), normal(2, 5, 1), differentiate=True)
case(("MultiHeadAttention", attention), normal(2, 3, 4), normal(2, 4, 4), differentiate=True, call={"use_causal_mask": True})
case([masked, ("MultiHeadAttention", attention)], np.array([[3, 1, 0, 0], [2, 0, 4, 0]]))

x = normal(3, 4)
penalties = [
    {"class_name": name, "config": settings, "input": array(x), "value": float(getattr(keras.regularizers, name)(**settings)(x))}
    for name, settings in [("L1", {}), ("L2", {}), ("L1L2", {"l1": 0.1, "l2": 0.2}), ("L1", {"l1": 0.3}), ("L2", {"l2": 0.3})]
]
w = normal(2, 3, 4)
projections = [
    {"class_name": name, "config": settings, "input": array(w), "output": array(getattr(keras.constraints, name)(**settings)(w))}
    for name, settings in [
        ("MaxNorm", {}), ("MaxNorm", {"max_value": 0.7, "axis": [0, 1]}), ("MinMaxNorm", {}),
        ("MinMaxNorm", {"min_value": 1.5, "max_value": 2.5, "rate": 0.4, "axis": -1}), ("NonNeg", {}), ("UnitNorm", {}), ("UnitNorm", {"axis": [1, 2]}),
    ]
]
versions = {"keras": keras.__version__, "jax": jax.__version__}
one_line = lambda items: "[\n" + ",\n".join(json.dumps(i) for i in items) + "\n]"
print(f'{{"versions": {json.dumps(versions)},\n"cases": {one_line(cases)},\n"penalties": {one_line(penalties)},\n"projections": {one_line(projections)}}}')
