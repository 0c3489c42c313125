"""Schedules: the rates of given steps. The one cycle is PyTorch's, which has to be there for it: pip install torch."""
import torch

from common import *

steps = [0, 1, 2, 3, 5, 8, 10, 11, 17, 20, 21, 29, 30, 31, 39, 40, 50, 59, 60, 61, 99]


def schedule(name, **settings):
    made = getattr(keras.optimizers.schedules, name)(**settings)
    rates = [number(float(made(step))) for step in steps]
    cases.append({"class_name": name, "config": settings, "steps": steps, "rates": rates})


def one_cycle(**settings):
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=0.1, momentum=0.9)
    made = torch.optim.lr_scheduler.OneCycleLR(optimizer, **settings)
    rates = []
    for _ in range(settings["total_steps"]):
        rates.append(number(float(made.get_last_lr()[0])))
        optimizer.step()
        if len(rates) < settings["total_steps"]:
            made.step()
    cases.append({"class_name": "OneCycle", "config": settings, "steps": list(range(len(rates))), "rates": rates})


for name in ["ExponentialDecay", "InverseTimeDecay"]:
    schedule(name, initial_learning_rate=0.1, decay_steps=10, decay_rate=0.6)
    schedule(name, initial_learning_rate=0.1, decay_steps=10, decay_rate=0.6, staircase=True)
schedule("PiecewiseConstantDecay", boundaries=[5, 20, 40], values=[1.0, 0.5, 0.25, 0.1])
schedule("PolynomialDecay", initial_learning_rate=0.1, decay_steps=30)
schedule("PolynomialDecay", initial_learning_rate=0.1, decay_steps=30, end_learning_rate=0.01, power=0.5)
schedule("PolynomialDecay", initial_learning_rate=0.1, decay_steps=30, end_learning_rate=0.01, power=2.0, cycle=True)
schedule("CosineDecay", initial_learning_rate=0.1, decay_steps=30)
schedule("CosineDecay", initial_learning_rate=0.1, decay_steps=30, alpha=0.2)
schedule("CosineDecay", initial_learning_rate=0.01, decay_steps=30, alpha=0.2, warmup_target=0.1, warmup_steps=10)
schedule("CosineDecay", initial_learning_rate=0.01, decay_steps=30, warmup_target=0.1)
schedule("CosineDecayRestarts", initial_learning_rate=0.1, first_decay_steps=12)
schedule("CosineDecayRestarts", initial_learning_rate=0.1, first_decay_steps=12, t_mul=1.0, m_mul=0.8, alpha=0.1)
schedule("CosineDecayRestarts", initial_learning_rate=0.1, first_decay_steps=7, t_mul=1.5, m_mul=0.8, alpha=0.1)
one_cycle(max_lr=0.1, total_steps=20)
one_cycle(max_lr=0.1, total_steps=20, pct_start=0.25, div_factor=10.0, final_div_factor=100.0)
one_cycle(max_lr=0.1, total_steps=20, anneal_strategy="linear", three_phase=True, pct_start=0.4)
finish()
