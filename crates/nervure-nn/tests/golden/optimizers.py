"""Optimizers: ten steps of two variables, a kernel and a bias, along a given sequence of gradients."""
from common import *

STEPS = 10
start = [normal(2, 3), normal(3)]
gradients = [[np.round(2 * normal(*w.shape), 3) for w in start] for _ in range(STEPS)]
flat = lambda arrays: [float(f"{v:.11g}") for a in arrays for v in np.asarray(a).ravel()]


def optimizer(name, **settings):
    named = dict(settings)
    spared = named.pop("exclude_from_weight_decay", [])
    made = getattr(keras.optimizers, name)(**named)
    variables = [keras.Variable(w, name=n, dtype="float64") for w, n in zip(start, ["kernel", "bias"])]
    if spared:
        made.exclude_from_weight_decay(var_names=spared)
    made.build(variables)
    trace = []
    for g in gradients:
        made.apply(g, variables)
        trace.append(flat(variables))
    cases.append({"class_name": name, "config": settings, "trace": trace})


clipping = [{"clipnorm": 0.5}, {"clipvalue": 0.3}, {"global_clipnorm": 0.5}]
decay = {"weight_decay": 0.3, "exclude_from_weight_decay": ["bias"]}
for name in ["SGD", "Adam", "AdamW", "RMSprop"]:
    optimizer(name)
    optimizer(name, learning_rate=0.1, **decay)
    for clip in clipping:
        optimizer(name, learning_rate=0.1, **clip)
optimizer("SGD", learning_rate=0.1, momentum=0.9)
optimizer("SGD", learning_rate=0.1, momentum=0.9, nesterov=True, weight_decay=0.05)
optimizer("Adam", learning_rate=0.05, beta_1=0.8, beta_2=0.9, epsilon=1e-3, amsgrad=True)
optimizer("AdamW", learning_rate=0.05, beta_1=0.8, beta_2=0.9, epsilon=1e-3, amsgrad=True)
optimizer("RMSprop", learning_rate=0.01, rho=0.8, momentum=0.5, centered=True, epsilon=1e-3)
finish(start=flat(start), gradients=[flat(g) for g in gradients])
