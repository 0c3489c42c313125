"""Initial weights that are not random."""
from common import *

for name, settings, shape in [
    ("Zeros", {}, [2, 3]),
    ("Ones", {}, [3]),
    ("Constant", {"value": 0.5}, [2, 2]),
    ("Constant", {}, [2]),
    ("Identity", {}, [3, 3]),
    ("Identity", {"gain": 2.0}, [2, 3]),
    ("STFT", {}, [6, 1, 4]),
    ("STFT", {"side": "imag", "window": "hamming", "scaling": "spectrum", "periodic": True}, [5, 1, 4]),
    ("STFT", {"window": None}, [4, 1, 3]),
    ("STFT", {"window": "blackman", "scaling": None}, [4, 1, 3]),
] + [
    ("STFT", {"window": window, "periodic": periodic}, [size, 1, 2])
    for window in ["boxcar", "bartlett", "triang", "cosine", "nuttall", "blackmanharris", "flattop"]
    for periodic, size in [(False, 6), (True, 5)]
]:
    values = getattr(keras.initializers, name)(**settings)(shape, dtype="float64")
    cases.append({"class_name": name, "config": settings, "output": array(values)})
finish()
