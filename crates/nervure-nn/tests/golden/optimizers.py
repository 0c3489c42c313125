"""Optimizers: ten steps of two variables, a kernel and a bias, along a given sequence of gradients."""
from common import *

STEPS = 10
start = [normal(2, 3), normal(3)]
gradients = [[np.round(2 * normal(*w.shape), 3) for w in start] for _ in range(STEPS)]
flat = lambda arrays: [float(f"{v:.9g}") for a in arrays for v in np.asarray(a).ravel()]


def optimizer(name, **settings):
    named = dict(settings)
    spared = named.pop("exclude_from_weight_decay", [])
    rate = named.get("learning_rate")
    if isinstance(rate, dict):
        named["learning_rate"] = getattr(keras.optimizers.schedules, rate["class_name"])(**rate["config"])
    made = getattr(keras.optimizers, name)(**named)
    variables = [keras.Variable(w, name=n, dtype="float64") for w, n in zip(start, ["kernel", "bias"])]
    if spared:
        made.exclude_from_weight_decay(var_names=spared)
    made.build(variables)
    # As if the loss had been multiplied before it was differentiated.
    scale = settings.get("loss_scale_factor", 1)
    trace = []
    for g in gradients:
        made.apply([scale * one for one in g], variables)
        trace.append(flat(variables))
    cases.append({"class_name": name, "config": settings, "trace": trace})


own = {
    "Adadelta": dict(learning_rate=0.5, rho=0.8, epsilon=1e-3),
    "Adafactor": dict(learning_rate=0.1, beta_2_decay=-0.5, epsilon_1=1e-4, epsilon_2=0.7, clip_threshold=0.5, relative_step=False),
    "Adagrad": dict(learning_rate=0.1, initial_accumulator_value=0.5, epsilon=1e-3),
    "Adam": dict(learning_rate=0.05, beta_1=0.8, beta_2=0.9, epsilon=1e-3, amsgrad=True),
    "AdamW": dict(learning_rate=0.05, beta_1=0.8, beta_2=0.9, epsilon=1e-3, amsgrad=True),
    "Adamax": dict(learning_rate=0.05, beta_1=0.8, beta_2=0.9, epsilon=1e-3),
    "Ftrl": dict(
        learning_rate=0.1, learning_rate_power=-0.6, initial_accumulator_value=0.5, l1_regularization_strength=0.5,
        l2_regularization_strength=0.2, l2_shrinkage_regularization_strength=0.1, beta=0.3,
    ),
    "Lamb": dict(learning_rate=0.05, beta_1=0.8, beta_2=0.9, epsilon=1e-3),
    "Lion": dict(learning_rate=0.05, beta_1=0.8, beta_2=0.9),
    "Muon": dict(
        learning_rate=0.05, adam_beta_1=0.8, adam_beta_2=0.9, adam_weight_decay=0.1, epsilon=1e-3, adam_lr_ratio=0.5, muon_a=2.0, muon_b=-1.5,
        muon_c=0.5, momentum=0.8, ns_steps=4, nesterov=False, rms_rate=0.3, exclude_embeddings=False,
    ),
    "Nadam": dict(learning_rate=0.05, beta_1=0.8, beta_2=0.9, epsilon=1e-3),
    "RMSprop": dict(learning_rate=0.01, rho=0.8, momentum=0.5, centered=True, epsilon=1e-3),
    "SGD": dict(learning_rate=0.1, momentum=0.9),
    "ScheduleFreeAdamW": dict(learning_rate=0.05, beta_1=0.8, beta_2=0.9, epsilon=1e-3, warmup_steps=4),
}
for name, settings in own.items():
    optimizer(name)
    optimizer(name, **settings)
    optimizer(name, learning_rate=0.1, weight_decay=0.3, exclude_from_weight_decay=["bias"], clipnorm=0.5)
    optimizer(name, learning_rate=0.1, clipvalue=0.3, gradient_accumulation_steps=3, loss_scale_factor=64.0)
    optimizer(name, learning_rate=0.1, global_clipnorm=0.5, use_ema=True, ema_momentum=0.7, ema_overwrite_frequency=4)
optimizer("SGD", learning_rate=0.1, momentum=0.9, nesterov=True, weight_decay=0.05)
optimizer("Muon", learning_rate=0.1, exclude_layers=["ker"], rms_rate=None, adam_weight_decay=None)
optimizer("Muon", learning_rate=0.1, rms_rate=None)
together = dict(gradient_accumulation_steps=2, use_ema=True, ema_momentum=0.7, ema_overwrite_frequency=2, weight_decay=0.1)
optimizer("Adam", learning_rate=word("ExponentialDecay", initial_learning_rate=0.1, decay_steps=4, decay_rate=0.5), **together)
optimizer("Nadam", learning_rate=word("CosineDecay", initial_learning_rate=0.1, decay_steps=8), **together)
finish(start=flat(start), gradients=[flat(g) for g in gradients])
