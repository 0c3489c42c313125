"""Losses: values of rows, the gradient of Σ values · cos(0, 1, 2, …) to the prediction, and what a batch with weights comes to."""
from common import *

weight = np.array([0.5, 2.0, 1.0, 0.0])


def loss(name, target, prediction, **settings):
    def values_of(y):
        values = getattr(keras.losses, name)(reduction=None, **settings)(target, y)
        # What Keras gives for the whole batch is the value of every row here.
        return jax.numpy.broadcast_to(values, y.shape[:-1]) if values.ndim == 0 else values

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
for name in ["MeanSquaredError", "MeanAbsoluteError", "MeanAbsolutePercentageError", "LogCosh"]:
    loss(name, *pairs)
    loss(name, normal(2, 3, 2), normal(2, 3, 2))
loss("LogCosh", *[30 * p for p in pairs])
loss("MeanSquaredLogarithmicError", np.abs(pairs[0]), pairs[1])
loss("MeanSquaredLogarithmicError", np.abs(normal(2, 3, 2)), normal(2, 3, 2))
loss("CosineSimilarity", normal(4, 3), normal(4, 3))
loss("CosineSimilarity", normal(2, 3, 2), normal(2, 3, 2), axis=1)
loss("Poisson", np.round(3 * uniform(4, 2)), 3 * uniform(4, 2))
loss("KLDivergence", distribution(4, 3), distribution(4, 3))
loss("KLDivergence", one_hot, distribution(4, 3))
loss("Huber", *pairs)
loss("Huber", *pairs, delta=0.3)
for target in [bits, np.where(bits > 0, 1.0, -1.0)]:
    loss("Hinge", target, normal(4, 2))
    loss("SquaredHinge", target, normal(4, 2))
loss("CategoricalHinge", one_hot, normal(4, 3))
loss("BinaryCrossentropy", bits, uniform(4, 2))
loss("BinaryCrossentropy", bits, uniform(4, 2), label_smoothing=0.2)
loss("BinaryCrossentropy", bits, 3 * normal(4, 2), from_logits=True)
loss("BinaryFocalCrossentropy", bits, uniform(4, 2))
loss("BinaryFocalCrossentropy", bits, uniform(4, 2), apply_class_balancing=True, alpha=0.4, gamma=1.5, label_smoothing=0.2)
loss("BinaryFocalCrossentropy", bits, 3 * normal(4, 2), from_logits=True, gamma=0.0)
loss("CategoricalFocalCrossentropy", one_hot, uniform(4, 3))
loss("CategoricalFocalCrossentropy", one_hot, distribution(4, 3), alpha=[0.2, 0.3, 0.5], gamma=1.5, label_smoothing=0.1)
loss("CategoricalFocalCrossentropy", distribution(2, 2, 3), 3 * normal(2, 2, 3), from_logits=True, alpha=1.0)
loss("CategoricalGeneralizedCrossEntropy", np.array([2, 0, 1, 2]), distribution(4, 3))
loss("CategoricalGeneralizedCrossEntropy", np.array([2, 0, 1, 2]), distribution(4, 3), q=0.3)
for axis in [None, [1, 2], -1]:
    loss("Dice", np.round(uniform(2, 2, 3)), uniform(2, 2, 3), axis=axis)
    loss("Tversky", np.round(uniform(2, 2, 3)), uniform(2, 2, 3), axis=axis, alpha=0.3, beta=0.8)
# Shorter than 1: at distances of 0 there is a kink.
near = 0.4 * normal(4, 3)
loss("Circle", np.array([1, 0, 1, 0]), near, gamma=4.0)
loss("Circle", np.array([1, 0, 1, 2]), near, gamma=2.0, margin=0.2)
loss("Circle", np.array([1, 0, 1, 2]), near, gamma=2.0, remove_diagonal=False)
loss("CategoricalCrossentropy", one_hot, distribution(4, 3))
loss("CategoricalCrossentropy", one_hot, uniform(4, 3), label_smoothing=0.1)
loss("CategoricalCrossentropy", distribution(2, 2, 3), 3 * normal(2, 2, 3), from_logits=True)
loss("SparseCategoricalCrossentropy", np.array([2, 0, 1, 2]), distribution(4, 3))
loss("SparseCategoricalCrossentropy", np.array([2, 0, 1, 2]), 3 * normal(4, 3), from_logits=True)
loss("SparseCategoricalCrossentropy", np.array([[2, -1], [1, 0]]), distribution(2, 2, 3), ignore_class=-1)
finish()
