"""Writes training.json: the losses of 50 steps in which Keras trains five networks, from weights and on batches that a formula gives.

    pip install keras==3.15.1 jax==0.10.2
    python training.py > training.json
"""
import json
import os

os.environ["KERAS_BACKEND"] = "jax"
import jax
import keras
import numpy as np
from keras import layers

STEPS, ROWS, BATCHES = 50, 16, 4


def noise(start, *shape):
    """Numbers in [-0.5, 0.5) without pattern: the test has the same formula."""
    i = np.arange(start, start + np.prod(shape, dtype=int), dtype=np.int64)
    return (i * 2654435761 % 1009 / 1009 - 0.5).reshape(shape).astype("float32")


def losses(model, optimizer, loss, target, rate=None, **compiled):
    """The losses of the steps: of all outputs, and of each apart where there are several. With the rate of a plain gradient descent, the first step's gradients."""
    model.compile(optimizer=optimizer, loss=loss, **compiled)
    weights = sorted((w for w in model.weights if "seed" not in w.path), key=lambda w: w.path)
    for i, w in enumerate(weights):
        start = 1.0 if "gamma" in w.path or "variance" in w.path else 0.0
        w.assign(start + noise(1000 * (i + 1), *w.shape) * (0.2 if start else 0.8))
    x = noise(7, ROWS * BATCHES, *model.input_shape[1:])
    y = target(x)
    before = [np.asarray(w) for w in weights]
    found, more = {}, {}
    for step in range(STEPS):
        rows = slice(step % BATCHES * ROWS, (step % BATCHES + 1) * ROWS)
        model.reset_metrics()
        of_step = model.train_on_batch(x[rows], keras.tree.map_structure(lambda t: t[rows], y), return_dict=True)
        for name, value in of_step.items():
            found.setdefault(name, []).append(float(value))
        if step == 0 and rate:
            stepped = {w.path: (old - np.asarray(w)) / rate for w, old in zip(weights, before)}
            more["first_step"] = {"rate": rate, "gradients": {path: [float(v) for v in g.ravel()] for path, g in stepped.items()}}
    all_outputs = found.pop("loss")
    if found:
        more["parts"] = found
    return {"weights": [w.path for w in weights], "losses": all_outputs} | more


def mlp():
    model = keras.Sequential([
        layers.Input((8,)), layers.Dense(10, "relu", name="a"), layers.Dense(8, "relu", name="b"), layers.Dense(1, "sigmoid", name="c"),
    ])
    return losses(model, keras.optimizers.Adam(0.01), "binary_crossentropy", lambda x: (x[:, :1] * x[:, 1:2] > 0).astype("float32"))


def cnn():
    model = keras.Sequential([
        layers.Input((8, 8, 2)), layers.Conv2D(6, 3, padding="same", use_bias=False, name="a"), layers.BatchNormalization(name="b"),
        layers.Activation("relu"), layers.MaxPooling2D(2), layers.Conv2D(8, 3, activation="relu", name="c"), layers.Flatten(),
        layers.Dense(3, "softmax", name="d"),
    ])
    target = lambda x: np.argmax(x[:, 2:5, 4, 0], axis=1).astype("int32")
    return losses(model, keras.optimizers.SGD(0.01, momentum=0.9, nesterov=True), "sparse_categorical_crossentropy", target)


def lstm():
    model = keras.Sequential([layers.Input((12, 3)), layers.LSTM(10, name="a"), layers.Dense(1, name="b")])
    return losses(model, keras.optimizers.RMSprop(0.005), "mean_squared_error", lambda x: x[:, :, :1].sum(axis=1))


def transformer():
    x = layers.Input((6, 8))
    attention = layers.MultiHeadAttention(2, 4, name="a")(x, x)
    h = layers.LayerNormalization(name="b")(x + attention)
    inner = layers.Dense(8, name="d")(layers.Dense(16, "gelu", name="c")(h))
    h = layers.LayerNormalization(name="e")(h + inner)
    y = layers.Dense(2, name="f")(layers.GlobalAveragePooling1D()(h))
    model = keras.Model(x, y)
    return losses(model, keras.optimizers.AdamW(0.01, weight_decay=0.02), "huber", lambda x: x[:, 0, :2] - x[:, -1, :2])


def outputs():
    x = layers.Input((4,))
    penalty = keras.regularizers.L2(0.01)
    h = layers.Dense(5, "tanh", kernel_regularizer=penalty, activity_regularizer=penalty, name="a")(x)
    c = layers.Dense(2, activity_regularizer=keras.regularizers.L1(0.1), name="c")(h)
    model = keras.Model(x, {"b": layers.Dense(1, "sigmoid", name="b")(h), "c": c})
    target = lambda x: {"b": (x[:, :1] > x[:, 1:2]).astype("float32"), "c": x[:, 2:] - x[:, :2]}
    loss, weights = {"b": "binary_crossentropy", "c": "mean_squared_error"}, {"b": 0.3, "c": 2.0}
    return losses(model, keras.optimizers.SGD(0.5), loss, target, rate=0.5, loss_weights=weights)


found = {f.__name__: f() for f in [mlp, cnn, lstm, transformer, outputs]}
print(json.dumps({"versions": {"keras": keras.__version__, "jax": jax.__version__}, "networks": found}, indent=1))
