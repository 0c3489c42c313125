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

stft = "STFTSpectrogram"
case((stft, {"frame_length": 8}), normal(2, 20, 1))
case((stft, {"mode": "magnitude", "frame_length": 6, "frame_step": 4, "expand_dims": True}), normal(2, 15, 2))
case((stft, {"mode": "psd", "frame_length": 5, "fft_length": 9, "padding": "same"}), normal(2, 14, 2))
case((stft, {"mode": "real", "frame_length": 4, "window": "hamming", "periodic": True}), normal(2, 9, 1))
case((stft, {"mode": "imag", "frame_length": 4, "scaling": "spectrum"}), normal(2, 9, 3))
case((stft, {"mode": "angle", "frame_length": 4, "window": None, "scaling": None}), normal(3, 12, 2))
case((stft, {"mode": "stft", "frame_length": 4, "expand_dims": True}), normal(2, 9, 2))
case((stft, {"mode": "psd", "frame_length": 2, "window": None}), normal(2, 5, 1))
mel = "MelSpectrogram"
# The weights of bands are in single precision else.
weights = keras.layers.MelSpectrogram.linear_to_mel_weight_matrix
weights.__defaults__ = (*weights.__defaults__[:-1], "float64")
case((mel, {}), normal(1, 1500))
small = {"fft_length": 12, "sequence_stride": 5, "num_mel_bins": 3, "sampling_rate": 8000}
case((mel, small | {"sequence_length": 9, "mag_exp": 1.5, "power_to_db": False}), normal(2, 20))
case((mel, small | {"window": "hamming", "min_freq": 300.5, "max_freq": 3210.5, "top_db": 3.0}), normal(1, 20))
case((mel, small | {"fft_length": 7, "window": None, "min_power": 0.5, "ref_power": 0.25}), normal(2, 20))
finish()
