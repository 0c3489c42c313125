"""PyTorch: Adam in one fused kernel, gradients set to none; on one thread and on all; images with channels first and last."""

import torch
import torch.nn.functional as F
from torch import nn

import workloads


class Recurrent(nn.Module):
    def __init__(self):
        super().__init__()
        self.lstm = nn.LSTM(32, 128, batch_first=True)
        self.head = nn.Linear(128, 1)

    def forward(self, x):
        return self.head(self.lstm(x)[0][:, -1])


class Transformer(nn.Module):
    def __init__(self):
        super().__init__()
        block = lambda: nn.TransformerEncoderLayer(
            128, 4, 256, dropout=0.0, activation="gelu", batch_first=True, norm_first=True
        )
        self.blocks = nn.Sequential(block(), block())
        self.head = nn.Linear(128, 10)

    def forward(self, x):
        return self.head(self.blocks(x).mean(1))


class Residual(nn.Module):
    def __init__(self, channels, filters, stride):
        super().__init__()
        self.first = nn.Conv2d(channels, filters, 3, stride, 1, bias=False)
        self.first_norm = nn.BatchNorm2d(filters)
        self.second = nn.Conv2d(filters, filters, 3, 1, 1, bias=False)
        self.second_norm = nn.BatchNorm2d(filters)
        self.shortcut = nn.Identity() if stride == 1 else nn.Conv2d(channels, filters, 1, stride, bias=False)

    def forward(self, x):
        h = F.relu(self.first_norm(self.first(x)))
        return F.relu(self.second_norm(self.second(h)) + self.shortcut(x))


def network(name):
    """The network up to the logits."""
    if name in workloads.HIDDEN:
        w = workloads.WORKLOADS[name]
        sizes = (*w.shape, *workloads.HIDDEN[name], w.classes)
        layers = [part for n, m in zip(sizes, sizes[1:]) for part in (nn.Linear(n, m), nn.ReLU())]
        return nn.Sequential(*layers[:-1])
    if name == "mnist_cnn":
        convolutions = [nn.Conv2d(1, 32, 3), nn.ReLU(), nn.Conv2d(32, 64, 3), nn.ReLU(), nn.MaxPool2d(2)]
        return nn.Sequential(*convolutions, nn.Flatten(), nn.Linear(9216, 128), nn.ReLU(), nn.Linear(128, 10))
    if name == "lstm":
        return Recurrent()
    if name == "transformer":
        return Transformer()
    if name == "resnet8":
        stem = [nn.Conv2d(3, 16, 3, 1, 1, bias=False), nn.BatchNorm2d(16), nn.ReLU()]
        blocks = [Residual(16, 16, 1), Residual(16, 32, 2), Residual(32, 64, 2)]
        return nn.Sequential(*stem, *blocks, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(64, 10))
    raise KeyError(name)


def steps(name, threads, compiled=False):
    layouts = {"": torch.contiguous_format}
    if len(workloads.WORKLOADS[name].shape) == 3:
        layouts = {", channels first": torch.contiguous_format, ", channels last": torch.channels_last}
    return {
        f"{count} threads{layout}": step(name, count, layouts[layout], compiled)
        for layout in layouts
        for count in sorted({1, threads})
    }


def step(name, threads, layout, compiled):
    torch.manual_seed(42)
    x, y = map(torch.from_numpy, workloads.batch(name))
    if x.ndim == 4:
        x = x.permute(0, 3, 1, 2).contiguous(memory_format=layout)
    model = network(name).to(memory_format=layout)
    if y.ndim == 2:
        loss = nn.BCEWithLogitsLoss()
    else:
        loss, y = nn.CrossEntropyLoss(), y.long()
    optimizer = torch.optim.Adam(model.parameters(), fused=True)

    def forward(x, y):
        return loss(model(x), y)

    if compiled:
        # Its code is made at the first call, for the threads that there are then.
        forward = torch.compile(forward, dynamic=False)

    def update():
        torch.set_num_threads(threads)
        optimizer.zero_grad(set_to_none=True)
        forward(x, y).backward()
        optimizer.step()

    return update
