"""Shapes, batches and labels of the benchmark's workloads, with data of a fixed seed: as `nervure bench` has them."""

import dataclasses

import numpy as np


@dataclasses.dataclass(frozen=True)
class Workload:
    shape: tuple  # of a row
    batch: int
    classes: int  # 1 for a probability


WORKLOADS = {
    "seed_mlp": Workload((8,), 32, 1),
    "tabular": Workload((100,), 256, 1),
    "mnist_mlp": Workload((784,), 128, 10),
    "mnist_cnn": Workload((28, 28, 1), 128, 10),
    "lstm": Workload((64, 32), 64, 1),
    "transformer": Workload((64, 128), 32, 10),
    "resnet8": Workload((32, 32, 3), 64, 10),
}

# Hidden layers of those that are dense alone.
HIDDEN = {"seed_mlp": (10, 8), "tabular": (256, 128), "mnist_mlp": (512, 512)}


def rows(name, count):
    """Normal numbers, channels last."""
    return np.random.default_rng(42).standard_normal((count, *WORKLOADS[name].shape), dtype=np.float32)


def batch(name):
    """A batch: rows and random labels, `[rows, 1]` of 0 and 1 or `[rows]` of classes."""
    w = WORKLOADS[name]
    labels = np.random.default_rng(43)
    if w.classes == 1:
        return rows(name, w.batch), labels.integers(0, 2, (w.batch, 1)).astype(np.float32)
    return rows(name, w.batch), labels.integers(0, w.classes, w.batch).astype(np.int32)
