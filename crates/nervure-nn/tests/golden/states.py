"""What stateful layers predict, batch after batch: each goes on where the one before ended, until the states are reset."""
from common import *

ROWS, STEPS, CHANNELS = 2, 3, 2


def predictions(kind, settings):
    layer = make(kind, settings | {"stateful": True})
    model = keras.Sequential([keras.Input(batch_shape=(ROWS, STEPS, CHANNELS)), layer])
    for w in layer.trainable_weights:
        w.assign(normal(*w.shape))
    runs = []
    for reset, batches in [(False, 1), (False, 1), (True, 1), (False, 2)]:
        if reset:
            layer.reset_state()
        x = normal(ROWS * batches, STEPS, CHANNELS)
        # `predict` loses the states with JAX: the model is called for each batch.
        y = np.concatenate([model(batch) for batch in np.split(x, batches)])
        runs.append({"reset": reset, "input": array(x), "output": array(y)})
    weights = {w.path.split("/")[-1]: array(w) for w in layer.trainable_weights}
    cases.append({"class_name": kind, "config": settings | {"stateful": True}, "weights": weights, "runs": runs})


for settings in [{}, {"return_sequences": True}, {"go_backwards": True}]:
    predictions("LSTM", {"units": 3} | settings)
predictions("GRU", {"units": 3})
predictions("SimpleRNN", {"units": 3, "return_sequences": True})
finish()
