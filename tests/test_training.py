"""sgd_step, encode, evaluate and fit: by hand, against torch.optim, and every refusal."""

import io
import itertools
import sys

import numpy as np
import oracles
import pytest
import torch
import torch.nn.functional as F
from oracles import normal
from torch.testing import assert_close

from scratchmnist import (
    Digits,
    Layer,
    accuracy,
    cross_entropy,
    encode,
    evaluate,
    fit,
    forward,
    init_layers,
    load_mnist,
    minibatches,
    mse,
    sgd_step,
)

N, D, H, R = 53, 12, 5, 3  # 53 images: no batch size divides them
EPOCHS, BATCH = 3, 8
STEPS = EPOCHS * 7  # 6 batches of 8 and one of 5 in each epoch

TASKS = {  # the loss, torch's own, and the number of outputs
    "digit as a number": (mse, F.mse_loss, 1),
    "one-hot with mse": (mse, F.mse_loss, 10),
    "cross-entropy": (cross_entropy, F.cross_entropy, 10),
}
each_task = pytest.mark.parametrize(
    ("loss", "torch_loss", "outputs"), TASKS.values(), ids=TASKS.keys()
)
each_depth = pytest.mark.parametrize("hidden", [(), (H,)], ids=["one layer", "two layers"])


def random_digits(n, seed, dtype=torch.float64):
    images = normal(n, D, seed=seed).sigmoid().to(dtype)
    return Digits(images, normal(n, 10, seed=seed + 1).argmax(1))


def random_network(*sizes, seed=0, replicas=()):
    pairs = oracles.random_layers(*sizes, seed=seed, replicas=replicas)
    return [Layer(weights / 3, bias / 3) for weights, bias in pairs]


def flatten(layers):
    return [tensor for layer in layers for tensor in layer]


def assert_equal(one, other):
    """The same layers or histories, to the last bit."""
    for a, b in zip(one, other, strict=True):
        assert torch.equal(a, b)


TRAIN, VALID = random_digits(N, seed=1), random_digits(19, seed=2)
FLOAT32 = [Digits(digits.images.float(), digits.labels) for digits in (TRAIN, VALID)]


# --- sgd_step -------------------------------------------------------------------------------------


def test_sgd_step_by_hand():
    layers = [Layer(torch.tensor([[1.0], [2.0]]), torch.tensor([[3.0]]))]
    grads = [Layer(torch.tensor([[10.0], [-20.0]]), torch.tensor([[30.0]]))]
    assert_unchanged = oracles.snapshot(*flatten(layers + grads))
    [layer] = sgd_step(layers, grads, lr=0.25)
    assert isinstance(layer, Layer)
    assert layer.weights.tolist() == [[1 - 2.5], [2 + 5]]
    assert layer.bias.tolist() == [[3 - 7.5]]
    assert_unchanged()


@pytest.mark.parametrize("lr", [2, 0.5, np.float64(0.5), torch.tensor(0.5)])
def test_sgd_step_is_torchs(lr):
    layers, grads = random_network(D, H, 10, seed=1), random_network(D, H, 10, seed=2)
    parameters = [tensor.clone() for tensor in flatten(layers)]
    for parameter, grad in zip(parameters, flatten(grads)):
        parameter.grad = grad
    torch.optim.SGD(parameters, lr=float(lr)).step()
    for ours, theirs in zip(flatten(sgd_step(layers, grads, lr)), parameters):
        assert_close(ours, theirs)


def test_sgd_step_with_a_learning_rate_for_each_replica():
    layers, grads = (random_network(D, H, seed=s, replicas=(R,)) for s in (1, 2))
    lr = torch.tensor([0.1, 1.0, 10.0]).double()
    [together] = sgd_step(layers, grads, lr[:, None, None])
    for r in range(R):
        alone = [Layer(*(tensor[r] for tensor in layer)) for layer in (layers[0], grads[0])]
        assert_equal([tensor[r] for tensor in together], *sgd_step(alone[:1], alone[1:], lr[r]))


@pytest.mark.parametrize("shape", [(R,), (R, 1), (1, R, 1), (R + 1, 1, 1)])
def test_sgd_step_refuses_learning_rates_of_other_shapes(shape):
    layers = [Layer(torch.zeros(R, D, R), torch.zeros(R, 1, R))]  # H = R: [R] would broadcast
    with pytest.raises(ValueError, match=r"lr must be .* torch.float32 \[3, 1, 1\]"):
        sgd_step(layers, layers, torch.ones(shape))
    with pytest.raises(ValueError, match=r"got torch.float64 \[3, 1, 1\]"):
        sgd_step(layers, layers, torch.ones(R, 1, 1).double())  # would make the layers float64


# --- encode and evaluate --------------------------------------------------------------------------


def test_encode():
    labels = torch.tensor([3, 0, 9])
    assert encode(labels, outputs=1).tolist() == [[3], [0], [9]]
    assert torch.equal(encode(labels, outputs=10), torch.eye(10)[labels])
    assert encode(labels, outputs=1).dtype == encode(labels, outputs=10).dtype == torch.float32


@each_task
@each_depth
@pytest.mark.parametrize("n", [1, 999, 1000, 2001])  # evaluate works in pieces of 1000
def test_evaluate_is_one_pass_over_everything(loss, torch_loss, outputs, hidden, n):
    layers, digits = random_network(D, *hidden, outputs), random_digits(n, seed=3)
    out, _ = forward(digits.images, layers)
    seen_loss, seen_accuracy = evaluate(layers, digits, loss)
    assert_close(seen_loss, torch_loss(out, encode(digits.labels, outputs).double()))
    assert seen_accuracy == accuracy(out, digits.labels)
    assert_close(evaluate(layers, digits, loss), evaluate(layers, digits, loss))


def test_evaluate_replicas():
    layers = random_network(D, H, 10, replicas=(R,))
    together = evaluate(layers, TRAIN)
    for r in range(R):
        alone = evaluate([Layer(weights[r], bias[r]) for weights, bias in layers], TRAIN)
        assert_close([column[r] for column in together], list(alone))


# --- fit: what it computes ------------------------------------------------------------------------


@each_task
@each_depth
def test_fit_is_torchs_training_loop(loss, torch_loss, outputs, hidden):
    """Three epochs, written again with autograd and torch.optim.SGD on the same batches."""
    layers = random_network(D, *hidden, outputs)
    trained, history = fit(layers, TRAIN, VALID, loss, lr=0.05, epochs=3, batch_size=8, seed=4)

    parameters = [tensor.clone().requires_grad_() for tensor in flatten(layers)]
    optimizer = torch.optim.SGD(parameters, lr=0.05)

    def run(x):
        *hidden_layers, last = zip(parameters[::2], parameters[1::2])
        for weights, bias in hidden_layers:
            x = F.relu(x @ weights + bias)
        return x @ last[0] + last[1]

    def measure():
        log = []
        for images, labels in (TRAIN, VALID):
            out = run(images).detach()
            decided = out.argmax(1) if outputs > 1 else out.round().clamp(0, 9).squeeze(1)
            targets = encode(labels, outputs).double()
            log += [torch_loss(out, targets), (decided == labels).double().mean()]
        return torch.stack(log)

    epochs, batch_losses, generator = [measure()], [], torch.Generator().manual_seed(4)
    for _ in range(3):
        targets = encode(TRAIN.labels, outputs).double()
        for x, y in minibatches(TRAIN.images, targets, 8, generator):
            optimizer.zero_grad()
            batch_loss = torch_loss(run(x), y)
            batch_loss.backward()
            optimizer.step()
            batch_losses.append(batch_loss.detach())
        epochs.append(measure())

    for ours, theirs in zip(flatten(trained), parameters, strict=True):
        assert_close(ours, theirs.detach(), rtol=1e-10, atol=1e-12)
    assert_close(history.batch_loss, torch.stack(batch_losses), rtol=1e-10, atol=1e-12)
    for ours, theirs in zip(history[:4], torch.stack(epochs).T):
        assert_close(ours.double(), theirs, rtol=1e-6, atol=1e-7)


def test_history_by_hand():
    layers = random_network(D, H, 10)
    trained, history = fit(layers, TRAIN, VALID, lr=0.1, epochs=EPOCHS, batch_size=BATCH, seed=5)
    assert [len(column) for column in history] == [EPOCHS + 1] * 4 + [STEPS]
    # Entry 0 is before training, the last one belongs to the layers that are returned.
    for epoch, network in ((0, layers), (-1, trained)):
        assert_equal([column[epoch] for column in history[:2]], evaluate(network, TRAIN))
        assert_equal([column[epoch] for column in history[2:4]], evaluate(network, VALID))
    # A batch's loss is measured just before its update: the first by the initial layers.
    targets = encode(TRAIN.labels, 10)
    generator = torch.Generator().manual_seed(5)
    x, y = next(minibatches(TRAIN.images, targets, BATCH, generator))
    assert_close(history.batch_loss[0], F.cross_entropy(forward(x, layers)[0], y.double()))


@each_depth
def test_nothing_held_out(hidden):
    """Without valid: the same training, the same log of it, and no columns for valid."""
    layers = init_layers([D, *hidden, 10], seed=1)
    settings = {"lr": 0.1, "epochs": 2, "batch_size": BATCH}
    trained, history = fit(layers, *FLOAT32, **settings)
    trained_alone, alone = fit(layers, FLOAT32[0], **settings)
    assert_equal(flatten(trained), flatten(trained_alone))
    for column in ("train_loss", "train_accuracy", "batch_loss"):
        assert torch.equal(getattr(history, column), getattr(alone, column))
    assert alone.valid_loss is None
    assert alone.valid_accuracy is None


def test_one_large_batch_is_plain_gradient_descent():
    layers = random_network(D, 10)
    trained, history = fit(layers, TRAIN, VALID, lr=0.3, epochs=2, batch_size=1000)
    for _ in range(2):
        out, backward = forward(TRAIN.images, layers)
        d_loss = cross_entropy(out, encode(TRAIN.labels, 10))[1]
        layers = sgd_step(layers, backward(d_loss()), lr=0.3)
    for ours, expected in zip(flatten(trained), flatten(layers)):
        assert_close(ours, expected)
    assert_close(history.batch_loss, history.train_loss[:-1])


def test_every_image_is_used_once_an_epoch_in_a_new_order():
    """A loss that takes notes: the target of image i is the digit i."""
    images = torch.eye(10, D)
    ten = Digits(images, torch.arange(10))
    seen = []

    def spying_mse(y_pred, y_true):
        if len(y_true) < 10:  # not one of evaluate's
            seen.append(y_true.flatten().int().tolist())
        return mse(y_pred, y_true)

    layers = [Layer(torch.zeros(D, 1), torch.zeros(1, 1))]
    fit(layers, ten, ten, spying_mse, lr=0.01, epochs=4, batch_size=4)
    assert [len(batch) for batch in seen] == [4, 4, 2] * 4
    orders = {(*seen[i], *seen[i + 1], *seen[i + 2]) for i in range(0, 12, 3)}
    assert all(sorted(order) == list(range(10)) for order in orders)
    assert len(orders) == 4


@each_task
@each_depth
def test_a_seed_decides_the_run(loss, torch_loss, outputs, hidden):
    layers = init_layers([D, *hidden, outputs], seed=6)
    settings = {"lr": 0.05, "epochs": 2, "batch_size": BATCH}
    one, again, other = (fit(layers, *FLOAT32, loss, **settings, seed=s) for s in (7, 7, 8))
    assert_equal(flatten(one[0]), flatten(again[0]))
    assert_equal(one[1], again[1])
    assert not torch.equal(one[0][0].weights, other[0][0].weights)
    assert not torch.equal(one[1].batch_loss, other[1].batch_loss)


def test_the_global_generator_neither_matters_nor_changes():
    layers = init_layers([D, 10], seed=0)
    runs = []
    for seed in (1, 2):
        torch.manual_seed(seed)
        before = torch.get_rng_state()
        runs.append(fit(layers, *FLOAT32, lr=0.1, epochs=1))
        assert torch.equal(before, torch.get_rng_state())
    assert_equal(runs[0][1], runs[1][1])


def test_numpys_integers_are_seeds():
    layers = init_layers([D, 10], seed=0)
    one, other = (fit(layers, *FLOAT32, lr=0.1, epochs=1, seed=s)[1] for s in (9, np.int64(9)))
    assert_equal(one, other)


@each_task
@each_depth
@pytest.mark.parametrize("replicas", [R, BATCH])  # as many as images in a batch, too
@pytest.mark.parametrize("own_order", [False, True], ids=["one seed", "R seeds"])
def test_replicas_are_separate_runs(loss, torch_loss, outputs, hidden, replicas, own_order):
    layers = random_network(D, *hidden, outputs, replicas=(replicas,))
    lr = torch.linspace(0.02, 0.1, replicas).double()[:, None, None]
    seed = range(3, 3 + replicas) if own_order else 3
    settings = {"epochs": EPOCHS, "batch_size": BATCH}
    trained, history = fit(layers, TRAIN, VALID, loss, lr=lr, seed=seed, **settings)
    assert [tuple(column.shape) for column in history] == [
        *[(EPOCHS + 1, replicas)] * 4,
        (STEPS, replicas),
    ]
    for r in range(replicas):
        alone, history_alone = fit(
            *([Layer(weights[r], bias[r]) for weights, bias in layers], TRAIN, VALID, loss),
            **{"lr": lr[r].item(), "seed": seed[r] if own_order else seed, **settings},
        )
        for of_all, expected in zip(flatten(trained), flatten(alone)):
            assert_close(of_all[r], expected)
        for of_all, expected in zip(history, history_alone):
            assert_close(of_all[:, r], expected)


def test_nothing_is_changed():
    layers = random_network(D, H, 10)
    assert_unchanged = oracles.snapshot(*TRAIN, *VALID, *flatten(layers))
    fit(layers, TRAIN, VALID, lr=0.5, epochs=2)
    assert_unchanged()


def test_precision_follows_the_inputs():
    trained, history = fit(init_layers([D, H, 10], seed=0), *FLOAT32, lr=0.1, epochs=1)
    assert all(t.dtype == torch.float32 for t in (*flatten(trained), *history))
    trained, history = fit(random_network(D, H, 10), TRAIN, VALID, lr=0.1, epochs=1)
    assert all(t.dtype == torch.float64 for t in (*flatten(trained), history.train_loss))


@pytest.mark.parametrize(
    ("loss", "sizes", "lowest", "highest"),
    [
        # LeCun's table of 1998 has a linear classifier at 12 % errors, with mse and 60,000 images.
        (mse, [784, 10], 0.75, 0.88),
        (cross_entropy, [784, 10], 0.87, 0.93),
        (cross_entropy, [784, 30, 10], 0.90, 0.96),
        (mse, [784, 1], 0.15, 0.35),  # Nielsen: guessing by the mean darkness gets 22 %
    ],
)
def test_real_digits_are_learned(loss, sizes, lowest, highest):
    rate = 0.01 if sizes[-1] == 1 else 0.1
    _, history = fit(init_layers(sizes, seed=0), *load_mnist(), loss, lr=rate, epochs=3)
    assert lowest < history.valid_accuracy[-1] < highest
    assert history.train_loss[-1] < history.train_loss[0]
    assert history.valid_accuracy[0] < 0.25  # guesses


# --- fit: diverging -------------------------------------------------------------------------------


def explode_at(step, replica=None):
    """A loss that is infinite from its nth training step on."""
    steps = itertools.count(1)

    def loss(out, targets):
        value, backward = cross_entropy(out, targets)
        if out.shape[-2] <= BATCH and next(steps) >= step:
            worst = value.new_tensor(torch.inf)
            is_bad = torch.tensor(True) if replica is None else torch.arange(len(value)) == replica
            value = torch.where(is_bad, worst, value)
        return value, backward

    return loss


@pytest.mark.parametrize(("step", "where"), [(1, (1, 1)), (7, (1, 7)), (8, (2, 1)), (20, (3, 6))])
def test_a_loss_that_is_not_finite_stops_the_run(step, where):
    settings = {"lr": 0.25, "epochs": EPOCHS, "batch_size": BATCH}
    layers = init_layers([D, 10], seed=0)
    message = r"no longer finite in epoch {}, step {} of 7: .* lr = 0.25\. Try a smaller".format(
        *where
    )
    with pytest.raises(FloatingPointError, match=message):
        fit(layers, *FLOAT32, explode_at(step), **settings)
    _, history = fit(layers, *FLOAT32, explode_at(step), **settings, keep_going=True)
    assert history.batch_loss.isfinite().tolist() == [s < step for s in range(1, STEPS + 1)]


@pytest.mark.parametrize(("loss", "outputs"), [(mse, 1), (mse, 10)])
def test_a_run_diverges_by_itself(loss, outputs):
    layers = init_layers([D, outputs], seed=0)
    settings = {"lr": 1e8, "epochs": 2, "batch_size": BATCH}
    with pytest.raises(FloatingPointError, match=r"epoch 1, step \d of 7: .* lr = 1e\+08"):
        fit(layers, *FLOAT32, loss, **settings)
    trained, history = fit(layers, *FLOAT32, loss, **settings, keep_going=True)
    assert history.train_loss[-1].isnan()
    assert history.valid_accuracy[-1] == 0  # NaN is no digit, not the digit 0
    assert trained[0].weights.isnan().any()


def test_the_last_update_of_an_epoch_is_watched_too():
    """One step of one epoch: its loss was finite, what came of it is not."""
    with pytest.raises(FloatingPointError, match="no longer finite after epoch 1: "):
        fit(init_layers([D, 1], seed=0), *FLOAT32, mse, lr=1e30, epochs=1, batch_size=N)


def test_the_replica_that_diverged_is_named():
    layers = init_layers([D, 10], seed=range(R))
    rates = torch.tensor([0.1, 0.2, 0.4])[:, None, None]
    with pytest.raises(
        FloatingPointError, match=r"epoch 1, step 3 of 7, in replica 1 .* lr = 0\.2\."
    ):
        fit(layers, *FLOAT32, explode_at(3, replica=1), lr=rates, epochs=1, batch_size=BATCH)


# --- fit: the progress bar ------------------------------------------------------------------------


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.mark.parametrize(
    ("stderr", "seconds", "expected"),
    [(Terminal, 1.0, True), (Terminal, 0.001, False), (io.StringIO, 1.0, False)],
    ids=["long run, terminal", "short run, terminal", "long run, no terminal"],
)
def test_progress_bar(stderr, seconds, expected, monkeypatch, capsys):
    clock = itertools.count(step=seconds)  # that much later at every look
    monkeypatch.setattr("tqdm.std.time", lambda: next(clock))
    monkeypatch.setattr(sys, "stderr", stderr())
    fit(init_layers([D, 10], seed=0), *FLOAT32, lr=0.1, epochs=20)
    assert ("/20" in sys.stderr.getvalue()) == expected
    assert bool(sys.stderr.getvalue()) == expected
    assert capsys.readouterr().out == ""


# --- refusals -------------------------------------------------------------------------------------

IMAGES, LABELS = FLOAT32[0]
BRIGHTEST = IMAGES.eq(IMAGES.max())
BAD_DIGITS = {
    "no images": [
        Digits(IMAGES[:0], LABELS[:0]),
        r"images \[N, D\] and labels \[N\], .* at least 1; got images \[0, 12\] and labels \[0\]",
    ],
    "fewer labels than images": [
        Digits(IMAGES, LABELS[:-1]),
        r"one N .*; got images \[53, 12\] and labels \[52\]",
    ],
    "labels as a column": [
        Digits(IMAGES, LABELS[:, None]),
        r"labels \[N\], .* labels \[53, 1\]",
    ],
    "one-hot rows for labels": [
        Digits(IMAGES, torch.eye(10)[LABELS]),
        r"labels \[N\], .* labels \[53, 10\]",
    ],
    "pixels as bytes": [
        Digits((255 * IMAGES).byte(), LABELS),
        r"images must be floats; got torch.uint8 .*images\.float\(\) / 255",
    ],
    "pixels up to 255": [
        Digits((255 * IMAGES).round(), LABELS),
        r"pixels must be .* moderate size.*; found \d+ to 2\d\d\. Divide raw pixels: images / 255",
    ],
    "a pixel that is NaN": [
        Digits(IMAGES.where(~BRIGHTEST, torch.nan), LABELS),
        r"pixels must be finite .*; found nan to nan\. Look for NaN",
    ],
    "a pixel that is infinite": [
        Digits(IMAGES.where(~BRIGHTEST, torch.inf), LABELS),
        r"pixels must be finite .*; found .* to inf",
    ],
}


@pytest.mark.parametrize("case", BAD_DIGITS)
def test_fit_refuses_images(case):
    bad, message = BAD_DIGITS[case]
    layers = init_layers([D, 10], seed=0)
    with pytest.raises(ValueError, match=f"^train .*{message}"):
        fit(layers, bad, FLOAT32[1], lr=0.1, epochs=1)
    with pytest.raises(ValueError, match=f"^valid .*{message}"):
        fit(layers, FLOAT32[1], bad, lr=0.1, epochs=1)


@each_task
@pytest.mark.parametrize(
    ("bad", "error", "message"),
    [
        (LABELS + 1, ValueError, "labels must be integers 0 to 9; got 10"),
        (LABELS - 1, ValueError, "labels must be integers 0 to 9; got -1"),
        (LABELS.float(), ValueError, r"labels must be integers .* got torch.float32 \[53\]"),
        (LABELS * torch.nan, ValueError, r"labels must be integers .* got torch.float32 \[53\]"),
    ],
)
def test_fit_refuses_labels(loss, torch_loss, outputs, bad, error, message):
    layers, bad_digits = init_layers([D, outputs], seed=0), Digits(IMAGES, bad)
    for train, valid in [(bad_digits, FLOAT32[1]), (FLOAT32[1], bad_digits)]:
        with pytest.raises(error, match=message):
            fit(layers, train, valid, loss, lr=0.01, epochs=1)


BAD_SETTINGS = {
    "no learning rate": [{"lr": 0.0}, "lr must be positive and finite; got 0.0"],
    "a negative learning rate": [{"lr": -0.1}, "lr must be positive and finite; got -0.1"],
    "a learning rate that is NaN": [{"lr": torch.nan}, "lr must be positive and finite; got nan"],
    "learning rates for replicas": [
        {"lr": torch.ones(R, 1, 1)},
        r"lr must be a positive number, or torch.float32 \[1, 1\] .*; got .* \[3, 1, 1\]",
    ],
    "no epochs": [{"epochs": 0}, "epochs must be a positive integer; got 0"],
    "an empty batch": [{"batch_size": 0}, "batch_size must be a positive integer; got 0"],
    "a negative batch": [{"batch_size": -8}, "batch_size must be a positive integer; got -8"],
    "half an image": [{"batch_size": 1.5}, r"batch_size must be a positive integer; got 1\.5"],
    "seeds without replicas": [{"seed": [1, 2]}, "got 2 seeds for this one network"],
    "no layers": [{"layers": []}, r"at least one layer; got \[\]"],
    "another image width": [
        {"layers": init_layers([784, 10], seed=0)},
        r"x must be \[B, 784\], .* got torch.float32 \[53, 12\]",
    ],
    "a bias without its batch axis": [
        {"layers": [Layer(torch.zeros(D, 10), torch.zeros(10))]},
        r"bias must be \[1, 10\], .* got torch.float32 \[10\]",
    ],
    "half precision": [
        {"layers": [Layer(torch.zeros(D, 10).half(), torch.zeros(1, 10).half())]},
        "must be float32 or float64; got torch.float16",
    ],
    "the digit as a number with cross-entropy": [
        {"layers": init_layers([D, 1], seed=0)},
        r"at least 2 classes; got torch.float32 \[53, 1\]",
    ],
    "fewer outputs than digits": [
        {"layers": init_layers([D, 4], seed=0)},
        r"labels must be integers 0 to 3; got \d",
    ],
}
BAD_REPLICA_SETTINGS = {
    "too few seeds": [{"seed": [1, 2]}, "got 2 seeds for the 3 replicas"],
    "no seeds": [{"seed": []}, "got 0 seeds for the 3 replicas"],
    "learning rates as a vector": [
        {"lr": torch.ones(R)},
        r"lr must be a positive number, or torch.float32 \[3, 1, 1\] .*; got .* \[3\]",
    ],
    "too many learning rates": [{"lr": torch.ones(R + 1, 1, 1)}, r"got torch.float32 \[4, 1, 1\]"],
    "one bad learning rate": [
        {"lr": torch.tensor([0.1, 0, 0.2])[:, None, None]},
        r"lr must be positive and finite; got 0\.0",
    ],
}


@pytest.mark.parametrize("case", BAD_SETTINGS)
def test_fit_refuses_settings(case):
    changed, message = BAD_SETTINGS[case]
    settings = {"layers": init_layers([D, 10], seed=0), "lr": 0.1, "epochs": 1, **changed}
    with pytest.raises(ValueError, match=message):
        fit(settings.pop("layers"), *FLOAT32, **settings)


@pytest.mark.parametrize("case", BAD_REPLICA_SETTINGS)
def test_fit_refuses_settings_of_replicas(case):
    changed, message = BAD_REPLICA_SETTINGS[case]
    settings = {"lr": 0.1, "epochs": 1, **changed}
    with pytest.raises(ValueError, match=message):
        fit(init_layers([D, 10], seed=range(R)), *FLOAT32, **settings)


def test_a_rate_that_was_changed_after_a_step_counts_as_it_is_now():
    layers = [Layer(torch.ones(2, 1), torch.zeros(1, 1))]
    slope = [Layer(torch.ones(2, 1), torch.ones(1, 1))]
    lr = torch.tensor(0.5)
    assert sgd_step(layers, slope, lr)[0].weights[0].item() == 0.5
    assert sgd_step(layers, slope, lr)[0].weights[0].item() == 0.5
    lr.data.fill_(0.25)  # `.data` tells nobody
    assert sgd_step(layers, slope, lr)[0].weights[0].item() == 0.75
    for bad in (-1.0, 0.0, float("nan"), float("inf")):
        lr.data.fill_(bad)
        with pytest.raises(ValueError, match="positive and finite"):
            sgd_step(layers, slope, lr)
