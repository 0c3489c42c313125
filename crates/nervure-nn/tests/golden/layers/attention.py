"""Layers of attention."""
from common import *

# Of two rows; the first query of the second row may look at nothing if it looks only behind itself.
queries = np.array([[True, True, False], [True, False, True]])
keys = np.array([[True, False, True, True, False], [False, True, True, False, True]])

# Without a rate of dropout Keras computes attention in single precision, and gives a query that may look at nothing the mean of all values instead of 0.
attention = {"num_heads": 2, "key_dim": 3, "dropout": 0.1}
heads = lambda *inputs, masks=[], call={}, **settings: case(("MultiHeadAttention", attention | settings), *inputs, masks=masks, call=call, apart=True)
heads(normal(2, 3, 4), normal(2, 5, 2))
heads(normal(2, 3, 4), normal(2, 5, 2), normal(2, 5, 1), value_dim=2, use_bias=False)
heads(normal(2, 3, 4), normal(2, 4, 4), call={"use_causal_mask": True})
heads(normal(2, 3, 2), normal(2, 2, 2), key_dim=1, **weight_settings("kernel", "bias"))
heads(normal(2, 3, 2), normal(2, 5, 3), masks=[queries, keys], output_shape=3)
heads(normal(2, 3, 2), normal(2, 5, 2), masks=[None, keys], call={"use_causal_mask": True}, use_gate=True, value_dim=1)
heads(normal(2, 3, 2), normal(2, 5, 2), normal(2, 5, 3), masks=[queries, None, keys], sliding_window=2, output_shape=[2, 2], use_bias=False)

group = lambda *inputs, queries=4, keys=2, masks=[], call={}, **settings: case(
    ("GroupQueryAttention", {"head_dim": 2, "num_query_heads": queries, "num_key_value_heads": keys, "dropout": 0.1} | settings),
    *inputs, masks=masks, call=call, apart=True,
)
group(normal(2, 3, 2), normal(2, 5, 2), use_bias=False)
group(normal(2, 3, 2), normal(2, 5, 3), normal(2, 5, 1), keys=1, masks=[queries, keys])
group(normal(2, 3, 2), normal(2, 3, 2), keys=4, call={"use_causal_mask": True})
group(normal(2, 3, 2), normal(2, 5, 2), queries=3, keys=1, masks=[None, keys], call={"use_causal_mask": True}, use_gate=True)
group(normal(2, 3, 2), normal(2, 5, 2), normal(2, 5, 2), masks=[queries, keys, keys[::-1]], sliding_window=3)
group(normal(2, 3, 2), normal(2, 2, 2), queries=2, keys=1, **weight_settings("kernel", "bias"))

# Here a query that may look at nothing looks at everything in Keras, and has 0 in ours: no case has one, but where its own mask leaves it out.
some = np.array([[True, False, True, True, False], [True, True, True, False, False]])
for kind, settings in [
    ("Attention", {"use_scale": False}),
    ("Attention", {"use_scale": True, "dropout": 0.1}),
    ("Attention", {"score_mode": "concat"}),
    ("Attention", {"score_mode": "concat", "use_scale": True}),
    ("AdditiveAttention", {"dropout": 0.1}),
    ("AdditiveAttention", {"use_scale": False}),
]:
    alone = lambda *inputs, masks=[], call={}: case((kind, settings), *inputs, masks=masks, call=call)
    alone(normal(2, 3, 2), normal(2, 5, 2))
    alone(normal(2, 3, 2), normal(2, 5, 1), normal(2, 5, 2), masks=[queries, some], call={"use_causal_mask": True})
    alone(normal(2, 3, 3), normal(2, 5, 3), normal(2, 5, 3), masks=[None, keys, some])
finish()
