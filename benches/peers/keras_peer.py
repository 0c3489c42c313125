"""Keras on TensorFlow: a step as one function, with and without XLA."""

import os

os.environ["KERAS_BACKEND"] = "tensorflow"
os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"

import keras
import tensorflow as tf
from keras import layers

import workloads


def network(name):
    w = workloads.WORKLOADS[name]
    x = keras.Input(w.shape)
    activation = "sigmoid" if w.classes == 1 else "softmax"
    return keras.Model(x, layers.Dense(w.classes, activation=activation)(body(name, x)))


def body(name, x):
    """All but the last layer."""
    if name in workloads.HIDDEN:
        for size in workloads.HIDDEN[name]:
            x = layers.Dense(size, activation="relu")(x)
        return x
    if name == "mnist_cnn":
        x = layers.Conv2D(32, 3, activation="relu")(x)
        x = layers.Conv2D(64, 3, activation="relu")(x)
        return layers.Dense(128, activation="relu")(layers.Flatten()(layers.MaxPooling2D()(x)))
    if name == "lstm":
        return layers.LSTM(128)(x)
    if name == "transformer":
        for _ in range(2):
            h = layers.LayerNormalization()(x)
            x = x + layers.MultiHeadAttention(4, 32)(h, h)
            h = layers.Dense(256, activation="gelu")(layers.LayerNormalization()(x))
            x = x + layers.Dense(128)(h)
        return layers.GlobalAveragePooling1D()(x)
    if name == "resnet8":
        x = layers.ReLU()(layers.BatchNormalization()(convolution(16, 3, 1, x)))
        for filters, stride in ((16, 1), (32, 2), (64, 2)):
            h = layers.ReLU()(layers.BatchNormalization()(convolution(filters, 3, stride, x)))
            h = layers.BatchNormalization()(convolution(filters, 3, 1, h))
            x = layers.ReLU()(h + (x if stride == 1 else convolution(filters, 1, stride, x)))
        return layers.GlobalAveragePooling2D()(x)
    raise KeyError(name)


def convolution(filters, size, stride, x):
    return layers.Conv2D(filters, size, stride, padding="same", use_bias=False)(x)


def steps(name, threads):
    return {"function": step(name, False), "xla": step(name, True)}


def step(name, jit):
    keras.utils.set_random_seed(42)
    x, y = map(tf.constant, workloads.batch(name))
    model, optimizer = network(name), keras.optimizers.Adam()
    optimizer.build(model.trainable_variables)
    if y.shape.rank == 2:
        loss = keras.losses.BinaryCrossentropy()
    else:
        loss = keras.losses.SparseCategoricalCrossentropy()

    @tf.function(jit_compile=jit)
    def update(x, y):
        with tf.GradientTape() as tape:
            value = loss(y, model(x, training=True))
        optimizer.apply(tape.gradient(value, model.trainable_variables), model.trainable_variables)
        return value

    return lambda: update(x, y).numpy()
