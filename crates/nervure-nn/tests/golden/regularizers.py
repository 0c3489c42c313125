"""Penalties on weights."""
from common import *

x = normal(3, 4)
for name, settings in [("L1", {}), ("L2", {}), ("L1L2", {"l1": 0.1, "l2": 0.2}), ("L1", {"l1": 0.3}), ("L2", {"l2": 0.3}),
    ("OrthogonalRegularizer", {}), ("OrthogonalRegularizer", {"factor": 0.5, "mode": "columns"})]:
    value = getattr(keras.regularizers, name)(**settings)(keras.ops.convert_to_tensor(x))
    cases.append({"class_name": name, "config": settings, "input": array(x), "output": array(value)})
finish()
