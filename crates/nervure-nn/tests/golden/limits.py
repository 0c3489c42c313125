"""The bounds that Keras draws the weights of layers between by their default, GlorotUniform: they tell how it counts inputs and outputs."""
from common import *
from keras.src.initializers import random_initializers

uniform, drawn = random_initializers.random.uniform, []


def recorded(shape, minval, maxval, **more):
    drawn.append((uniform(shape, minval, maxval, **more), maxval))
    return drawn[-1][0]


random_initializers.random.uniform = recorded


def bounds(kind, settings, *shapes, apart=False):
    """For inputs of these shapes behind the batch: large enough for weights of some hundred numbers."""
    drawn.clear()
    layer = make(kind, settings)
    shapes = [(2, *shape) for shape in shapes]
    layer.build(*shapes) if apart or len(shapes) == 1 else layer.build(shapes)
    limits = {name_of(w): number(limit) for w in own(layer.weights) for values, limit in drawn if np.array_equal(values, w)}
    assert len(limits) == len(drawn), kind
    cases.append({"class_name": kind, "config": settings, "inputs": shapes, "limits": limits})


bounds("Dense", {"units": 30}, [5, 20])
for equation, output_shape, shape in [
    ("ab,bc->ac", 30, [20]),
    ("abc,cde->abde", [None, 4, 30], [3, 8]),
    ("abc,cde->aebd", [30, 3, 4], [3, 8]),
    ("abcd,cde->abe", [None, 40], [3, 4, 8]),
    ("abcd,dec->abe", [None, 40], [3, 4, 8]),
    ("abc,bcd->abd", [3, 40], [3, 8]),
    ("abc,bd->ad", 40, [12, 8]),
    ("...xz,xzy->...y", 40, [2, 4, 8]),
    ("ab...,bc->ac...", 40, [12, 3]),
]:
    bounds("EinsumDense", {"equation": equation, "output_shape": output_shape}, shape)
bounds("MultiHeadAttention", {"num_heads": 4, "key_dim": 5}, [3, 40], [3, 30], apart=True)
bounds("MultiHeadAttention", {"num_heads": 2, "key_dim": 10, "value_dim": 40, "output_shape": [3, 4], "use_gate": True}, [3, 20], [3, 30], [3, 40], apart=True)
bounds("GroupQueryAttention", {"head_dim": 12, "num_query_heads": 4, "num_key_value_heads": 2, "use_gate": True}, [3, 20], [3, 30], apart=True)
bounds("AdditiveAttention", {}, [3, 400], [2, 400])
bounds("Conv2D", {"filters": 8, "kernel_size": [3, 5], "groups": 2}, [8, 8, 6])
bounds("Conv2DTranspose", {"filters": 8, "kernel_size": 3}, [8, 8, 6])
bounds("DepthwiseConv2D", {"kernel_size": 5, "depth_multiplier": 2}, [8, 8, 8])
bounds("SeparableConv1D", {"filters": 20, "kernel_size": 5, "depth_multiplier": 4}, [8, 20])
bounds("LSTM", {"units": 10}, [4, 12])
bounds("GRU", {"units": 10}, [4, 12])
finish()
