"""Recurrent layers."""
from common import *

masked = ("Embedding", {"input_dim": 5, "output_dim": 3, "mask_zero": True})
tokens = np.array([[3, 1, 0, 0], [0, 2, 0, 4], [0, 0, 0, 0]])


def sequences(kind, *all_settings):
    for settings in all_settings:
        case((kind, {"units": 3} | settings), normal(2, 5, 2))
        if not ("go_backwards" in settings and "return_sequences" in settings):
            case([masked, (kind, {"units": 2} | settings)], tokens)


sequences(
    "LSTM",
    {},
    {"return_sequences": True, "activation": "sigmoid", "recurrent_activation": "tanh"},
    {"return_sequences": True, "go_backwards": True, "use_bias": False},
)
sequences(
    "GRU",
    {},
    {"return_sequences": True, "reset_after": False},
    {"return_sequences": True, "go_backwards": True, "use_bias": False},
    {"go_backwards": True, "activation": "sigmoid", "recurrent_activation": "tanh"},
)
weights = weight_settings("kernel", "recurrent", "bias")
case(("LSTM", {"units": 2, "unit_forget_bias": False} | weights), normal(2, 3, 2))
case(("LSTM", {"units": 2} | weights), normal(2, 3, 2))
case(("GRU", {"units": 2} | weights), normal(2, 3, 2))

sequences(
    "SimpleRNN",
    {},
    {"return_sequences": True, "activation": "sigmoid"},
    {"return_sequences": True, "go_backwards": True, "use_bias": False},
    {"go_backwards": True},
)
case(("SimpleRNN", {"units": 2} | weights), normal(2, 3, 2))

flat = lambda states: list(states)
counts = {"SimpleRNN": 1, "GRU": 1, "LSTM": 2}
for kind, count in counts.items():
    state = lambda n=3: [normal(2, n) for _ in range(count)]
    case((kind, {"units": 3, "return_state": True, "unroll": True}), normal(2, 4, 2))
    case((kind, {"units": 3, "return_state": True, "return_sequences": True}), normal(2, 4, 2), *state(), states=flat)
    for settings in [{}, {"return_sequences": True}, {"go_backwards": True, "return_state": True}]:
        case([masked, (kind, {"units": 2, "zero_output_for_mask": True} | settings)], tokens)
    cell = kind + "Cell"
    case((cell, {"units": 3}), normal(2, 2), *state(), states=flat)
    case((cell, {"units": 3, "use_bias": False, "activation": "sigmoid"}), normal(2, 2), *state(), states=flat)
    case((cell, {"units": 2} | weights), normal(2, 2), *state(2), states=flat)
case(("LSTMCell", {"units": 3, "recurrent_activation": "tanh", "unit_forget_bias": False} | weights), normal(2, 2), normal(2, 3), normal(2, 3), states=flat)
case(("GRUCell", {"units": 3, "recurrent_activation": "tanh", "reset_after": False}), normal(2, 2), normal(2, 3), states=flat)

lstm, gru, simple = (word(kind, units=units) for kind, units in [("LSTMCell", 3), ("GRUCell", 2), ("SimpleRNNCell", 3)])
stack = word("StackedRNNCells", cells=[lstm, gru])
case(("RNN", {"cell": lstm, "return_sequences": True, "return_state": True}), normal(2, 4, 2))
case(("RNN", {"cell": gru, "go_backwards": True, "unroll": True}), normal(2, 4, 2), normal(2, 2), states=flat)
case(("RNN", {"cell": stack, "return_state": True}), normal(2, 4, 2))
case([masked, ("RNN", {"cell": stack, "return_sequences": True})], tokens)
case([masked, ("RNN", {"cell": simple, "return_sequences": True, "zero_output_for_mask": True})], tokens)
case([masked, ("RNN", {"cell": stack})], tokens)
nest = lambda states: [states[:2], states[2:]]
case(("StackedRNNCells", {"cells": [lstm, gru]}), normal(2, 2), normal(2, 3), normal(2, 3), normal(2, 2), states=nest)
one_each = lambda states: [[s] for s in states]
case(("StackedRNNCells", {"cells": [simple, gru, gru]}), normal(2, 4), normal(2, 3), normal(2, 2), normal(2, 2), states=one_each)
case(("StackedRNNCells", {"cells": [simple, simple]}), normal(2, 4), normal(2, 3), normal(2, 3), states=one_each)

of = lambda kind, **settings: word(kind, units=2, **settings)
case(("Bidirectional", {"layer": of("LSTM")}), normal(2, 4, 3))
for mode in ["sum", "mul", "ave", "concat", None]:
    case(("Bidirectional", {"layer": of("GRU", return_sequences=True), "merge_mode": mode}), normal(2, 4, 3))
    case([masked, ("Bidirectional", {"layer": of("LSTM", return_sequences=True), "merge_mode": mode})], tokens)
case([masked, ("Bidirectional", {"layer": of("SimpleRNN")})], tokens)
case(("Bidirectional", {"layer": of("SimpleRNN", return_state=True)}), normal(2, 4, 3), normal(2, 2), normal(2, 2), states=flat)
backward = of("SimpleRNN", go_backwards=True, use_bias=False)
case(("Bidirectional", {"layer": of("LSTM"), "backward_layer": backward, "merge_mode": "sum"}), normal(2, 4, 3))

case(("TimeDistributed", {"layer": word("Dense", units=2, activation="tanh")}), normal(2, 3, 4))
case(("TimeDistributed", {"layer": word("Conv1D", filters=2, kernel_size=2)}), normal(2, 3, 4, 2))
case([masked, ("TimeDistributed", {"layer": word("Dense", units=2)})], tokens)
case(("TimeDistributed", {"layer": of("LSTM", return_sequences=True)}), normal(2, 3, 4, 2))

steps = normal(2, 4, 3)
steps[0, 1] = steps[1, 3] = 0
steps[1, 0] = 0.5
steps[1, 1, 0] = 0
case(("Masking", {}), steps)
case(("Masking", {"mask_value": 0.5}), steps)
case([("Masking", {}), ("LSTM", {"units": 2})], steps)
finish()
