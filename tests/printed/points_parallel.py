"""Shards of a batch, and what more processes cost."""

import torch

from printed.check import Subject
from printed.points import Draw, leaf

B, P, n = 6, 3, 4


def shards(seed):
    """Shards of 3, 2 and 1 images, or of 2 each."""
    draw = Draw(seed)
    g, sizes = draw(B, n), [[3, 2, 1], [2, 2, 2], [1, 4, 1]][seed % 3]
    members = torch.zeros(P, B).double()
    for r, rows in enumerate(torch.arange(B).split(sizes)):
        members[r, rows] = 1
    means = torch.stack([part.mean(0, keepdim=True) for part in g.split(sizes)])  # [P, 1, n]
    return {
        "B": B, "P": P, "n": n, "g": g.mean(0, keepdim=True), "g[]": g, r"\mathcal{I}": members,
        "b": torch.tensor(sizes).double()[:, None], r"\bar g": means,
    }  # fmt: skip


SHARDS = Subject(
    labels=("eq-shard-mean", "eq-mean-of-means"),
    point=shards,
    indices={"i": (1, B), "r": (1, P)},
)


def products(seed):
    """A loss behind Z = X W, and the rows of two images for each process."""
    draw, D, K = Draw(seed), 5, 4
    X, W = draw(B, D), draw(D, K)
    Z = X @ W
    L = (Z * draw(B, K).detach() + Z.square() / 3).sin().sum()
    (G,) = torch.autograd.grad(L, Z, retain_graph=True)
    return {
        "B": B, "D": D, "K": K, "P": P, "b": torch.full((P, 1), B // P).double(), "X": X, "W": W,
        "L": L, "G": G, "X[]": X.view(P, B // P, D), "G[]": G.view(P, B // P, K),
    }  # fmt: skip


SHARD_PRODUCT = Subject(labels=("eq-shard-product",), point=products, indices={"r": (1, P)})


def ring(seed):
    count, numbers = 2 + seed % 5, 60.0
    sent = sum(numbers / count for _ in range(2) for _ in range(count - 1))
    return {
        "P": torch.tensor(float(count)).double(), "n": numbers,
        "s": torch.tensor(sent, dtype=torch.float64),
    }  # fmt: skip


RING = Subject(labels=("eq-ring-sent",), point=ring)


def step(seed):
    """Two rounds of messages, one after the other; where both times are equal is solved for."""
    draw = Draw(seed)
    a, c, alpha, beta, numbers, size = (draw.positive().detach() for _ in range(6))
    count = 2 + seed % 5

    def t(count, size=size):
        count = float(count)
        messages = sum(alpha + beta * numbers / count for _ in range(2 * (round(count) - 1)))
        return a + c * (size / count) + messages

    gain = [t(1, x) - t(count, x) for x in (0.0, 1.0)]  # a line in the batch
    return {
        "a": a, "c": c, r"\alpha": alpha, r"\beta": beta, "n": numbers, "B": size,
        "P": torch.tensor(float(count)).double(), "t()": t, "B^*": gain[0] / (gain[0] - gain[1]),
    }  # fmt: skip


STEP = Subject(labels=("eq-step-time", "eq-break-even"), point=step)


def snapshots(seed):
    draw = Draw(seed)
    delta, M, tau = (leaf(draw.positive()) for _ in range(3))

    def loss(tau):
        return (2 * M * delta + tau * tau) / (2 * M * tau)

    best = (2 * delta.detach() * M.detach()).sqrt()
    for _ in range(30):  # Newton's method on the slope, by autograd
        at = best.clone().requires_grad_()
        (slope,) = torch.autograd.grad(loss(at), at, create_graph=True)
        (curvature,) = torch.autograd.grad(slope, at)
        best = (at - slope / curvature).detach()
    return {r"\delta": delta, "M": M, r"\tau": tau, r"\tau^*": best, r"\ell()": loss,
            r"\ell": loss(tau)}  # fmt: skip


SNAPSHOTS = Subject(labels=("eq-snapshot-loss",), point=snapshots)


def worth(seed):
    """Every step of a run, one after the other, and what each machine is paid."""
    draw = Draw(seed)
    a, n, v, alpha, beta, q = (draw.positive().detach() for _ in range(6))
    E, N, size = 3.0, 40.0, 8.0

    def t(count):
        count = float(count)
        messages = sum(alpha + beta * n / count for _ in range(2 * (round(count) - 1)))
        one = a + (2 * n + 4 * n) / v * (size / count) + messages
        return sum(one for _ in range(round(E * N / size)))

    def m(count):
        return sum(q * t(count) for _ in range(round(float(count))))

    values = {"a": a, "n": n, "v": v, r"\alpha": alpha, r"\beta": beta, "q": q}
    numbers = {"E": E, "N": N, "B": size, "P": torch.tensor(2.0 + seed % 5).double()}
    return {**values, **numbers, "T()": t, "m()": m}


WORTH = Subject(labels=("eq-worth-time",), point=worth)
