"""Two layers, backpropagation, sizes at the start, steps along the gradient, speed."""

from itertools import product

import torch

from printed.check import Subject
from printed.points import Draw, leaf
from printed.values import Random

B, D, H, K, R = 4, 5, 6, 3, 7


def two_layers(seed):
    draw = Draw(seed)
    X, W1, b1, W2, b2 = draw(B, D), draw(D, H), draw(1, H), draw(H, K), draw(1, K)
    Z1 = X @ W1 + b1
    A = Z1.relu()
    Z = A @ W2 + b2
    Y = torch.eye(K).double()[(torch.arange(B) * 2 + seed) % K]
    return {
        "B": B, "D": D, "H": H, "K": K, "X": X, "W_1": W1, "b_1": b1, "Z_1": Z1, "A": A,
        "M": (Z1 > 0).double(), "W_2": W2, "b_2": b2, "Z": Z, "P": Z.softmax(-1), "Y": Y,
        "L": torch.nn.functional.cross_entropy(Z, Y),
    }  # fmt: skip


TWO_LAYERS = Subject(
    labels=(
        "eq-lines-collapse",
        "eq-two-layers",
        "eq-hidden-score",
        "eq-hidden-paths",
        "eq-relu-gradient",
        "eq-backprop",
        "eq-first-weight",
    ),
    point=two_layers,
    indices={"i": (1, B), "j": (1, D), "u": (1, H), "k": (1, K)},
)


def plane(seed):
    """Two inputs of 0 or 1, and a score that is a line."""
    draw = Draw(seed)
    w, b, x = draw(1, 2), draw.number(), draw(1, 2)
    return {"w": w, "b": b, "s()": lambda one, two: w[0, 0] * one + w[0, 1] * two + b, "x": x}


PLANE = Subject(labels=("eq-xor-line", "eq-xor-relu"), point=plane)

RELU = Subject(labels=("eq-relu",), point=lambda seed: {"z": Draw(seed).number()})


def random_weights(seed):
    """Weights +sigma or -sigma: every combination, all equally likely."""
    draw = Draw(seed)
    inputs, sigma, x = 4, draw.positive(), draw(1, 4)
    signs = torch.tensor(list(product((-1.0, 1.0), repeat=inputs))).double()
    w = sigma * signs[:, :, None]  # [cases, inputs, 1]
    z = (x @ w)[:, 0, 0]
    return {
        "D": inputs, "x": x, r"\sigma": sigma, "w": Random(w), "z": Random(z),
        "a": Random(z.relu()),
    }  # fmt: skip


def size_kept(values):
    """The sigma at which E[a^2] is the mean of x_j^2: `a` grows in proportion to sigma."""
    x, a, sigma = values("x"), values("a").data, values(r"\sigma")
    return {r"\sigma": sigma * (x.square().mean() / a.square().mean()).sqrt()}


def not_independent(values):
    """Weights that depend on each other: what is said of all weights holds for them."""
    w = values("w").data
    w = torch.stack([w[:, 0], w[:, 0] + w[:, 1], w[:, 1] * w[:, 2], w[:, 3] + 0.3], 1)
    return {"w": Random(w), "z": Random((values("x") @ w)[:, 0, 0])}


RANDOM_WEIGHTS = Subject(
    labels=("eq-unit-size", "eq-relu-size", "eq-he-variance"),
    point=random_weights,
    indices={"j": (1, 4)},
    needs={"eq-he-variance": {2: size_kept}},
    holds={"eq-unit-size": {not_independent: {3, 4}}},
)


def one_random_weight(seed):
    draw = Draw(seed)
    sigma, x = draw.positive(), draw.number()
    w = Random(torch.stack([-sigma, sigma]))
    return {"x": x, r"\sigma": sigma, "w": w}


ONE_RANDOM_WEIGHT = Subject(labels=("eq-one-weight-size",), point=one_random_weight)


def along_the_gradient(seed):
    """A loss of n weights, and what happens to it along the gradient."""
    n, draw = 4, Draw(seed)
    w, mix = draw(n, 1), draw(n, n).detach()

    def loss(*numbers):
        w = torch.stack(torch.broadcast_tensors(*numbers))
        return torch.sin(mix @ w.reshape(n, -1)).sum() + w.square().sum() / 3

    L = loss(*w[:, 0])
    (g,) = torch.autograd.grad(L, w, retain_graph=True)
    eta = draw.number()
    return {
        "n": n, "w": w, "g": g, r"\eta": eta, "L": L, "L()": loss,
        r"\varphi()": lambda eta: loss(*(w - eta * g).detach()[:, 0]) if not eta.requires_grad
        else loss(*(w.detach() - eta * g)[:, 0]),
    }  # fmt: skip


ALONG_THE_GRADIENT = Subject(
    labels=("eq-lr-line", "eq-lr-slope"),
    point=along_the_gradient,
    indices={"i": (1, 4)},
)


def parabola_of_steps(seed):
    """The squared error of one layer, along its gradient."""
    draw = Draw(seed)
    X, W, b, Y = draw(B, D), draw(D, K), draw(1, K), draw(B, K)

    def loss(W, b):
        return (X @ W + b - Y).square().mean()

    d_w, d_b = torch.autograd.grad(loss(W, b), (W, b))

    def phi(eta):
        return loss(W - eta * d_w, b - eta * d_b)

    zero = torch.zeros(()).double()
    c = torch.autograd.functional.hessian(phi, zero)
    best = -torch.autograd.functional.jacobian(phi, zero) / c
    g = torch.cat([d_w.reshape(-1), d_b.reshape(-1)])[:, None]
    return {r"\varphi()": phi, r"\eta": draw.number(), "g": g, "c": c, r"\eta^*": best}


PARABOLA_OF_STEPS = Subject(labels=("eq-lr-parabola",), point=parabola_of_steps)


def small_steps(seed):
    """k batches of one size: their gradients, and that of all their pictures."""
    k, draw = 3, Draw(seed)
    X, W, Y = draw(k * B, D).detach(), draw(D, 2), draw(k * B, 2).detach()
    parts = [
        torch.autograd.grad((x @ W - y).square().mean(), W)[0]
        for x, y in zip(X.split(B), Y.split(B))
    ]
    (whole,) = torch.autograd.grad((X @ W - Y).square().mean(), W)
    return {"k": k, r"\eta": draw.number(), "G[]": torch.stack(parts), "G": whole}


SMALL_STEPS = Subject(
    labels=("eq-lr-linear-scaling",),
    point=small_steps,
    indices={"i": (1, 3)},
    holds={"eq-lr-linear-scaling": {"G": {1}}},
)


def operations(seed):
    """A product [a, b] [b, c] takes 2abc operations: those of one step, counted."""
    products = [(B, D, H), (B, H, K), (D, B, H), (H, B, K), (B, K, H)]
    count = sum(2 * a * b * c for a, b, c in products)
    return {
        "B": B,
        "D": D,
        "H": H,
        "K": K,
        r"n_{\text{op}}": torch.tensor(count, dtype=torch.float64),
    }


OPERATIONS = Subject(labels=("eq-step-operations",), point=operations)


def products(seed):
    draw = Draw(seed)
    return {
        "B": B, "D": D, "H": H, "R": R, "X": draw(B, D), "W": draw(D, H), "G": draw(B, H),
    }  # fmt: skip


TURNED_PRODUCT = Subject(labels=("eq-turned-product",), point=products)


def many_products(seed):
    return {**products(seed), "W": Draw(seed + 500)(R, D, H)}


WIDE_PRODUCT = Subject(labels=("eq-wide-product",), point=many_products)


def time_model(seed):
    """The time is a line in n; n^* is where it is twice the time for none."""
    draw = Draw(seed)
    a, c, n = draw.positive(), draw.positive(), draw.positive()

    def t(n):
        return torch.lerp(a, a + c, n)

    return {"a": a, "c": c, "n": n, "t()": t, "n^*": (2 * t(0 * n) - a) / (t(0 * n + 1) - a)}


TIME_MODEL = Subject(labels=("eq-time-model",), point=time_model)


def momentum(seed):
    """PyTorch's own momentum on a parabola: theta_1 to theta_6, and the steps between."""
    lam, beta, eta = Draw(seed).numbers(3)
    theta = torch.tensor([1.0 + seed], dtype=torch.float64, requires_grad=True)
    optimiser = torch.optim.SGD([theta], lr=abs(eta.item()), momentum=abs(beta.item()))
    path = [theta.detach().clone()]
    for _ in range(5):
        optimiser.zero_grad()
        (lam.detach() / 2 * theta.square()).sum().backward()
        optimiser.step()
        path.append(theta.detach().clone())
    path = torch.stack(path)
    steps = torch.cat([torch.zeros(1, 1).double(), path.diff(dim=0)])
    return {
        r"\theta": path, "s": steps, "g": lam.detach() * path, r"\lambda": lam,
        r"\beta": leaf(beta.abs()), r"\eta": leaf(eta.abs()),
    }  # fmt: skip


MOMENTUM = Subject(
    labels=("eq-momentum", "eq-momentum-parabola"), point=momentum, indices={"t": (2, 5)}
)


def roots_of_momentum(seed):
    """Where the factors are real: the eigenvalues of the step from two positions to the next."""
    beta, lam = 0.2 + 0.05 * seed, Draw(seed).positive()
    eta = (0.8 * (1 - beta**0.5) ** 2 / lam).detach()
    step = torch.tensor([[1 + beta - (eta * lam).item(), -beta], [1, 0]], dtype=torch.float64)
    values = torch.linalg.eigvals(step).real
    return {
        r"\beta": torch.tensor(beta, dtype=torch.float64), r"\lambda": lam.detach(), r"\eta": eta,
        r"\rho": values[seed % 2],
    }  # fmt: skip


def ends_of_momentum(seed):
    """The first and the last rate at which the factors are complex: where 4 beta is the square."""
    beta = torch.tensor(0.2 + 0.05 * seed, dtype=torch.float64)
    lam, middle = Draw(seed).positive().detach(), 1 + beta
    reach = (4 * beta).sqrt() * (1 - 1e-10)
    eta = (middle + (-reach if seed % 2 else reach)) / lam
    return {r"\beta": beta, r"\lambda": lam, r"\eta": eta}


ROOTS_OF_MOMENTUM = Subject(labels=("eq-momentum-roots",), point=roots_of_momentum)
ENDS_OF_MOMENTUM = Subject(
    labels=("eq-momentum-range",),
    point=ends_of_momentum,
    free=(r"\beta",),
    sharp={"eq-momentum-range": {1, 2}},
)


def best_momentum(seed):
    """Both ends of the spectrum reach the edge of the complex range at once."""
    least, kappa = Draw(seed).positive().detach(), torch.tensor(4.0 + seed).double()
    q = torch.tanh(kappa.log() / 4)  # the q with (1 + q) / (1 - q) = sqrt(kappa)
    return {
        r"\kappa": kappa, r"\lambda_{\min}": least, r"\lambda_{\max}": kappa * least,
        r"\beta": q**2, r"\eta": (1 - q) ** 2 / least,
    }  # fmt: skip


def best_plain_rate(values):
    """Both ends shrink alike, with opposite signs: 1 - eta least = -(1 - eta most)."""
    return {r"\eta": 1 / ((values(r"\lambda_{\min}") + values(r"\lambda_{\max}")) / 2)}


BEST_MOMENTUM = Subject(
    labels=("eq-momentum-best",),
    point=best_momentum,
    needs={"eq-momentum-best": {2: best_plain_rate, 4: best_plain_rate}},
)
