"""Layers that prepare data."""
from common import *

line = np.array([[-2.5, -1.0, 0.25], [0.5, 7.0, 2.0]])
ends = [-1.0, 0.5, 2.0]
case(("Discretization", {"bin_boundaries": ends}), line, differentiate=False)
case(("Discretization", {"bin_boundaries": ends[:1]}), normal(3, 2, 2), differentiate=False)
for mode in ["one_hot", "multi_hot", "count"]:
    case(("Discretization", {"bin_boundaries": ends, "output_mode": mode}), line, differentiate=False)

words = np.array([[3, 1, 1], [2, 0, 5]])
case(("CategoryEncoding", {"num_tokens": 4}), words)
case(("CategoryEncoding", {"num_tokens": 4, "output_mode": "one_hot"}), words)
case(("CategoryEncoding", {"num_tokens": 4, "output_mode": "one_hot"}), words[:, :1])
case(("CategoryEncoding", {"num_tokens": 4, "output_mode": "count"}), words)

image = lambda: normal(1, 4, 5, 1)
case(("Resizing", {"height": 6, "width": 3}), image())
for how in ["nearest", "bicubic", "lanczos3", "lanczos5"]:
    case(("Resizing", {"height": 3, "width": 7, "interpolation": how}), image())
case(("Resizing", {"height": 2, "width": 2, "antialias": True}), image())
case(("Resizing", {"height": 2, "width": 6, "crop_to_aspect_ratio": True}), image())
case(("Resizing", {"height": 6, "width": 3, "pad_to_aspect_ratio": True, "fill_value": 0.5}), image())
case(("Resizing", {"height": 3, "width": 8, "pad_to_aspect_ratio": True}), image())
case(("Resizing", {"height": 3, "width": 3}), np.arange(20).reshape(1, 4, 5, 1))
case(("CenterCrop", {"height": 2, "width": 2}), image())
case(("CenterCrop", {"height": 3, "width": 5}), image())
case(("CenterCrop", {"height": 6, "width": 3}), image())
# When it predicts, Keras's RandomCrop gives images as they are, against its documentation and of another size than in training.
for height, width in [(2, 3), (4, 2), (6, 3)]:
    case(("RandomCrop", {"height": height, "width": width}), image(), by="CenterCrop")
finish()
