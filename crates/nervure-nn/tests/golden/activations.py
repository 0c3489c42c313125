"""Activations: at kinks and far ends, and with the gradients of Σ y · cos(0, 1, 2, …) between kinks."""
from common import *

kinks = np.array([[-30, -6, -3.5, -3, -2, -1, -0.5, -0.4, -0.1, 0], [0.1, 0.3, 0.5, 0.7, 1, 1.5, 2.5, 3, 6, 30.0]])
between = np.array([[-7.1, -3.2, -2.7, -1.3, -0.7, -0.45], [-0.2, 0.15, 0.35, 0.6, 1.2, 4.3]])


def activation(name, *inputs, **settings):
    function = getattr(keras.activations, name)
    for x in inputs or [kinks, between]:
        y = function(keras.ops.convert_to_tensor(x), **settings)
        found = {"class_name": name, "config": settings, "input": array(x), "output": array(y)}
        if x is not kinks:
            f = lambda x: (function(x, **settings) * np.cos(np.arange(y.size)).reshape(y.shape)).sum()
            found["gradient"] = array(jax.grad(f)(x))
        cases.append(found)


# Where several results are positive, those of Keras 3.15 do not add up to 1.
activation("sparsemax", np.array([[0.8, -0.5, -1.2], [-0.9, -2.0, 0.3]]))
plain = """elu selu softplus softsign silu relu relu6 leaky_relu gelu tanh sigmoid exponential hard_sigmoid hard_silu linear mish log_softmax softmax celu
glu hard_tanh hard_shrink soft_shrink tanh_shrink squareplus log_sigmoid sparse_plus sparse_sigmoid"""
for name in plain.split():
    activation(name)
activation("relu", negative_slope=0.1)
activation("relu", max_value=2.0)
activation("relu", negative_slope=0.1, max_value=2.0, threshold=0.4)
activation("relu", negative_slope=0.1, threshold=-0.4)
activation("relu", max_value=2.0, threshold=-0.4)
activation("leaky_relu", negative_slope=0.3)
activation("elu", alpha=0.5)
activation("celu", alpha=0.5)
activation("gelu", approximate=True)
activation("hard_shrink", threshold=1.0)
activation("soft_shrink", threshold=1.0)
activation("squareplus", b=0.5)
activation("threshold", threshold=0.3, default_value=-1.0)
for name in ["softmax", "log_softmax", "glu"]:
    activation(name, normal(2, 4, 3), axis=1)
activation("sparsemax", np.array([[[0.8, -0.5], [-0.3, -2.0], [-3.0, 0.7]]]), axis=1)
finish()
