"""Names of inline formulas that the equations of their page do not declare, and its examples.

The examples by hand come from tests/worked.py, where the package computes them.
"""

import torch
import worked
from worked import table

from printed.check import Subject
from printed.points import Draw
from scratchmnist import cross_entropy, softmax

ANY = {"": {r"\bar y": "it is added and taken away"}}


def example(values, **more):
    """An example by hand: the same at every point."""
    return Subject(labels=(), point=lambda seed: dict(values), **more)


def a_model(seed):
    draw = Draw(seed)
    X, W, b, Y = draw(4, 3), draw(3, 2), draw(1, 2), draw(4, 2)
    return {"X": X, "W": W, "b": b, "Y_1": Y, "E": X @ W + b - Y}


def two_pixels(seed):
    x = Draw(seed)(1, 2)
    return {"x": x, r"\hat y": x @ worked.FIRST.weights + worked.FIRST.bias}


def a_spread(seed):
    draw = Draw(seed)
    return {"c": draw.number(), "y": draw(5, 1), r"\bar y": draw.number()}


def a_largest_score(seed):
    z = Draw(seed)(1, 4)
    return {"z": z, "q": z.max()}


def one_step(rate):
    """The step by hand of a single layer; with a rate, after that step."""
    W = (-rate * worked.ONCE).requires_grad_()
    b = (-rate * (worked.THIRDS - worked.y)).requires_grad_()
    z = worked.x @ W + b
    return {
        "x": worked.x, "y": worked.y, "z": z, "W": W, "b": b, "p": softmax(z),
        "L": cross_entropy(z, worked.y)[0] if rate else -(z.log_softmax(-1) * worked.y).sum(),
    }  # fmt: skip


def fitted_exactly(seed):
    """Targets that differ from P only at right angles to the columns of X and of ones."""
    draw = Draw(seed)
    X, P, other = draw(6, 2), draw(6, 3), draw(6, 3)
    A = torch.cat([X, torch.ones(6, 1, dtype=torch.float64)], 1)
    Y = P + other - A @ torch.linalg.lstsq(A, other).solution
    return {"X": X, "P": P.detach() + 0, "Y": Y.detach()}


def a_plane(seed):
    draw = Draw(seed)
    x, w, b = draw(1, 2), draw(2, 1), draw.number()
    return {"x": x, "w": w, "b": b, "s()": lambda x: x @ w + b}


def a_short_cut(seed):
    """A network whose input also reaches the scores by V, past the hidden layer."""
    draw = Draw(seed)
    X, W_1, b_1, W_2, b_2, V = (
        draw(4, 3), draw(3, 5), draw(1, 5), draw(5, 2), draw(1, 2), draw(3, 2),
    )  # fmt: skip
    Z_1 = X @ W_1 + b_1
    A = Z_1.relu()
    Z = A @ W_2 + X @ V + b_2
    return {
        "X": X, "W_1": W_1, "b_1": b_1, "W_2": W_2, "b_2": b_2, "V": V, "Z_1": Z_1, "A": A,
        "Z": Z, "L": (Z * Z.detach().cos() + Z.square() / 3).sin().sum(),
    }  # fmt: skip


def rest_of_a_fourth_power(seed):
    """Where the third derivative stands for the rest of f(x + h) and f(x - h), f = x^4."""
    x, h = Draw(seed).numbers(2)

    def place(step):
        rest = (x + step) ** 4 - x**4 - 4 * x**3 * step - 6 * x**2 * step**2
        return rest / (step**3 / 6) / 24

    return {"x": x, "h": h, r"\xi_+": place(h), r"\xi_-": place(-h), "f()": lambda x: x**4}


def best_step(seed):
    """The step where two errors together are smallest, found by halving an interval."""
    draw = Draw(seed)
    F, F_2, eps, h = (draw.positive() for _ in range(4))

    def error(h):
        return h / 2 * F_2 + 2 * eps * F / h

    low, high = torch.tensor(1e-3).double(), torch.tensor(1e3).double()
    for _ in range(200):
        middle = ((low + high) / 2).requires_grad_()
        falls = torch.autograd.grad(error(middle), middle)[0] < 0
        low, high = (middle.detach(), high) if falls else (low, middle.detach())
    return {"F": F, "F_2": F_2, r"\varepsilon": eps, "h": h, "h^*": low, "e()": error}


def paired_runs(seed):
    draw = Draw(seed)
    a, other = draw(5, 1), draw(5, 1)
    return {"a": a, "a'": other, "d": a - other}


def parabola(w):
    return 3 * (w - 2) ** 2


def on_the_parabola(seed):
    w, eta = Draw(seed).numbers(2)
    g = torch.autograd.functional.jacobian(parabola, torch.zeros(()).double())
    return {
        "w": w, r"\eta": eta, "L()": parabola, r"\varphi()": lambda eta: parabola(-eta * g),
        "c": 2 * 3 * g**2,
    }  # fmt: skip


HAND = {
    "Z_1": worked.Z_1, "A": worked.Z_1.relu(), "Z": worked.SCORES,
    "L": cross_entropy(worked.SCORES, worked.CLASSES)[0],
}  # fmt: skip
AT_TWO = {"x": torch.tensor(2.0).double(), "h": torch.tensor(0.1).double()}
SLOPE_AT_ZERO = torch.autograd.functional.jacobian(parabola, torch.zeros(()).double())
TWO_ROWS = table([[2 / 4, 1 / 4, 1 / 4], [1 / 8, 3 / 8, 4 / 8]]).log()
LAST = example(one_step(1.0), approximate=6e-4)

MORE = {
    "digit-as-a-number": [
        Subject(labels=(), point=two_pixels),
        example({"x": table([[0, 1, 0.5]]), "w": table([[1, 2, -4]]), "b": table([[3]])}),
        example({"w": worked.FIRST.weights.T, "b": worked.FIRST.bias}),
    ],
    "why-regression-struggles": [
        Subject(labels=(), point=a_spread, indices={"i": (1, 5)}, any_value=ANY),
        Subject(labels=(), point=a_model),
    ],
    "scores-to-probabilities": [
        Subject(labels=(), point=a_largest_score, indices={"m": (1, 4)}),
        example({"z": worked.ODDS.log() + torch.tensor(10.0).double().log(), "p": worked.ODDS}),
        example({"L": cross_entropy(TWO_ROWS, table([[0, 1, 0], [0, 1, 0]]))[0]}),
    ],
    "one-layer-classifier": [
        example(one_step(0.0), approximate=6e-4),
        LAST,
        Subject(labels=(), point=fitted_exactly, indices={"i": (1, 6), "j": (1, 2), "k": (1, 3)}),
    ],
    "hidden-layer": [Subject(labels=(), point=a_plane), example(HAND)],
    "backpropagation": [Subject(labels=(), point=a_short_cut, tolerance=1e-8)],
    "checking-gradients": [
        example(AT_TWO),
        Subject(labels=(), point=rest_of_a_fourth_power, tolerance=1e-7),
        Subject(labels=(), point=best_step, tolerance=1e-6),
    ],
    "two-models-compared": [Subject(labels=(), point=paired_runs, indices={"r": (1, 5)})],
    "learning-rates": [
        Subject(labels=(), point=on_the_parabola),
        example(
            {"w": torch.tensor(0.0).double(), "g": SLOPE_AT_ZERO},
            zero={"": "the walk begins at w = 0"},
        ),
    ],
}
