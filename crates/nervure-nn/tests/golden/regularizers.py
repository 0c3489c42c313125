"""Penalties on weights."""
from common import *

x = normal(3, 4)
for name, settings in [("L1", {}), ("L2", {}), ("L1L2", {"l1": 0.1, "l2": 0.2}), ("L1", {"l1": 0.3}), ("L2", {"l2": 0.3})]:
    value = getattr(keras.regularizers, name)(**settings)(x)
    cases.append({"class_name": name, "config": settings, "input": array(x), "output": array(value)})
finish()
