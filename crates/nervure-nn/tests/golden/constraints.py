"""What weights are held to."""
from common import *

w = normal(2, 3, 4)
for name, settings in [
    ("MaxNorm", {}),
    ("MaxNorm", {"max_value": 0.7, "axis": [0, 1]}),
    ("MinMaxNorm", {}),
    ("MinMaxNorm", {"min_value": 1.5, "max_value": 2.5, "rate": 0.4, "axis": -1}),
    ("NonNeg", {}),
    ("UnitNorm", {}),
    ("UnitNorm", {"axis": [1, 2]}),
]:
    projected = getattr(keras.constraints, name)(**settings)(w)
    cases.append({"class_name": name, "config": settings, "input": array(w), "output": array(projected)})
finish()
