"""Initial weights that are not random."""
from common import *

for name, settings, shape in [
    ("Zeros", {}, [2, 3]),
    ("Ones", {}, [3]),
    ("Constant", {"value": 0.5}, [2, 2]),
    ("Constant", {}, [2]),
    ("Identity", {}, [3, 3]),
    ("Identity", {"gain": 2.0}, [2, 3]),
]:
    values = getattr(keras.initializers, name)(**settings)(shape, dtype="float64")
    cases.append({"class_name": name, "config": settings, "output": array(values)})
finish()
