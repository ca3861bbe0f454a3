"""What readers might hand in: right functions in several styles, and mistakes, each with its name.

Written as readers write, with loops, matrix products, einsum, NumPy, in place: not with the tables
of `scratchmnist.check`.
"""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import torch

# --- right ones: {check: [functions]} -------------------------------------------------------------


def mse_loops(y_pred, y_true):
    total = 0.0
    for i in range(y_pred.shape[0]):
        for k in range(y_pred.shape[1]):
            total += (y_pred[i, k].item() - y_true[i, k].item()) ** 2
    return total / (y_pred.shape[0] * y_pred.shape[1])


def mse_in_place(y_pred, y_true):
    resid = y_pred.clone()
    resid -= y_true
    resid *= resid
    return resid.mean().double()


def mse_gradient_loops(y_pred, y_true):
    out = torch.zeros_like(y_pred)
    for i in range(len(y_pred)):
        for k in range(y_pred.shape[1]):
            out[i, k] = 2 * (y_pred[i, k] - y_true[i, k]) / y_pred.numel()
    return out


def mse_gradient_autograd(y_pred, y_true):
    y_pred.requires_grad_()
    ((y_pred - y_true) ** 2).mean().backward()
    return y_pred.grad


def one_hot_loops(labels, classes):
    rows = []
    for label in labels.tolist():
        row = [0.0] * classes
        row[label] = 1.0
        rows.append(row)
    return torch.tensor(rows)


def one_hot_in_place(labels, classes):
    out = torch.zeros(len(labels), classes, dtype=torch.float64)
    out[torch.arange(len(labels)), labels] = 1
    return out


def softmax_loops(logits):
    out = torch.empty(logits.shape)
    for i, row in enumerate(logits.tolist()):
        exps = [math.exp(z - max(row)) for z in row]
        for k, e in enumerate(exps):
            out[i, k] = e / sum(exps)
    return out


def softmax_numpy(logits):
    z = logits - logits.max(axis=1, keepdims=True)
    e = np.exp(z)
    return e / np.sum(e, axis=1, keepdims=True)


def softmax_in_place(logits):
    e = logits.double()
    e -= e.max(dim=1, keepdim=True).values
    e.exp_()
    e /= e.sum(dim=1, keepdim=True)
    return e


def log_sum_exp_numpy(logits):
    largest = np.max(logits, axis=1, keepdims=True)
    return largest + np.log(np.sum(np.exp(logits - largest), axis=1, keepdims=True))


def log_sum_exp_loops(logits):
    out = []
    for row in logits.tolist():
        largest = max(row)
        out.append(largest + math.log(sum(math.exp(z - largest) for z in row)))
    return torch.tensor(out)


def cross_entropy_loops(logits, targets):
    total = 0.0
    for row, target in zip(logits.tolist(), targets.tolist()):
        largest = max(row)
        lse = largest + math.log(sum(math.exp(z - largest) for z in row))
        total += lse - row[target.index(1.0)]
    return total / len(logits)


def cross_entropy_einsum(logits, targets):
    shifted = logits - logits.max(dim=1, keepdim=True).values
    lse = shifted.exp().sum(1).log()
    right = torch.einsum("bk,bk->b", shifted, targets)
    return (lse - right).mean()


def cross_entropy_numpy(logits, targets):
    shifted = logits - logits.max(axis=1, keepdims=True)
    lse = np.log(np.exp(shifted).sum(axis=1))
    return np.mean(lse - shifted[np.arange(len(logits)), targets.argmax(axis=1)])


def p_minus_y_in_place(logits, targets):
    p = softmax_in_place(logits)
    p[torch.arange(len(p)), targets.argmax(1)] -= 1
    return p / len(p)


def p_minus_y_numpy(logits, targets):
    return (softmax_numpy(logits) - targets) / logits.shape[0]


def linear_loops(x, weights, bias):
    out = torch.zeros(len(x), weights.shape[1])
    for b in range(len(x)):
        for h in range(weights.shape[1]):
            out[b, h] = bias[0, h]
            for d in range(len(weights)):
                out[b, h] += x[b, d] * weights[d, h]
    return out


def linear_gradients_loops(x, weights, d_out):
    d_x, d_weights = torch.zeros_like(x), torch.zeros_like(weights)
    d_bias = torch.zeros(1, weights.shape[1])
    for b in range(len(x)):
        for h in range(weights.shape[1]):
            d_bias[0, h] += d_out[b, h]
            for d in range(len(weights)):
                d_x[b, d] += d_out[b, h] * weights[d, h]
                d_weights[d, h] += d_out[b, h] * x[b, d]
    return d_x, d_weights, d_bias


def linear_gradients_einsum(x, weights, d_out):
    d_x = torch.einsum("bh,dh->bd", d_out, weights)
    d_weights = torch.einsum("bd,bh->dh", x, d_out)
    return [d_x, d_weights, torch.einsum("bh->h", d_out)[None]]


def linear_gradients_numpy(x, weights, d_out):
    return np.dot(d_out, weights.T), np.dot(x.T, d_out), np.sum(d_out, axis=0, keepdims=True)


def relu_loops(x):
    out = torch.empty_like(x)
    for i in range(x.shape[0]):
        for j in range(x.shape[1]):
            out[i, j] = max(x[i, j].item(), 0)
    return out


def relu_in_place(x):
    out = x.clone()
    out[out < 0] = 0
    return out


def relu_gradient_in_place(x, d_out):
    d_x = d_out.clone()
    d_x[x <= 0] = 0
    return d_x


def two_layers_matrix(x, targets, W_1, b_1, W_2, b_2):
    z_1 = x @ W_1 + b_1
    a = z_1.clamp(min=0)
    d_z_2 = p_minus_y_in_place(a @ W_2 + b_2, targets).float()
    d_z_1 = (d_z_2 @ W_2.T) * (z_1 > 0)
    return x.T @ d_z_1, d_z_1.sum(0, True), a.T @ d_z_2, d_z_2.sum(0, True)


def two_layers_loops(x, targets, W_1, b_1, W_2, b_2):
    totals = [torch.zeros_like(one, dtype=torch.float64) for one in (W_1, b_1, W_2, b_2)]
    W_1, b_1, W_2, b_2 = (one.double() for one in (W_1, b_1, W_2, b_2))
    for x_i, y_i in zip(x.double(), targets.double()):  # one image at a time: [D], [K]
        z = x_i @ W_1 + b_1[0]
        a = torch.maximum(z, torch.tensor(0.0))
        s = a @ W_2 + b_2[0]
        p = (s - s.max()).exp()
        d_s = p / p.sum() - y_i
        d_a = W_2 @ d_s
        d_z = torch.where(z > 0, d_a, 0.0)
        for total, grad in zip(totals, (torch.outer(x_i, d_z), d_z, torch.outer(a, d_s), d_s)):
            total += grad / len(x)
    return tuple(totals)


def two_layers_numpy(x, targets, W_1, b_1, W_2, b_2):
    z = np.matmul(x, W_1) + b_1
    a = np.maximum(z, 0)
    d_s = (softmax_numpy(np.matmul(a, W_2) + b_2) - targets) / len(x)
    d_z = np.matmul(d_s, W_2.T)
    d_z[z <= 0] = 0
    return (
        np.matmul(x.T, d_z),
        d_z.sum(axis=0, keepdims=True),
        np.matmul(a.T, d_s),
        d_s.sum(axis=0, keepdims=True),
    )


def step_in_place(weights, d_weights, lr):
    weights -= lr * d_weights
    return weights


def step_loops(weights, d_weights, lr):
    rows = [
        [w - lr * d for w, d in zip(row, d_row)]
        for row, d_row in zip(weights.tolist(), d_weights.tolist())
    ]
    return torch.tensor(rows)


def accuracy_loops(out, labels):
    right = 0
    for row, label in zip(out.tolist(), labels.tolist()):
        if row.index(max(row)) == label:
            right += 1
    return right / len(labels)


def batches_yielded(images, labels, batch_size, seed):
    order = torch.randperm(len(images), generator=torch.Generator().manual_seed(seed))
    for start in range(0, len(order), batch_size):
        rows = order[start : start + batch_size]
        yield images[rows], labels[rows]


def batches_in_a_list(images, labels, batch_size, seed):
    torch.manual_seed(seed)
    order = torch.randperm(len(images))
    images, labels = images[order], labels[order]
    return list(zip(images.split(batch_size), labels.split(batch_size)))


def batches_by_generator(images, targets, batch_size, generator):
    for some in torch.randperm(len(images), generator=generator).split(batch_size):
        yield images[some], targets[some]


def batches_numpy(images, labels, batch_size, seed):
    order = np.random.default_rng(seed).permutation(len(images))
    images, labels = np.take(images, order, axis=0), np.take(labels, order, axis=0)
    for start in range(0, len(images), batch_size):
        yield images[start : start + batch_size].copy(), labels[start : start + batch_size]


RIGHT = {
    "mean_squared_error": [
        mse_loops,
        lambda y_pred, y_true: ((y_pred - y_true) ** 2).mean(),
        mse_in_place,
        lambda y_pred, y_true: np.mean(np.square(np.subtract(y_pred, y_true))),
        lambda a, b: torch.einsum("bk,bk->", a - b, a - b) / a.numel(),
    ],
    "mse_gradient": [
        mse_gradient_loops,
        lambda y_pred, y_true: 2 * (y_pred - y_true) / y_pred.numel(),
        mse_gradient_autograd,
        lambda y_pred, y_true: 2 * np.subtract(y_pred, y_true) / np.size(y_pred),
    ],
    "one_hot": [
        one_hot_loops,
        one_hot_in_place,
        lambda labels, classes: torch.eye(classes)[labels],
        lambda labels, classes: np.eye(classes)[labels],
        lambda labels, classes: (labels[:, None] == torch.arange(classes)).long(),
    ],
    "softmax": [softmax_loops, softmax_numpy, softmax_in_place],
    "log_sum_exp": [log_sum_exp_loops, log_sum_exp_numpy, lambda z: torch.logsumexp(z, 1, True)],
    "cross_entropy": [cross_entropy_loops, cross_entropy_einsum, cross_entropy_numpy],
    "cross_entropy_gradient": [
        p_minus_y_in_place,
        p_minus_y_numpy,
        lambda z, y: (torch.exp(z - log_sum_exp_loops(z)[:, None]) - y) / len(z),
    ],
    "linear": [
        linear_loops,
        lambda x, weights, bias: x @ weights + bias,
        lambda x, weights, bias: torch.einsum("bd,dh->bh", x, weights) + bias,
        lambda x, weights, bias: np.dot(x, weights) + bias,
        lambda x, weights, bias: torch.addmm(bias.double(), x.double(), weights.double()),
    ],
    "linear_gradients": [
        linear_gradients_loops,
        linear_gradients_einsum,
        linear_gradients_numpy,
        lambda x, w, d: (d @ w.mT, x.mT @ d, d.sum(0, keepdim=True)),
    ],
    "relu": [
        relu_loops,
        relu_in_place,
        lambda x: x * (x > 0),
        lambda x: np.maximum(x, 0),
        lambda x: torch.where(x.double() > 0, x.double(), 0.0),
    ],
    "relu_gradient": [
        relu_gradient_in_place,
        lambda x, d_out: d_out * (x > 0),
        lambda x, d_out: np.where(x > 0, d_out, 0),
        lambda x, d_out: torch.einsum("bk,bk->bk", d_out, (x >= 0).float()),
    ],
    "two_layer_gradients": [two_layers_matrix, two_layers_loops, two_layers_numpy],
    "sgd_step": [
        step_in_place,
        step_loops,
        lambda weights, d_weights, lr: weights - lr * d_weights,
        lambda weights, d_weights, lr: np.subtract(weights, lr * d_weights),
    ],
    "accuracy": [
        accuracy_loops,
        lambda out, labels: (out.argmax(1) == labels).float().mean(),
        lambda out, labels: np.mean(np.argmax(out, axis=1) == labels),
        lambda out, labels: (torch.max(out, dim=1).indices == labels).sum().item() / len(labels),
    ],
    "minibatches": [
        batches_yielded,
        batches_in_a_list,
        batches_numpy,
        batches_by_generator,
    ],
}


# --- mistakes: [(check, the bug's name, function)] ------------------------------------------------


def mse_by_row(y_pred, y_true):
    total = 0.0
    for i in range(len(y_pred)):
        total += ((y_pred[i] - y_true[i]) ** 2).sum()
    return total / len(y_pred)


def one_hot_assigned_to_a_copy(labels, classes):
    out = torch.zeros(len(labels), classes)
    for i in range(len(labels)):
        row = out[i].clone()
        row[labels[i]] = 1
    return out


def one_hot_rows(labels, classes):
    out = torch.zeros(len(labels), classes)
    out[labels] = 1
    return out


def one_hot_columns(labels, classes):
    out = torch.zeros(len(labels), classes)
    out[:, labels] = 1
    return out


def softmax_keeps_a_shifted(logits):
    logits -= logits.max(1, keepdim=True).values
    return logits.exp() / logits.exp().sum(1, keepdim=True)


def linear_overwrites(x, weights, bias):
    out = torch.zeros(len(x), weights.shape[1])
    for b in range(len(x)):
        for h in range(weights.shape[1]):
            for d in range(len(weights)):
                out[b, h] = x[b, d] * weights[d, h] + bias[0, h]
    return out


def linear_adds_bias_each_time(x, weights, bias):
    out = torch.zeros(len(x), weights.shape[1])
    for b in range(len(x)):
        for h in range(weights.shape[1]):
            for d in range(len(weights)):
                out[b, h] += x[b, d] * weights[d, h] + bias[0, h]
    return out


def gradients_overwritten(x, weights, d_out):
    for x_i, d_i in zip(x, d_out):
        d_weights, d_bias = torch.outer(x_i, d_i), d_i[None]
    return d_out @ weights.T, d_weights, d_bias


def gradients_that_add_up():
    kept = []

    def gradients(x, weights, d_out):
        new = d_out @ weights.T, x.T @ d_out, d_out.sum(0, keepdim=True)
        if not kept:
            kept.extend(one.clone() for one in new)
            return new
        for old, one in zip(kept, new):
            old += one
        return tuple(kept)

    return gradients


def two_layers(
    x, targets, W_1, b_1, W_2, b_2, mask=None, batch=None, back=None, first=None, sums=None
):
    """The plain network, with holes for mistakes."""
    z = x @ W_1 + b_1
    a = torch.relu(z)
    p = torch.softmax(a @ W_2 + b_2, 1)
    d_s = (p - targets) / (batch or len(x))
    d_a = d_s @ (back(W_2, a.T @ d_s) if back else W_2).T
    d_z = mask(d_a, z, a) if mask else d_a * (a > 0)
    total = sums or (lambda d: d.sum(0, keepdim=True))
    return (first or (lambda x, a: x))(x, a).T @ d_z, total(d_z), a.T @ d_s, total(d_s)


def nets(**holes):
    return lambda *inputs: two_layers(*inputs, **holes)


def wrong_batches(kind):
    def minibatches(images, labels, batch_size, seed):
        generator = torch.Generator().manual_seed(0 if kind == "same_for_every_seed" else seed)
        count = len(images)
        order = torch.randperm(count, generator=generator)
        other = torch.randperm(count, generator=generator)
        if kind == "with_replacement":
            order = torch.randint(0, count, (count,), generator=generator)
        if kind == "seed_not_used":
            order = torch.randperm(count)
        if kind == "not_shuffled":
            order = torch.arange(count)
        starts = list(range(0, count, batch_size))
        if kind == "blocks_shuffled":
            order = torch.arange(count)
            starts = [starts[k] for k in torch.randperm(len(starts), generator=generator)]
        if kind == "shuffled_within":
            parts = torch.arange(count).split(batch_size)
            order = torch.cat([p[torch.randperm(len(p), generator=generator)] for p in parts])
        if kind == "short_batch_dropped":
            starts = range(0, count - batch_size + 1, batch_size)
        if kind == "short_batch_filled":
            order = torch.cat([order, order[: -count % batch_size]])
        if kind == "nothing":
            starts = range(0, count // batch_size - 5)
        if kind == "endless":
            starts = (k * batch_size % count for k in range(10**9))
        for start in starts:
            end = start + batch_size - (kind == "one_too_few")
            rows, label_rows = order[start:end], order[start:end]
            if kind == "same_batch":
                rows = label_rows = order[:batch_size]
            if kind == "other_sizes":
                rows = label_rows = order[start : start + 2 * batch_size]
            if kind == "labels_not_shuffled":
                label_rows = torch.arange(count)[start:end]
            if kind == "images_not_shuffled":
                rows = torch.arange(count)[start:end]
            if kind == "two_orders":
                label_rows = other[start:end]
            if kind == "exchanged":
                yield labels[rows], images[rows]
            elif kind == "one_at_a_time":
                for row in rows:
                    yield images[row], labels[row]
            elif kind == "not_pairs":
                yield images[rows]
            else:
                yield images[rows], labels[label_rows]

    return minibatches


def batches_returned_early(images, labels, batch_size, seed):
    for batch in batches_yielded(images, labels, batch_size, seed):
        return batch


def log_p(z):
    return torch.log_softmax(z, 1)


def clever(z):
    """A softmax that takes one maximum for the whole batch."""
    e = torch.exp(z - z.max())
    return e / e.sum(1, keepdim=True)


MISTAKES = [
    ("mean_squared_error", "sum_for_mean", lambda a, b: ((a - b) ** 2).sum()),
    ("mean_squared_error", "every_pair", lambda a, b: ((a - b.flatten()) ** 2).mean()),
    ("mean_squared_error", "root", lambda a, b: math.sqrt(((a - b) ** 2).mean())),
    ("mean_squared_error", "half", lambda a, b: ((a - b) ** 2).sum() / 2 / a.numel()),
    ("mean_squared_error", "absolute", lambda a, b: np.abs(a - b).mean()),
    ("mean_squared_error", "not_squared", lambda a, b: (a - b).mean().item()),
    ("mean_squared_error", "mean_before_square", lambda a, b: (a - b).mean() ** 2),
    ("mean_squared_error", "difference_of_squares", lambda a, b: (a**2 - b**2).mean()),
    ("mean_squared_error", "not_averaged", lambda a, b: (a - b) ** 2),
    ("mean_squared_error", "minus", lambda a, b: -((b - a) ** 2).mean()),
    ("mean_squared_error", "one_too_few", lambda a, b: ((a - b) ** 2).sum() / (a.numel() - 1)),
    ("mean_squared_error", "only_over_batch", mse_by_row),
    ("mse_gradient", "not_divided", lambda a, b: 2 * (a - b)),
    ("mse_gradient", "no_two", lambda a, b: (a - b) / len(a) / a.shape[1]),
    ("mse_gradient", "residual_alone", lambda a, b: a - b),
    ("mse_gradient", "minus", lambda a, b: 2 * (b - a) / a.numel()),
    (
        "mse_gradient",
        "loss_for_residual",
        lambda a, b: torch.ones_like(a) * 2 * ((a - b) ** 2).mean() / a.numel(),
    ),
    ("mse_gradient", "squares", lambda a, b: 2 * (a - b) ** 2 / a.numel()),
    ("mse_gradient", "averaged", lambda a, b: np.mean(2 * (a.numpy() - b.numpy()))),
    ("mse_gradient", "only_over_batch", lambda a, b: 2 * (a - b) / len(a)),
    ("mse_gradient", "every_pair", lambda a, b: 2 * (a - b.squeeze()) / len(a)),
    ("one_hot", "transposed", lambda y, k: (torch.arange(k)[:, None] == y).float()),
    ("one_hot", "counted_from_one", lambda y, k: torch.eye(k)[y - 1]),
    ("one_hot", "as_many_as_occur", lambda y, k: torch.eye(int(y.max()) + 1)[y]),
    ("one_hot", "up_to_the_label", lambda y, k: (torch.arange(k) <= y[:, None]).int()),
    ("one_hot", "inverted", lambda y, k: (torch.arange(k) != y[:, None]).float()),
    ("one_hot", "all_zeros", one_hot_assigned_to_a_copy),
    ("one_hot", "whole_rows", one_hot_rows),
    ("one_hot", "whole_columns", one_hot_columns),
    ("one_hot", "label_for_one", lambda y, k: np.eye(k)[y.numpy()] * y.numpy()[:, None]),
    ("one_hot", "returned_booleans", lambda y, k: torch.arange(k) == y[:, None]),
    ("softmax", "columns", lambda z: torch.softmax(z, 0)),
    ("softmax", "whole_batch", lambda z: z.exp() / z.exp().sum()),
    ("softmax", "overflow", lambda z: z.exp() / z.exp().sum(1, keepdim=True)),
    ("softmax", "overflow", lambda z: np.exp(z) / np.exp(z).sum(axis=1, keepdims=True)),
    ("softmax", "one_maximum", clever),
    ("softmax", "logarithms", lambda z: torch.log_softmax(z, 1)),
    ("softmax", "not_divided", lambda z: np.exp(z.numpy())),
    ("softmax", "twice", lambda z: softmax_in_place(softmax_in_place(z))),
    ("softmax", "no_exp", lambda z: z / z.sum(1, keepdim=True)),
    ("softmax", "minus", lambda z: torch.softmax(-z, 1)),
    ("softmax", "sigmoid", lambda z: torch.sigmoid(z)),
    ("softmax", "squeezed", lambda z: torch.softmax(z, 1).squeeze()),
    ("softmax", "changes_inputs", softmax_keeps_a_shifted),
    ("softmax", "shapes_do_not_broadcast", lambda z: z.exp() / z.exp().sum(1)),
    (
        "softmax",
        "overflow",
        lambda z: (
            torch.tensor([[math.exp(v) for v in r] for r in z.tolist()])
            / torch.tensor([[sum(math.exp(v) for v in r)] for r in z.tolist()])
        ),
    ),
    ("log_sum_exp", "overflow", lambda z: z.exp().sum(1).log()),
    ("log_sum_exp", "columns", lambda z: torch.logsumexp(z, 0)),
    ("log_sum_exp", "largest_not_put_back", lambda z: (z - z.amax(1, True)).exp().sum(1).log()),
    ("log_sum_exp", "no_log", lambda z: np.exp(z.numpy()).sum(axis=1)),
    ("log_sum_exp", "log_inside", lambda z: z.exp().log().sum(1)),
    ("log_sum_exp", "one_maximum", lambda z: z.max() + (z - z.max()).exp().sum(1).log()),
    ("log_sum_exp", "whole_batch", lambda z: torch.logsumexp(z, (0, 1))),
    ("cross_entropy", "no_minus", lambda z, y: (y * log_p(z)).sum(1).mean()),
    ("cross_entropy", "sum_for_mean", lambda z, y: -log_p(z)[y.bool()].sum()),
    ("cross_entropy", "divided_by_classes_too", lambda z, y: -(y * log_p(z)).mean()),
    ("cross_entropy", "columns", lambda z, y: -(y * torch.log_softmax(z, 0)).sum(1).mean()),
    ("cross_entropy", "softmax_twice", lambda z, y: cross_entropy_loops(softmax_in_place(z), y)),
    (
        "cross_entropy",
        "overflow",
        lambda z, y: -torch.log((z.exp() / z.exp().sum(1, keepdim=True))[y == 1]).mean(),
    ),
    ("cross_entropy", "log_of_zero", lambda z, y: -(y * softmax_loops(z).log()).sum(1).mean()),
    ("cross_entropy", "log_of_zero", lambda z, y: -softmax_loops(z)[y == 1].log().mean()),
    ("cross_entropy", "epsilon", lambda z, y: -(y * (softmax_loops(z) + 1e-9).log()).sum(1).mean()),
    ("cross_entropy", "epsilon", lambda z, y: -softmax_loops(z).clamp(1e-7)[y == 1].log().mean()),
    ("cross_entropy", "one_maximum", lambda z, y: -(y * clever(z).log()).sum(1).mean()),
    ("cross_entropy", "no_softmax", lambda z, y: -(y * z).sum() / len(z)),
    ("cross_entropy", "log_of_scores", lambda z, y: -(y * z.log()).sum(1).mean()),
    ("cross_entropy", "squared_error", lambda z, y: ((softmax_in_place(z) - y) ** 2).mean()),
    ("cross_entropy", "not_averaged", lambda z, y: -log_p(z)[y == 1]),
    ("cross_entropy", "bits", lambda z, y: -(y * torch.log2(softmax_in_place(z))).sum(1).mean()),
    ("cross_entropy_gradient", "not_divided", lambda z, y: softmax_loops(z) - y),
    ("cross_entropy_gradient", "minus", lambda z, y: (y - softmax_loops(z)) / len(z)),
    ("cross_entropy_gradient", "no_targets", lambda z, y: softmax_loops(z) / len(z)),
    ("cross_entropy_gradient", "columns", lambda z, y: (torch.softmax(z, 0) - y) / len(z)),
    (
        "cross_entropy_gradient",
        "entry_by_entry",
        lambda z, y: -y / softmax_loops(z) * softmax_loops(z) * (1 - softmax_loops(z)) / len(z),
    ),
    ("cross_entropy_gradient", "stops_at_probabilities", lambda z, y: -y / softmax_loops(z)),
    ("cross_entropy_gradient", "no_softmax", lambda z, y: (z - y) / len(z)),
    (
        "cross_entropy_gradient",
        "divided_by_classes",
        lambda z, y: (softmax_loops(z) - y) / len(z.T),
    ),
    ("cross_entropy_gradient", "averaged", lambda z, y: (softmax_loops(z) - y).mean(0)),
    (
        "cross_entropy_gradient",
        "overflow",
        lambda z, y: (z.exp() / z.exp().sum(1, keepdim=True) - y) / len(z),
    ),
    ("linear", "no_bias", lambda x, w, b: x @ w),
    ("linear", "shapes_of_a_product", lambda x, w, b: x @ w.T + b),
    ("linear", "last_term_only", linear_overwrites),
    ("linear", "bias_in_the_sum", linear_adds_bias_each_time),
    ("linear", "result_transposed", lambda x, w, b: w.T @ x.T + b.T),
    ("linear", "squeezed", lambda x, w, b: (x @ w + b).squeeze()),
    ("linear", "mixed_dtypes", lambda x, w, b: x @ w.double() + b),
    (
        "linear_gradients",
        "d_weights_transposed",
        lambda x, w, d: (d @ w.T, d.T @ x, d.sum(0)[None]),
    ),
    ("linear_gradients", "d_bias_not_summed", lambda x, w, d: (d @ w.T, x.T @ d, d)),
    ("linear_gradients", "d_bias_without_axis", lambda x, w, d: (d @ w.T, x.T @ d, d.sum(0))),
    ("linear_gradients", "d_bias_averaged", lambda x, w, d: (d @ w.T, x.T @ d, d.mean(0, True))),
    ("linear_gradients", "d_bias_over_outputs", lambda x, w, d: (d @ w.T, x.T @ d, d.sum(1, True))),
    ("linear_gradients", "other_order", lambda x, w, d: (x.T @ d, d.sum(0, True), d @ w.T)),
    ("linear_gradients", "last_image_only", gradients_overwritten),
    ("linear_gradients", "remembers", gradients_that_add_up()),
    ("linear_gradients", "shapes_of_a_product", lambda x, w, d: (d @ w, x.T @ d, d.sum(0, True))),
    (
        "linear_gradients",
        "product_of_sums",
        lambda x, w, d: (d @ w.T, torch.outer(x.sum(0), d.sum(0)), d.sum(0, True)),
    ),
    (
        "linear_gradients",
        "d_out_left_out",
        lambda x, w, d: (d @ w.T, x.T @ d, torch.full((1, d.shape[1]), float(len(x)))),
    ),
    ("relu", "absolute", lambda x: abs(x)),
    ("relu", "leaky", lambda x: torch.nn.functional.leaky_relu(x, 0.1)),
    ("relu", "mask_alone", lambda x: (x > 0).int()),
    ("relu", "negative_kept", lambda x: np.minimum(x, 0)),
    ("relu", "negatives_dropped", lambda x: x[x >= 0] if (x == 0).sum() == 0 else x[x > 0]),
    ("relu", "kept_below_one", lambda x: x.clamp(0, 1)),
    ("relu", "changes_inputs", lambda x: x.clamp_(min=0)),
    ("relu", "truth_of_a_tensor", lambda x: x if x > 0 else 0),
    ("relu_gradient", "no_mask", lambda x, d: d * (torch.relu(x) >= 0)),
    ("relu_gradient", "mask_of_d_out", lambda x, d: torch.relu(d)),
    ("relu_gradient", "mask_alone", lambda x, d: (x > 0).float()),
    ("relu_gradient", "mask_inverted", lambda x, d: d * (x <= 0)),
    ("relu_gradient", "times_out", lambda x, d: d * torch.relu(x)),
    ("relu_gradient", "entries_dropped", lambda x, d: d[torch.relu(x) > 0]),
    ("two_layer_gradients", "not_divided", nets(batch=1)),
    ("two_layer_gradients", "no_mask", nets(mask=lambda d, z, a: d)),
    ("two_layer_gradients", "no_mask", nets(mask=lambda d, z, a: d * (a >= 0))),
    ("two_layer_gradients", "mask_of_gradient", nets(mask=lambda d, z, a: torch.relu(d))),
    ("two_layer_gradients", "activation_for_mask", nets(mask=lambda d, z, a: d * a)),
    ("two_layer_gradients", "updated_too_early", nets(back=lambda W, d: W - 0.1 * d)),
    ("two_layer_gradients", "gradient_for_weights", nets(back=lambda W, d: d)),
    ("two_layer_gradients", "one_layer_off", nets(first=lambda x, a: a)),
    ("two_layer_gradients", "biases_not_summed", nets(sums=lambda d: d)),
    ("two_layer_gradients", "biases_without_axis", nets(sums=lambda d: d.sum(0))),
    ("two_layer_gradients", "biases_averaged", nets(sums=lambda d: d.mean(0, keepdim=True))),
    ("two_layer_gradients", "minus", lambda *inputs: tuple(-d for d in two_layers(*inputs))),
    ("two_layer_gradients", "other_order", lambda *inputs: two_layers(*inputs)[::-1]),
    (
        "two_layer_gradients",
        "weights_transposed",
        lambda *inputs: tuple(d.T if d.shape[0] > 1 else d for d in two_layers(*inputs)),
    ),
    ("sgd_step", "ascent", lambda w, d, lr: w + lr * d),
    ("sgd_step", "unchanged", lambda w, d, lr: w),
    ("sgd_step", "no_lr", lambda w, d, lr: w - d),
    ("sgd_step", "step_alone", lambda w, d, lr: -lr * d),
    ("sgd_step", "lr_times_all", lambda w, d, lr: lr * (w - d)),
    ("sgd_step", "twice", lambda w, d, lr: w.sub_(lr * d) - lr * d),
    ("sgd_step", "changes_inputs", lambda w, d, lr: w - d.mul_(lr)),
    ("sgd_step", "returned_none", lambda w, d, lr: [w.sub_(lr * d)].clear()),
    ("accuracy", "count", lambda out, y: (out.argmax(1) == y).sum()),
    ("accuracy", "percent", lambda out, y: 100 * (out.argmax(1) == y).float().mean()),
    ("accuracy", "every_pair", lambda out, y: (out.argmax(1, True) == y).float().mean()),
    ("accuracy", "over_the_batch", lambda out, y: (out.argmax(0) == y).float().mean()),
    ("accuracy", "errors", lambda out, y: (out.argmax(1) != y).float().mean()),
    ("accuracy", "scores_compared", lambda out, y: (out.max(1).values == y).float().mean()),
    ("accuracy", "whole_division", lambda out, y: (out.argmax(1) == y).sum() // len(y)),
    ("accuracy", "fixed_size", lambda out, y: (out.argmax(1) == y).sum() / 16),
    ("accuracy", "divided_by_classes", lambda out, y: (out.argmax(1) == y).sum() / len(out.T)),
    ("accuracy", "mean_of_integers", lambda out, y: (out.argmax(1) == y).mean()),
    ("minibatches", "returned_early", batches_returned_early),
    *(
        ("minibatches", kind, wrong_batches(kind))
        for kind in (
            *("same_for_every_seed", "with_replacement", "seed_not_used", "not_shuffled"),
            *("blocks_shuffled", "shuffled_within", "short_batch_dropped", "short_batch_filled"),
            *("nothing", "endless", "one_too_few", "same_batch", "other_sizes"),
            *("labels_not_shuffled", "images_not_shuffled", "two_orders", "exchanged"),
            *("one_at_a_time", "not_pairs"),
        )
    ),
]


# --- training loops -------------------------------------------------------------------------------


def trained(outputs=10, hidden=0, lr=0.1, epochs=4, mistake="", answer=lambda out: out):
    """A whole loop without the package, with holes for mistakes."""

    def training(images, labels):
        seeded = torch.Generator().manual_seed(1)
        generator = None if mistake in ("no_effect", "unseeded") else seeded  # None: torch's own
        scale = 255 if mistake == "scaled_twice" else 1
        y = labels[:, None].float() if outputs == 1 else torch.eye(outputs)[labels]
        sizes = [images.shape[1], *([hidden] if hidden else []), outputs]
        net = []
        for d, h in pairwise(sizes):
            W = torch.randn(d, h, generator=generator) * (2 / d) ** 0.5
            net.append([W * (mistake != "one_answer"), torch.zeros(1, h)])

        def forward(x):
            a = [x / scale]
            for W, b in net:
                a.append(a[-1] @ W + b)
                if len(a) <= len(net):
                    a[-1] = a[-1].clamp(min=0)
            return a

        for _ in range(epochs):
            order = torch.randperm(len(images), generator=generator)
            if mistake == "not_shuffled":
                order = torch.arange(len(images))
            for rows in order.split(16):
                a, t = forward(images[rows]), y[rows]
                if mistake == "at_chance":
                    t = y[torch.randperm(len(y), generator=generator)[: len(rows)]]
                d = (torch.softmax(a[-1], 1) - t) / len(t)
                if outputs == 1:
                    d = 2 * (a[-1] - t) / len(t)
                if mistake == "all_alike":
                    d = 2 * (a[-1] - t.flatten()).mean(1, keepdim=True) / len(t)
                grads = []
                for k in reversed(range(len(net))):
                    grads.append((a[k].T @ d, d.sum(0, keepdim=True)))
                    d = (d @ net[k][0].T) * (a[k] > 0)
                for (W, b), (d_W, d_b) in zip(net, reversed(grads)):
                    if mistake == "no_effect":
                        W = W - lr * d_W
                        continue
                    W -= lr * d_W
                    b -= lr * d_b
        return lambda images: answer(forward(images)[-1])

    return training


TRAINED = [
    ("regression", trained(1, lr=0.01)),
    ("one layer", trained()),
    ("one layer", trained(answer=lambda out: out.argmax(1))),
    ("one layer", trained(answer=lambda out: torch.softmax(out, 1).numpy())),
    ("two layers", trained(hidden=30)),
]
NOT_TRAINED = [
    ("not_finite", trained(1, lr=0.5)),
    ("upside_down", trained(lr=-0.1)),
    ("upside_down", trained(answer=lambda out: out.argmin(1))),
    ("shifted", trained(answer=lambda out: out.argmax(1) + 1)),
    ("not_shuffled", trained(mistake="not_shuffled")),
    ("no_effect", trained(mistake="no_effect")),
    ("too_small_steps", trained(lr=0.002, epochs=2)),
    ("too_small_steps", trained(1, lr=0.0001, epochs=3)),
    ("too_large_steps", trained(hidden=30, lr=1.5)),
    ("scaled_twice", trained(mistake="scaled_twice")),
    ("all_alike", trained(1, lr=0.01, mistake="all_alike")),
    ("one_answer", trained(hidden=30, mistake="one_answer")),
    ("at_chance", trained(mistake="at_chance")),
    ("no_predict", lambda images, labels: torch.zeros(784, 10)),
    ("no_predict", lambda images, labels: lambda x: x),
    ("no_predict", lambda images, labels: lambda x: None),
    ("changes_inputs", lambda images, labels: (images.div_(255), trained()(images, labels))[1]),
    ("shapes_of_a_product", lambda images, labels: lambda x: x @ torch.zeros(10, 784)),
]
