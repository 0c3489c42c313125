"""Layers that normalize."""
from common import *

case(("Normalization", {"mean": [1.0, 2.0], "variance": [4.0, 0.0]}), normal(2, 3, 2))
case(("Normalization", {"axis": None, "mean": 0.5, "variance": 2.0, "invert": True}), normal(2, 3))
case(("Normalization", {"axis": 1, "mean": [1.0, 2.0, 3.0], "variance": [4.0, 1.0, 0.5]}), normal(2, 3, 2))
for training in [False, True]:
    case(("BatchNormalization", {}), normal(4, 3), training=training)
    case(("BatchNormalization", {"axis": 1, "momentum": 0.5, "epsilon": 0.1, "scale": False}), normal(3, 2, 4), training=training)
    case(("BatchNormalization", {"center": False}), normal(2, 2, 3, 2), training=training)
moving = {"moving_mean_initializer": word("Constant", value=0.5), "moving_variance_initializer": word("Constant", value=2.0)}
case(("BatchNormalization", weight_settings("beta", "gamma") | moving), normal(4, 3))
case(("LayerNormalization", {}), normal(2, 4))
case(("LayerNormalization", {"axis": [1, 2], "epsilon": 0.1}), normal(2, 3, 4))
case(("LayerNormalization", {"axis": 1, "center": False}), normal(2, 3, 4))
case(("LayerNormalization", {"scale": False}), normal(2, 3, 4))
case(("LayerNormalization", {"rms_scaling": True}), normal(2, 4))
case(("LayerNormalization", weight_settings("beta", "gamma")), normal(2, 4))
case(("GroupNormalization", {"groups": 2}), normal(2, 3, 4))
case(("GroupNormalization", {"groups": -1, "axis": 1, "epsilon": 0.1}), normal(2, 3, 4))
case(("GroupNormalization", {"groups": 1, "scale": False}), normal(2, 2, 2, 3))
case(("GroupNormalization", {"groups": 2, "axis": -2, "center": False}), normal(2, 3, 4, 2))
case(("GroupNormalization", {"groups": 2} | weight_settings("beta", "gamma")), normal(2, 4))
case(("RMSNormalization", {}), normal(2, 4))
case(("RMSNormalization", {"axis": [2, 1], "epsilon": 0.1}), normal(2, 3, 4))
case(("RMSNormalization", {"axis": [-1], "epsilon": 0.01}), normal(2, 3, 4))
case(("UnitNormalization", {}), normal(2, 4))
case(("UnitNormalization", {"axis": [1, 2]}), normal(2, 3, 4))
case(("UnitNormalization", {"axis": 1}), normal(2, 3, 4))

words = np.array([[3, 1, 0, 0], [2, 0, 4, 0], [1, 2, 3, 4]])
masked = ("Embedding", {"input_dim": 5, "output_dim": 3, "mask_zero": True})
case([masked, ("BatchNormalization", {}), ("Dense", {"units": 2})], words, training=True)
case([masked, ("LayerNormalization", {}), ("Activation", {"activation": "relu"})], words)
for name in ["GroupNormalization", "UnitNormalization", "RMSNormalization"]:
    case([masked, (name, {"groups": 3} if name[0] == "G" else {})], words)
finish()
