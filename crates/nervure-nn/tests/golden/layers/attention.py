"""Layers of attention."""
from common import *

masked = ("Embedding", {"input_dim": 5, "output_dim": 3, "mask_zero": True})
# Without a rate of dropout Keras computes attention in single precision, and gives a query that may look at nothing the mean of all values instead of 0.
attention = {"num_heads": 2, "key_dim": 3, "dropout": 0.1}
heads = lambda *inputs, call={}, **settings: case(("MultiHeadAttention", attention | settings), *inputs, call=call, apart=True)
heads(normal(2, 3, 4), normal(2, 5, 2))
heads(normal(2, 3, 4), normal(2, 5, 2), normal(2, 5, 1), value_dim=2, use_bias=False)
heads(normal(2, 3, 4), normal(2, 4, 4), call={"use_causal_mask": True})
heads(normal(2, 3, 2), normal(2, 2, 2), key_dim=1, **weight_settings("kernel", "bias"))
finish()
