"""Recurrent layers."""
from common import *

masked = ("Embedding", {"input_dim": 5, "output_dim": 3, "mask_zero": True})
for kind, settings in [
    ("LSTM", {}),
    ("LSTM", {"return_sequences": True, "activation": "sigmoid", "recurrent_activation": "tanh"}),
    ("LSTM", {"return_sequences": True, "go_backwards": True, "use_bias": False}),
    ("GRU", {}),
    ("GRU", {"return_sequences": True, "reset_after": False}),
    ("GRU", {"return_sequences": True, "go_backwards": True, "use_bias": False}),
    ("GRU", {"go_backwards": True, "activation": "sigmoid", "recurrent_activation": "tanh"}),
]:
    case((kind, {"units": 3} | settings), normal(2, 5, 2))
    if not ("go_backwards" in settings and "return_sequences" in settings):
        case([masked, (kind, {"units": 2} | settings)], np.array([[3, 1, 0, 0], [0, 2, 0, 4], [0, 0, 0, 0]]))
weights = weight_settings("kernel", "recurrent", "bias")
case(("LSTM", {"units": 2, "unit_forget_bias": False} | weights), normal(2, 3, 2))
case(("LSTM", {"units": 2} | weights), normal(2, 3, 2))
case(("GRU", {"units": 2} | weights), normal(2, 3, 2))
finish()
