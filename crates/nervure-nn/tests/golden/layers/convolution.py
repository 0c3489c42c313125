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
for n in [1, 2, 3]:
    x = lambda c: normal(1, *[[3], [3, 2], [2, 1, 2]][n - 1], c)
    kind = f"Conv{n}DTranspose"
    case((kind, {"filters": 2, "kernel_size": [2, 3, 2][:n]}), x(2))
    case((kind, {"filters": 1, "kernel_size": 3, "strides": 2, "padding": "same"}), x(2))
    case((kind, {"filters": 1, "kernel_size": [2, 1, 2][:n], "strides": 3, "padding": "same"}), x(1))
    case((kind, {"filters": 1, "kernel_size": 2, "strides": 3, "output_padding": 1, "use_bias": False, "activation": "tanh"}), x(1))
    case((kind, {"filters": 1, "kernel_size": [3, 2, 1][:n], "strides": 2, "padding": "same", "output_padding": [1, 0, 1][:n]}), x(1))
    case((kind, {"filters": 1, "kernel_size": 2, "strides": 4}), x(1))
    case((kind, {"filters": 1, "kernel_size": 2, "dilation_rate": 2}), x(1))
    case((kind, {"filters": 1, "kernel_size": 2, "dilation_rate": 2, "padding": "same"}), x(1))
    case((kind, {"filters": 2, "kernel_size": 2} | weight_settings("kernel", "bias")), x(1))
    x = lambda c: normal(1, *[[5], [4, 5], [2, 3, 4]][n - 1], c)
    for kind in ["Max", "Average"]:
        case((f"Adaptive{kind}Pooling{n}D", {"output_size": 2}), x(2))
        case((f"Adaptive{kind}Pooling{n}D", {"output_size": [3, 2, 3][:n]}), x(1))
        case((f"Adaptive{kind}Pooling{n}D", {"output_size": [4, 7, 3][:n]}), x(1))
    x = lambda c: normal(2, *[[4], [4, 5], [4, 3, 3]][n - 1], c)
    apart = [[1, 2], [0, 1], [2, 0]][:n] if n > 1 else [1, 2]
    for kind, setting in [("Cropping", "cropping"), ("ZeroPadding", "padding")]:
        case((f"{kind}{n}D", {setting: 1}), x(1))
        case((f"{kind}{n}D", {setting: apart}), x(1))
        case((f"{kind}{n}D", {setting: [0, 1, 1][:n] if n > 1 else [0, 1]}), x(1))
    x = lambda c: normal(2, *[[3], [2, 3], [2, 1, 2]][n - 1], c)
    case((f"UpSampling{n}D", {}), x(2))
    case((f"UpSampling{n}D", {"size": [3, 1, 2][:n] if n > 1 else 3}), x(1))
    case((f"UpSampling{n}D", {"size": 1}), x(1))
for how, size in [("bilinear", [2, 3]), ("bicubic", [2, 1]), ("lanczos3", 2), ("lanczos5", 2)]:
    case(("UpSampling2D", {"interpolation": how, "size": size}), normal(1, 3, 4, 1))
for n in [1, 2]:
    x = lambda c: normal(1, *[[6], [4, 5]][n - 1], c)
    for kind, first in [(f"DepthwiseConv{n}D", {}), (f"SeparableConv{n}D", {"filters": 3})]:
        case((kind, first | {"kernel_size": [2, 3][:n]}), x(2))
        case((kind, first | {"kernel_size": 3, "strides": 2, "padding": "same", "depth_multiplier": 2}), x(2))
        case((kind, first | {"kernel_size": 2, "dilation_rate": 2, "use_bias": False, "activation": "tanh"}), x(2))
        weights = ["depthwise", "pointwise", "bias"] if first else ["depthwise", "bias"]
        case((kind, first | {"kernel_size": 2} | weight_settings(*weights)), x(1))
case(("Conv1D", {"filters": 2, "kernel_size": 3, "padding": "causal", "dilation_rate": 2}), normal(2, 6, 1))
case(("Conv1D", {"filters": 2, "kernel_size": 3, "padding": "causal", "strides": 2}), normal(2, 6, 1))

words = np.array([[3, 1, 0, 0], [2, 0, 4, 0], [1, 2, 3, 4]])
masked = ("Embedding", {"input_dim": 5, "output_dim": 3, "mask_zero": True})
case([masked, ("GlobalAveragePooling1D", {})], words)
case([masked, ("GlobalMaxPooling1D", {})], words)
case([masked, ("Conv1D", {"filters": 2, "kernel_size": 2, "padding": "same"})], words)
finish()
