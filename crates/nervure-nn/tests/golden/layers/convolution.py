"""Convolutions and poolings."""
from common import *

for n in [1, 2, 3]:
    x = lambda c: normal(1, *[[6], [4, 5], [3, 4, 3]][n - 1], c)
    case((f"Conv{n}D", {"filters": 2, "kernel_size": [2, 3, 2][:n]}), x(2))
    case((f"Conv{n}D", {"filters": 4, "kernel_size": 3, "strides": 2, "padding": "same", "groups": 2}), x(2))
    case((f"Conv{n}D", {"filters": 1, "kernel_size": 2, "dilation_rate": 2, "use_bias": False, "activation": "relu"}), x(1))
    case((f"Conv{n}D", {"filters": 1, "kernel_size": 2, "dilation_rate": 2, "padding": "same"}), x(1))
    case((f"Conv{n}D", {"filters": 2, "kernel_size": 2} | weight_settings("kernel", "bias")), x(1))
    for kind in ["Max", "Average"]:
        case((f"{kind}Pooling{n}D", {"pool_size": 2}), x(2))
        case((f"{kind}Pooling{n}D", {"pool_size": 3, "strides": 2, "padding": "same"}), x(2))
        case((f"{kind}Pooling{n}D", {"pool_size": 3, "strides": 1}), x(1))
        case((f"Global{kind}Pooling{n}D", {}), x(2))
        case((f"Global{kind}Pooling{n}D", {"keepdims": True}), x(2))
        case((f"Global{kind}Pooling{n}D", {}), x(1))
case(("Conv1D", {"filters": 2, "kernel_size": 3, "padding": "causal", "dilation_rate": 2}), normal(2, 6, 1))
case(("Conv1D", {"filters": 2, "kernel_size": 3, "padding": "causal", "strides": 2}), normal(2, 6, 1))

words = np.array([[3, 1, 0, 0], [2, 0, 4, 0], [1, 2, 3, 4]])
masked = ("Embedding", {"input_dim": 5, "output_dim": 3, "mask_zero": True})
case([masked, ("GlobalAveragePooling1D", {})], words)
case([masked, ("GlobalMaxPooling1D", {})], words)
case([masked, ("Conv1D", {"filters": 2, "kernel_size": 2, "padding": "same"})], words)
finish()
