"""JAX with Flax and Optax: the whole step compiled, its state donated."""

import flax.linen as nn
import jax
import jax.numpy as jnp
import optax

import workloads


class Dense(nn.Module):
    """Dense layers, up to the logits."""

    sizes: tuple

    @nn.compact
    def __call__(self, x):
        for size in self.sizes[:-1]:
            x = nn.relu(nn.Dense(size)(x))
        return nn.Dense(self.sizes[-1])(x)


class Convolutional(nn.Module):
    @nn.compact
    def __call__(self, x):
        x = nn.relu(nn.Conv(32, (3, 3), padding="VALID")(x))
        x = nn.relu(nn.Conv(64, (3, 3), padding="VALID")(x))
        x = nn.max_pool(x, (2, 2), (2, 2))
        return nn.Dense(10)(nn.relu(nn.Dense(128)(x.reshape(x.shape[0], -1))))


class Recurrent(nn.Module):
    @nn.compact
    def __call__(self, x):
        return nn.Dense(1)(nn.RNN(nn.OptimizedLSTMCell(128))(x)[:, -1])


class Transformer(nn.Module):
    @nn.compact
    def __call__(self, x):
        for _ in range(2):
            h = nn.LayerNorm()(x)
            x = x + nn.MultiHeadDotProductAttention(4)(h, h)
            x = x + nn.Dense(128)(nn.gelu(nn.Dense(256)(nn.LayerNorm()(x)), approximate=False))
        return nn.Dense(10)(x.mean(1))


class Residual(nn.Module):
    @nn.compact
    def __call__(self, x):
        convolution = lambda filters, size, stride: nn.Conv(filters, (size, size), stride, use_bias=False)
        normal = lambda: nn.BatchNorm(use_running_average=False, momentum=0.99, epsilon=1e-3)
        x = nn.relu(normal()(convolution(16, 3, 1)(x)))
        for filters, stride in ((16, 1), (32, 2), (64, 2)):
            h = nn.relu(normal()(convolution(filters, 3, stride)(x)))
            h = normal()(convolution(filters, 3, 1)(h))
            x = nn.relu(h + (x if stride == 1 else convolution(filters, 1, stride)(x)))
        return nn.Dense(10)(x.mean((1, 2)))


def network(name):
    if name in workloads.HIDDEN:
        return Dense((*workloads.HIDDEN[name], workloads.WORKLOADS[name].classes))
    return {"mnist_cnn": Convolutional, "lstm": Recurrent, "transformer": Transformer, "resnet8": Residual}[name]()


def steps(name, threads):
    x, y = map(jnp.asarray, workloads.batch(name))
    model = network(name)
    variables = model.init(jax.random.key(42), x)
    optimizer = optax.adam(1e-3)
    state = [variables, optimizer.init(variables["params"])]

    def loss(params, others, x, y):
        logits, others = model.apply({"params": params, **others}, x, mutable=list(others))
        if y.ndim == 2:
            return optax.sigmoid_binary_cross_entropy(logits, y).mean(), others
        return optax.softmax_cross_entropy_with_integer_labels(logits, y).mean(), others

    def update(variables, slots, x, y):
        others = {key: value for key, value in variables.items() if key != "params"}
        gradient = jax.value_and_grad(loss, has_aux=True)
        (value, others), grads = gradient(variables["params"], others, x, y)
        updates, slots = optimizer.update(grads, slots)
        return {"params": optax.apply_updates(variables["params"], updates), **others}, slots, value

    compiled = jax.jit(update, donate_argnums=(0, 1))

    def step():
        *state[:], value = compiled(*state, x, y)
        value.block_until_ready()

    return {"jit": step}
