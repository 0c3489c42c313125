"""Writes training.json: the losses of 50 steps in which Keras trains four networks, from weights and on batches that a formula gives.

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


def losses(model, optimizer, loss, target):
    model.compile(optimizer=optimizer, loss=loss)
    weights = sorted((w for w in model.weights if "seed" not in w.path), key=lambda w: w.path)
    for i, w in enumerate(weights):
        start = 1.0 if "gamma" in w.path or "variance" in w.path else 0.0
        w.assign(start + noise(1000 * (i + 1), *w.shape) * (0.2 if start else 0.8))
    x = noise(7, ROWS * BATCHES, *model.input_shape[1:])
    y = target(x)
    found = []
    for step in range(STEPS):
        rows = slice(step % BATCHES * ROWS, (step % BATCHES + 1) * ROWS)
        model.reset_metrics()
        found.append(float(model.train_on_batch(x[rows], y[rows])))
    return {"weights": [w.path for w in weights], "losses": found}


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


found = {f.__name__: f() for f in [mlp, cnn, lstm, transformer]}
print(json.dumps({"versions": {"keras": keras.__version__, "jax": jax.__version__}, "networks": found}, indent=1))
