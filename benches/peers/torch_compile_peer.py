"""PyTorch with forward, loss and backward compiled."""

import torch

import torch_peer

# Instead of running uncompiled from then on.
torch._dynamo.config.fail_on_recompile_limit_hit = True


def steps(name, threads):
    # The limit is for a function, and all workloads and settings have the same.
    torch._dynamo.reset()
    return torch_peer.steps(name, threads, compiled=True)
