"""Losses: values of rows, the gradient of Σ values · cos(0, 1, 2, …) to the prediction, and what a batch with weights comes to."""
from common import *

weight = np.array([0.5, 2.0, 1.0, 0.0])


def loss(name, target, prediction, **settings):
    values_of = lambda y: getattr(keras.losses, name)(reduction=None, **settings)(target, y)
    values = values_of(prediction)
    gradient = jax.grad(lambda y: (values_of(y) * np.cos(np.arange(values.size)).reshape(values.shape)).sum())(prediction)
    w = weight[: len(target)]
    # A row's weight is that of every place in it.
    reduced = getattr(keras.losses, name)(**settings)(target, prediction, sample_weight=w.reshape([-1] + [1] * (values.ndim - 1)))
    cases.append({
        "class_name": name,
        "config": settings,
        "target": array(target),
        "prediction": array(prediction),
        "values": array(values),
        "gradient": array(gradient),
        "weight": array(w),
        "reduced": number(float(reduced)),
    })


def distribution(*shape):
    p = uniform(*shape)
    return p / p.sum(-1, keepdims=True)


one_hot = np.eye(3)[[2, 0, 1, 2]]
pairs = normal(4, 2), normal(4, 2)
bits = np.array([[0, 1], [1, 0], [1, 1], [0, 0.0]])
for name in ["MeanSquaredError", "MeanAbsoluteError"]:
    loss(name, *pairs)
    loss(name, normal(2, 3, 2), normal(2, 3, 2))
loss("Huber", *pairs)
loss("Huber", *pairs, delta=0.3)
for target in [bits, np.where(bits > 0, 1.0, -1.0)]:
    loss("Hinge", target, normal(4, 2))
loss("BinaryCrossentropy", bits, uniform(4, 2))
loss("BinaryCrossentropy", bits, uniform(4, 2), label_smoothing=0.2)
loss("BinaryCrossentropy", bits, 3 * normal(4, 2), from_logits=True)
loss("CategoricalCrossentropy", one_hot, distribution(4, 3))
loss("CategoricalCrossentropy", one_hot, uniform(4, 3), label_smoothing=0.1)
loss("CategoricalCrossentropy", distribution(2, 2, 3), 3 * normal(2, 2, 3), from_logits=True)
loss("SparseCategoricalCrossentropy", np.array([2, 0, 1, 2]), distribution(4, 3))
loss("SparseCategoricalCrossentropy", np.array([2, 0, 1, 2]), 3 * normal(4, 3), from_logits=True)
loss("SparseCategoricalCrossentropy", np.array([[2, -1], [1, 0]]), distribution(2, 2, 3), ignore_class=-1)
finish()
