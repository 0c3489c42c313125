"""Dense, embedding, shapes, merges, scales."""
from common import *

x, words = normal(2, 4), np.array([[3, 1, 0, 0], [2, 0, 4, 0], [1, 2, 3, 4]])
masked = ("Embedding", {"input_dim": 5, "output_dim": 3, "mask_zero": True})

for activation in ["tanh", "softmax", word("gelu", approximate=True)]:
    case(("Activation", {"activation": activation}), x)
case(("Dense", {"units": 3, "activation": "tanh"}), x)
case(("Dense", {"units": 2, "use_bias": False}), normal(2, 3, 4))
case(("Dense", {"units": 2} | weight_settings("kernel", "bias")), x)

case(("Embedding", {"input_dim": 5, "output_dim": 3}), words)
case([masked], words)
case(("Embedding", {"input_dim": 5, "output_dim": 2} | weight_settings("embeddings")), words[:, :2])

case(("Flatten", {}), normal(2, 3, 2))
case(("Flatten", {}), normal(2))
case([masked, ("Flatten", {})], words)
case(("Reshape", {"target_shape": [3, -1, 2]}), normal(2, 4, 3))
case(("Reshape", {"target_shape": [6]}), normal(2, 2, 3))
case(("Reshape", {"target_shape": [1, 4, 1]}), x)
case(("Permute", {"dims": [3, 1, 2]}), normal(2, 2, 3, 4))
case(("Permute", {"dims": [2, 1]}), normal(2, 2, 3))
case(("Permute", {"dims": [1]}), normal(2, 2))

for name in ["Add", "Multiply", "Average", "Maximum", "Minimum"]:
    case((name, {}), normal(2, 3), normal(2, 3), normal(2, 3))
    case((name, {}), normal(2, 3), normal(2, 4, 1))
    case((name, {}), normal(2, 2, 3), normal(2, 2, 3))
case(("Subtract", {}), normal(2, 3), normal(2, 2, 3))
case(("Subtract", {}), normal(2, 3), normal(2, 3))
case(("Subtract", {}), normal(2, 2, 1), normal(2, 2, 3))
case(("Concatenate", {}), normal(2, 3, 1), normal(2, 3, 2))
case(("Concatenate", {"axis": 1}), normal(2, 1, 2), normal(2, 3, 2))
case(("Concatenate", {"axis": -2}), normal(2, 1, 2), normal(2, 3, 2), normal(2, 2, 2))

case(("Rescaling", {"scale": 0.5, "offset": -1.0}), normal(2, 3))
case(("Rescaling", {"scale": [0.5, 2.0], "offset": 1.0}), normal(2, 3, 2))
case(("Rescaling", {"scale": 3.0}), normal(2, 3))
finish()
