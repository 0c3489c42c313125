"""What the scripts of golden files share: Keras in double precision, numbers as JSON, and cases of layers."""
import json
import os
import re

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


def finish(**more):
    """Prints the file: versions, what else it holds, and a line a case."""
    versions = {"keras": keras.__version__, "jax": jax.__version__}
    head = "".join(f'"{name}": {json.dumps(value)},\n' for name, value in ({"versions": versions} | more).items())
    print(f'{{{head}"cases": [\n' + ",\n".join(json.dumps(c) for c in cases) + "\n]}")


def array(x):
    x = np.asarray(x)
    assert x.dtype != np.float32
    kind = {"i": "i32", "u": "i32", "b": "bool", "f": "f32"}[x.dtype.kind]
    values = [number(v) if kind == "f32" else int(v) for v in x.ravel()]
    return {"dtype": kind, "shape": list(x.shape), "values": values}


def number(v):
    v = float(f"{v:.13g}")
    return int(v) if v == int(v) else v


def normal(*shape):
    return np.round(random.normal(size=shape), 3)


def uniform(*shape):
    """Between 0 and 1, neither."""
    return np.round(random.uniform(0.001, 0.999, size=shape), 3)


def word(name, **config):
    """A word among the settings of another."""
    return {"class_name": name, "config": config}


def weight_settings(*weights):
    """Settings `…_initializer`, `…_regularizer`, `…_constraint`, other than their defaults, of the weights of these names."""
    made = {}
    for i, name in enumerate(weights):
        made[f"{name}_initializer"] = word("Constant", value=0.25 + i)
        made[f"{name}_regularizer"] = word("L1L2", l1=0.1 + i, l2=0.2)
        made[f"{name}_constraint"] = word("NonNeg")
    return made


def name_of(weight):
    """Its name within its layer: parts of layers made of layers are named, the cell of a recurrent layer is not, but for those of a stack."""
    outer, *parts = re.sub(r"_\d+$", "", weight.path.split("/")[0]), *weight.path.split("/")[1:]
    if outer == "time_distributed":
        parts[0] = "layer"
    if outer == "bidirectional":
        parts[0] = "forward_layer" if parts[0].startswith("forward_") else "backward_layer"
    stacked = "stacked_rnn_cells" in [outer, *parts]
    return "/".join(p for p in parts if p != "stacked_rnn_cells" and (stacked or not re.search(r"_cell(_\d+)?$", p)))


def own(variables):
    """Those that are weights or states here: all but the seeds of random numbers."""
    return [v for v in variables if "seed" not in v.path]


def make(kind, settings):
    # Numbers in the names of cells begin anew.
    keras.utils.clear_session()
    return made_of(kind, settings)


def made_of(kind, settings):
    """With layers in the place of words of layers among the settings."""
    part = lambda of: made_of(of["class_name"], of["config"])
    parts = {name: part(settings[name]) for name in ["layer", "backward_layer", "cell"] if name in settings}
    if "cells" in settings:
        parts["cells"] = [part(of) for of in settings["cells"]]
    settings = settings | parts
    if kind == "Activation" and isinstance(settings["activation"], dict):
        function = keras.activations.get(settings["activation"]["class_name"])
        named = settings["activation"]["config"]
        return keras.layers.Activation(lambda x: function(x, **named))
    return getattr(keras.layers, kind)(**settings)


def case(layers, *inputs, training=False, differentiate=True, apart=False, states=None, masks=[], call={}, by=None):
    """A chain of layers (name, settings) applied to arrays of rows, with random weights.

    Gradients are those of Σ y · cos(0, 1, 2, …), over all outputs, to all weights and all inputs that are floats. `apart` gives the inputs as arguments
    instead of a list, `states` gives all but the first as it puts them together; `masks` are those of the inputs, None for none; `call` holds arguments that
    Keras takes with the call and that are settings here. `by` names the layer of Keras that computes it, where that is another one.
    """
    if isinstance(layers, tuple):
        layers = [layers]
    made, built = [], []

    def arguments(layer):
        return ({"training": training} if layer._call_has_training_arg else {}) | call

    def given(values):
        # Some layers take the masks of their inputs away.
        for x, mask in zip(values, masks):
            keras.src.backend.set_keras_mask(x, None if mask is None else keras.ops.convert_to_tensor(mask))
        return values

    def apply(layer, value):
        if states:
            return keras.tree.flatten(layer(value[0], states(value[1:]), **arguments(layer)))
        value = layer(*value, **arguments(layer)) if apart or len(value) == 1 else layer(value, **arguments(layer))
        return keras.tree.flatten(value)

    value = given([keras.ops.convert_to_tensor(x) for x in inputs])
    for kind, settings in layers:
        layer = make(by or kind, settings)
        shapes = [tuple(v.shape) for v in value]
        shapes = shapes[:1] if states else shapes
        build = lambda l: l.built or (l.build(*shapes) if apart or len(shapes) == 1 else l.build(shapes))
        build(layer)
        entry = {"class_name": kind, "config": settings | call}
        if any(s.endswith("_initializer") for s in settings):
            other = make(kind, settings)
            build(other)
            pairs = zip(own(layer.weights), own(other.weights))
            entry["initial"] = {name_of(w): array(w) for w, v in pairs if np.array_equal(w, v)}
        for w in own(layer.weights):
            drawn = normal(*w.shape)
            w.assign(np.abs(drawn) + 0.5 if "variance" in w.name else drawn)
        entry["weights"] = {name_of(w): array(w) for w in own(layer.weights)}
        constrained = {name_of(w): array(w.constraint(w.value)) for w in own(layer.weights) if w.constraint is not None}
        if constrained:
            entry["constrained"] = constrained
        before = [v.value for v in layer.non_trainable_variables]
        value = apply(layer, value)
        if training and own(layer.non_trainable_weights):
            entry["states"] = {name_of(w): array(w) for w in own(layer.non_trainable_weights)}
        made.append((layer, before))
        built.append(entry)
    mask = keras.src.backend.get_keras_mask(value[0])
    found = {"layers": built, "training": training, "inputs": [array(x) for x in inputs], "outputs": [array(v) for v in value]}
    if masks:
        found["masks"] = [None if m is None else array(m) for m in masks]
    if mask is not None:
        found["mask"] = [bool(b) for b in np.asarray(mask).ravel()]
    penalties = [p for layer, _ in made for p in layer.losses]
    if penalties:
        found["penalty"] = number(sum(float(p) for p in penalties))
    if differentiate:
        found["gradients"] = gradients(made, apply, given, inputs)
    cases.append(found)


def gradients(made, apply, given, inputs):
    floats = [i for i, x in enumerate(inputs) if np.asarray(x).dtype.kind == "f"]

    def loss(weights, operands):
        value = [keras.ops.convert_to_tensor(x) for x in inputs]
        for i, x in zip(floats, operands):
            value[i] = x
        given(value)
        for (layer, states), w in zip(made, weights):
            with keras.StatelessScope([*zip(layer.trainable_variables, w), *zip(layer.non_trainable_variables, states)]):
                value = apply(layer, value)
        return sum((y * np.cos(np.arange(y.size)).reshape(y.shape)).sum() for y in value)

    weights = [[w.value for w in layer.trainable_variables] for layer, _ in made]
    of_weights, of_inputs = jax.grad(loss, argnums=(0, 1))(weights, [np.asarray(inputs[i]) for i in floats])
    named = {
        f"{i}/{name_of(w)}": array(g)
        for i, ((layer, _), of_layer) in enumerate(zip(made, of_weights))
        for w, g in zip(layer.trainable_variables, of_layer)
    }
    return named | {f"x{i}": array(g) for i, g in zip(floats, of_inputs)}
