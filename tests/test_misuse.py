"""What people pass that is not meant, in one table: the call, and what the message must say.

Each row was a wrong result in silence, or an error that did not say what to type.
"""

import math
import warnings

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch.testing import assert_close

from scratchmnist import (
    Digits,
    Layer,
    accuracy,
    check_gradients,
    confusion_matrix,
    cross_entropy,
    encode,
    evaluate,
    fit,
    forward,
    init_layers,
    linear,
    load_mnist,
    minibatches,
    mse,
    numerical_gradient,
    one_hot,
    relu,
    sgd_step,
    softmax,
    split,
    stack_replicas,
)

N, D, K, R = 40, 12, 10, 3
NET = init_layers([D, K], seed=0)
DEEP = init_layers([D, 5, K], seed=0)
MANY = init_layers([D, K], seed=range(R))
IMAGES = torch.rand(N, D, generator=torch.Generator().manual_seed(0)) / 2
LABELS = torch.arange(N) % K
DIGITS = Digits(IMAGES, LABELS)
TARGETS = one_hot(LABELS)
OUT, BACKWARD = forward(IMAGES, NET)
D_LOSS = cross_entropy(OUT, TARGETS)[1]
GRADS = BACKWARD(D_LOSS())
X64 = torch.tensor([1.0, 2.0]).double()
A_GENERATOR = torch.Generator().manual_seed(0)


def step_with(**grad):
    """sgd_step with a gradient of which one field is another one."""
    return lambda: sgd_step(NET, [GRADS[0]._replace(**grad)], 0.1)


def run(layers=NET, train=DIGITS, **settings):
    return lambda: fit(layers, train, **{"lr": 0.1, "epochs": 1, **settings})


def judge(*arguments, **named):
    return lambda: evaluate(*arguments, **named)


W, B = NET[0]
# what was done: (the call, the kind of error, what the message must say)
MISUSE = {
    # --- linear and relu
    "bytes into linear": (lambda: linear(IMAGES.byte(), W, B), ValueError, "images.float() / 255"),
    "float64 into linear": (
        lambda: linear(IMAGES.double(), W, B),
        ValueError,
        "x must be torch.float32, as the weights are; got torch.float64 [40, 12]. "
        "Type: x.to(weights.dtype)",
    ),
    "half precision into linear": (
        lambda: linear(IMAGES.half(), W, B),
        ValueError,
        "torch.float16",
    ),
    "bfloat16 into linear": (lambda: linear(IMAGES.bfloat16(), W, B), ValueError, "torch.bfloat16"),
    "NumPy into linear": (
        lambda: linear(IMAGES.numpy(), W, B),
        TypeError,
        "x must be a tensor; got a NumPy array, float32 [40, 12]. Type: torch.from_numpy(...)",
    ),
    "lists into linear": (
        lambda: linear([[1.0] * D], W, B),
        TypeError,
        "x must be a tensor; got a list",
    ),
    "all NumPy": (
        lambda: linear(IMAGES.numpy(), W.numpy(), B.numpy()),
        TypeError,
        "x must be a tensor; got a NumPy array",
    ),
    "one picture as a square": (
        lambda: linear(torch.zeros(28, 28), torch.zeros(784, K), B),
        ValueError,
        "x must be [B, 784], as weights [784, 10] expect; got torch.float32 [28, 28]. Make a row "
        "of the picture: x.reshape(1, -1)",
    ),
    "pictures with a channel": (
        lambda: linear(torch.zeros(N, 1, 28, 28), torch.zeros(784, K), B),
        ValueError,
        "Make a row of each picture: x.flatten(1)",
    ),
    "one picture as a vector": (lambda: linear(IMAGES[0], W, B), ValueError, "x[None]"),
    "a bias without its batch axis": (lambda: linear(IMAGES, W, B[0]), ValueError, "batch axis"),
    "d_out that broadcasts": (
        lambda: linear(IMAGES, W, B)[1](torch.ones(1, K)),
        ValueError,
        "d_out must be [40, 10], as the output is; got torch.float32 [1, 10]",
    ),
    "a number for d_out": (
        lambda: linear(IMAGES, W, B)[1](1.0),
        TypeError,
        "d_out must be a tensor; got 1.0",
    ),
    "d_out that broadcasts in relu": (
        lambda: relu(IMAGES)[1](torch.ones(D)),
        ValueError,
        "d_out must be [40, 12]",
    ),
    # --- losses
    "integer labels": (lambda: cross_entropy(OUT, LABELS), ValueError, "one_hot(labels)"),
    "rows that sum to 2": (
        lambda: cross_entropy(OUT, 2 * TARGETS),
        ValueError,
        "each row of targets must sum to 1; got sums from 2 to 2",
    ),
    "one row of two that sums to 0": (
        lambda: cross_entropy(OUT[:2], torch.stack([TARGETS[0] * 0, TARGETS[0] + TARGETS[1]])),
        ValueError,
        "each row of targets must sum to 1; got sums from 0 to 2",
    ),
    "targets changed after a look": (
        lambda: changed_after_a_look(),
        ValueError,
        "each row of targets must sum to 1; got sums from 1 to 3",
    ),
    "swapped arguments": (
        lambda: cross_entropy(TARGETS, OUT),
        ValueError,
        "The order is cross_entropy(logits, targets)",
    ),
    "one score": (lambda: cross_entropy(OUT[:, :1], TARGETS[:, :1]), ValueError, "there is mse"),
    "a vector of targets": (
        lambda: mse(OUT[:, :1], LABELS.float()),
        ValueError,
        "mse: y_true must be [40, 1], the shape of y_pred; got torch.float32 [40]. A column of "
        "numbers is [B, 1]: y_true[:, None]",
    ),
    "NumPy targets": (
        lambda: mse(OUT, TARGETS.numpy()),
        TypeError,
        "mse: y_true must be a tensor; got a NumPy array, float32 [40, 10]",
    ),
    "NumPy scores": (lambda: softmax(OUT.numpy()), TypeError, "Type: torch.from_numpy(...)"),
    "an empty batch": (lambda: mse(OUT[:0], TARGETS[:0]), ValueError, "The batch is empty"),
    # --- networks
    "layers before images": (lambda: forward(NET, IMAGES), ValueError, "forward(x, layers)"),
    "a layer that is no list": (
        lambda: forward(IMAGES, NET[0]),
        TypeError,
        "a list of one: [layer]",
    ),
    "no layers": (lambda: forward(IMAGES, []), ValueError, "at least one layer; got []"),
    "a function for layers": (lambda: forward(IMAGES, init_layers), TypeError, "list of layers"),
    "backward of the function": (
        lambda: BACKWARD(D_LOSS),
        TypeError,
        "d_out must be a tensor; got the function backward. Call it to get what it computes: a "
        "loss's d_loss becomes d_loss()",
    ),
    "one width": (lambda: init_layers([784], 0), ValueError, "two are [784, 30, 10]; ".strip("; ")),
    "widths without a list": (lambda: init_layers(784, 10), TypeError, "One layer is [784, 10]"),
    "half a width": (lambda: init_layers([784, 1.5], 0), ValueError, "got [784, 1.5]"),
    "half a seed": (lambda: init_layers([D, K], 1.5), TypeError, "seed must be an integer"),
    "no seed": (lambda: init_layers([D, K], None), TypeError, "got None"),
    "a stack of one network": (lambda: stack_replicas(NET), ValueError, "stack_replicas([network"),
    "a stack of nothing": (
        lambda: stack_replicas(net for net in []),
        ValueError,
        "at least one network",
    ),
    "a stack of two shapes": (lambda: stack_replicas([NET, DEEP]), ValueError, "same shapes"),
    # --- sgd_step
    "lr of 0": (
        lambda: sgd_step(NET, GRADS, 0),
        ValueError,
        "lr must be positive and finite; got 0",
    ),
    "a negative lr": (lambda: sgd_step(NET, GRADS, -0.1), ValueError, "got -0.1"),
    "an lr that is NaN": (lambda: sgd_step(NET, GRADS, math.nan), ValueError, "got nan"),
    "an infinite lr": (lambda: sgd_step(NET, GRADS, math.inf), ValueError, "got inf"),
    "a tensor lr of 0": (lambda: sgd_step(NET, GRADS, torch.tensor(0.0)), ValueError, "got 0.0"),
    "one lr of three is 0": (
        lambda: sgd_step(MANY, MANY, torch.tensor([1.0, 0.0, 1.0])[:, None, None]),
        ValueError,
        "lr must be positive and finite; got 0.0",
    ),
    "a vector of rates": (
        lambda: sgd_step(MANY, MANY, torch.ones(R)),
        ValueError,
        "One rate for each replica is lr[:, None, None]",
    ),
    "a word for lr": (
        lambda: sgd_step(NET, GRADS, "0.1"),
        TypeError,
        "lr must be a positive number",
    ),
    "a gradient that broadcasts": (
        step_with(weights=torch.ones(1, K)),
        ValueError,
        "grads[0].weights must be torch.float32 [12, 10], as layers[0].weights is; got "
        "torch.float32 [1, 10]",
    ),
    "a gradient turned round": (
        step_with(weights=GRADS[0].weights.T),
        ValueError,
        "got torch.float32 [10, 12]",
    ),
    "a bias's gradient that broadcasts": (
        step_with(bias=torch.ones(1, 1)),
        ValueError,
        "grads[0].bias",
    ),
    "a gradient in float64": (
        step_with(weights=GRADS[0].weights.double()),
        ValueError,
        "torch.float64",
    ),
    "too few gradients": (
        lambda: sgd_step(DEEP, GRADS, 0.1),
        ValueError,
        "one for each of 2 layers",
    ),
    "backward for the gradients": (
        lambda: sgd_step(NET, BACKWARD, 0.1),
        TypeError,
        "Call it: sgd_step(layers, backward(d_loss()), lr)",
    ),
    # --- fit and evaluate
    "both parts at once": (
        run(train=load_mnist()),
        TypeError,
        "train must be Digits(images, labels); got two of them at once. load_mnist() gives two "
        "parts: train, test = load_mnist()",
    ),
    "both parts for evaluate": (
        judge(NET, (DIGITS, DIGITS)),
        TypeError,
        "train, test = load_mnist()",
    ),
    "images without labels": (run(train=IMAGES), TypeError, "Digits(images, labels)"),
    "None for digits": (
        judge(NET, None),
        TypeError,
        "digits must be Digits(images, labels); got None",
    ),
    "torch's loss": (
        run(loss=F.cross_entropy),
        TypeError,
        "loss must be a function that returns (loss, backward), cross_entropy or mse; got the "
        "function cross_entropy. Type: from scratchmnist import cross_entropy, mse",
    ),
    "torch's loss object": (run(loss=torch.nn.MSELoss()), TypeError, "from scratchmnist import"),
    "a word for the loss": (run(loss="cross_entropy"), TypeError, "got 'cross_entropy'"),
    "a loss of one result": (
        judge(NET, DIGITS, loss=lambda out, y: (out - y).square().mean()),
        TypeError,
        "(loss, backward)",
    ),
    "epochs of 1.5": (run(epochs=1.5), ValueError, "epochs must be a positive integer; got 1.5"),
    "a word for epochs": (
        run(epochs="1"),
        ValueError,
        "epochs must be a positive integer; got '1'",
    ),
    "a word for lr in fit": (run(lr="0.1"), TypeError, "lr must be a positive number"),
    "an infinite lr in fit": (run(lr=math.inf), ValueError, "positive and finite; got inf"),
    "no lr": (run(lr=None), TypeError, "lr must be a positive number"),
    "raw pixels": (
        run(train=Digits(255 * IMAGES, LABELS)),
        ValueError,
        "Divide raw pixels: images / 255",
    ),
    "raw pixels for evaluate": (
        judge(NET, Digits((255 * IMAGES).round(), LABELS)),
        ValueError,
        "digits pixels must be finite numbers of moderate size",
    ),
    "bytes": (
        judge(NET, Digits((255 * IMAGES).byte(), LABELS)),
        ValueError,
        "images.float() / 255",
    ),
    "NaN for evaluate": (judge(NET, Digits(IMAGES * math.nan, LABELS)), ValueError, "Look for NaN"),
    "labels that are floats": (judge(NET, Digits(IMAGES, LABELS / 1)), ValueError, "labels.long()"),
    "fewer labels than images": (judge(NET, Digits(IMAGES, LABELS[:9])), ValueError, "labels [9]"),
    "a layer that is not stacked": (
        run(layers=[init_layers([D, 5], range(R))[0], init_layers([5, K], 0)[0]]),
        ValueError,
        "layers[1].weights must be of as many replicas as the first layer, [3, 12, 5]; got "
        "torch.float32 [5, 10]. stack_replicas",
    ),
    "layers that do not follow": (
        run(layers=[DEEP[0], init_layers([6, K], 0)[0]]),
        ValueError,
        "layers[1].weights must be [5, H], since the layer before has 5 outputs",
    ),
    "layers in half precision": (
        run(layers=[Layer(W.half(), B.half())]),
        ValueError,
        "must be float32 or float64; got torch.float16 [12, 10]. Half precision is too coarse",
    ),
    # --- data
    "fewer labels in split": (
        lambda: split(Digits(IMAGES, LABELS[:30]), 10),
        ValueError,
        "got images [40, 12] and labels [30]",
    ),
    "both parts in split": (
        lambda: split((DIGITS, DIGITS), 10),
        TypeError,
        "train, test = load_mnist()",
    ),
    "all held out": (lambda: split(DIGITS, N), ValueError, "held_out must be 1 to 39"),
    "a fraction of 1.5": (
        lambda: split(DIGITS, 1.5),
        ValueError,
        "or a fraction like 0.2; got 1.5",
    ),
    "None among generators": (
        lambda: minibatches(IMAGES, TARGETS, 8, [A_GENERATOR, None]),
        ValueError,
        "Of a seed make one: torch.Generator().manual_seed(seed)",
    ),
    "a seed for a generator": (
        lambda: minibatches(IMAGES, TARGETS, 8, 0),
        ValueError,
        "manual_seed",
    ),
    "half a batch": (
        lambda: minibatches(IMAGES, TARGETS, 0.5, A_GENERATOR),
        ValueError,
        "batch_size",
    ),
    "a column of labels": (lambda: encode(LABELS[:, None], 10), ValueError, "labels.flatten()"),
    "labels as words": (
        lambda: one_hot(["3", "4"]),
        TypeError,
        "labels must be a tensor of numbers",
    ),
    "a label of 10": (
        lambda: one_hot([3, 10]),
        ValueError,
        "labels must be integers 0 to 9; got 10",
    ),
    # --- metrics
    "integer scores": (
        lambda: accuracy(torch.ones(5, 5).long(), LABELS[:5]),
        ValueError,
        "may be scores [B, K] as well. If they are, type: out.float()",
    ),
    "integer scores, not square": (lambda: accuracy(OUT.long(), LABELS), ValueError, "out.float()"),
    "labels of -1": (
        lambda: accuracy(OUT * math.nan, torch.full((N,), -1)),
        ValueError,
        "labels must be integers 0 to 9; got -1",
    ),
    "NaN in a confusion": (
        lambda: confusion_matrix(torch.tensor([1, -1]), [1, 2]),
        ValueError,
        "-1 stands for an output that is NaN",
    ),
    "scores in a confusion": (
        lambda: confusion_matrix(OUT, LABELS),
        ValueError,
        "predicted_digits(out)",
    ),
    # --- gradients
    "h of 0": (
        lambda: numerical_gradient(torch.sum, X64, h=0),
        ValueError,
        "h must be a positive step",
    ),
    "float32": (lambda: numerical_gradient(torch.sum, X64.float()), ValueError, "x.double()"),
    "a list": (lambda: numerical_gradient(torch.sum, [1.0]), TypeError, "Type: torch.tensor(...)"),
    "a loss with its backward": (
        lambda: numerical_gradient(lambda x: mse(x[None], x[None]), X64),
        ValueError,
        "A loss returns two: loss(...)[0]",
    ),
    "many results": (lambda: numerical_gradient(lambda x: x, X64), ValueError, "Sum it up"),
    "a complex claim": (
        lambda: check_gradients(torch.sum, {"input": X64}, {"input": torch.ones(2) + 1j}),
        ValueError,
        "d_input must be floats of the shape of input, [2]; got torch.complex64 [2]",
    ),
}


def changed_after_a_look():
    targets = TARGETS.clone()
    cross_entropy(OUT, targets)
    targets[3, 0] += 2
    cross_entropy(OUT, targets)


@pytest.mark.parametrize("what", MISUSE)
def test_misuse_says_what_is_wrong(what):
    call, kind, message = MISUSE[what]
    with pytest.raises(kind) as error:
        call()
    assert message in str(error.value)
    assert type(error.value) is kind


# --- what is meant plainly works ------------------------------------------------------------------


def same_run(one, other):
    for a, b in zip(one[0], other[0], strict=True):
        assert_close(a[0], b[0], check_stride=False)
        assert_close(a[1], b[1])
    assert_close(one[1].train_loss, other[1].train_loss)


SETTINGS = {"lr": 0.1, "epochs": 2, "batch_size": 16}
AS_MEANT = {
    "NumPy arrays": lambda: fit(NET, Digits(IMAGES.numpy(), LABELS.numpy()), **SETTINGS),
    "NumPy arrays read only": lambda: fit(NET, (frozen(IMAGES), frozen(LABELS)), **SETTINGS),
    "lists": lambda: fit(NET, [IMAGES.tolist(), LABELS.tolist()], **SETTINGS),
    "plain tuples": lambda: fit([(W, B)], (IMAGES, LABELS), **SETTINGS),
    "squares": lambda: fit(NET, Digits(IMAGES.view(N, 3, 4), LABELS), **SETTINGS),
    "a channel": lambda: fit(NET, Digits(IMAGES.view(N, 1, 3, 4), LABELS), **SETTINGS),
    "float64": lambda: fit(NET, Digits(IMAGES.double(), LABELS), **SETTINGS),
    "uint16 labels": lambda: fit(NET, Digits(IMAGES, LABELS.to(torch.uint16)), **SETTINGS),
    "bytes for labels": lambda: fit(NET, Digits(IMAGES, LABELS.byte()), **SETTINGS),
    "NumPy integers": lambda: fit(
        init_layers(np.array([D, K]), np.int32(0)),
        DIGITS,
        lr=np.float32(0.1),
        epochs=np.int64(2),
        batch_size=np.uint8(16),
        seed=np.int16(0),
    ),
    "a tensor lr of another type": lambda: fit(
        NET, DIGITS, **{**SETTINGS, "lr": torch.tensor(0.1, dtype=torch.float64)}
    ),
    "fastai's tensors": lambda: fit(NET, Digits(*fastais()), **SETTINGS),
    "watched by autograd": lambda: fit(
        [Layer(W.clone().requires_grad_(), B.clone().requires_grad_())],
        Digits(IMAGES.clone().requires_grad_(), LABELS),
        **SETTINGS,
    ),
}


def frozen(tensor):
    array = tensor.numpy().copy()
    array.flags.writeable = False
    return array


def fastais():
    fastai = pytest.importorskip("fastai.vision.core", reason="pip install fastai")
    from fastai.torch_core import TensorCategory

    return fastai.TensorImageBW(IMAGES.view(N, 1, 3, 4)), TensorCategory(LABELS)


@pytest.mark.parametrize("what", AS_MEANT)
def test_what_is_plainly_meant_works(what):
    trained, history = AS_MEANT[what]()
    same_run((trained, history), fit(NET, DIGITS, **SETTINGS))
    for tensor in (*trained[0], *history):
        assert tensor is None or (type(tensor) is torch.Tensor and not tensor.requires_grad)


def test_half_precision_images_are_as_good_as_they_are():
    trained, history = fit(NET, Digits(IMAGES.half(), LABELS), **SETTINGS)
    expected = fit(NET, Digits(IMAGES.half().float(), LABELS), **SETTINGS)
    same_run((trained, history), expected)


def test_nothing_makes_a_graph():
    layers = [Layer(*(tensor.clone().requires_grad_() for tensor in layer)) for layer in DEEP]
    images = IMAGES.clone().requires_grad_()
    out, backward = forward(images, layers)
    grads = backward(cross_entropy(out, TARGETS)[1]())
    after = sgd_step(layers, grads, 0.1)
    loss, _ = evaluate(layers, Digits(images, LABELS))
    tensors = [out, loss, *(tensor for layer in (*grads, *after) for tensor in layer)]
    for part in split(Digits(images, LABELS), 10):
        tensors.append(part.images)
    tensors += [x for x, _ in minibatches(images, TARGETS, 16, A_GENERATOR)]
    assert not any(tensor.requires_grad for tensor in tensors)


def test_fastais_tensors_in_a_loop_by_hand():
    images, labels = fastais()
    out, backward = forward(images.flatten(1), NET)
    loss, d_loss = cross_entropy(out, one_hot(labels))
    [after] = sgd_step(NET, backward(d_loss()), 0.1)
    assert_close(loss, cross_entropy(OUT, TARGETS)[0])
    assert {type(tensor) for tensor in (out, loss, *after)} == {torch.Tensor}
    assert accuracy(out, labels) == accuracy(OUT, LABELS)


def test_a_fraction_in_split():
    for part, again in zip(split(DIGITS, 0.2), split(DIGITS, 8)):
        assert torch.equal(part.images, again.images)


def test_replicas_from_a_generator_and_from_plain_tuples():
    networks = [init_layers([D, K], seed) for seed in range(R)]
    for stacked in (
        stack_replicas(net for net in networks),
        stack_replicas([[tuple(layer) for layer in net] for net in networks]),
    ):
        assert torch.equal(stacked[0].weights, MANY[0].weights)


def test_labels_may_be_lists_and_arrays():
    assert torch.equal(one_hot([0, 1], 2), torch.eye(2))
    assert torch.equal(encode(np.array([3, 0], dtype=np.uint16), 1), torch.tensor([[3.0], [0.0]]))
    assert accuracy([1, 2], [1, 3]) == 0.5
    assert confusion_matrix(np.array([0, 1]), [0, 1], classes=2).tolist() == [[1, 0], [0, 1]]


@pytest.mark.parametrize("scale", ["all", "each"])
def test_standardised_pixels_are_fine(scale):
    train, _ = load_mnist()
    axis = () if scale == "all" else (0,)
    spread = train.images.std(axis).clamp(min=1e-6)
    images = (train.images - train.images.mean(axis)) / spread
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        evaluate(init_layers([784, K], 0), Digits(images, train.labels))


# --- warnings -------------------------------------------------------------------------------------


@pytest.mark.parametrize("call", [evaluate, lambda *given: fit(*given, lr=0.1, epochs=1)])
def test_inverted_pictures_get_a_warning(call):
    train = Digits(*(tensor[:100] for tensor in load_mnist()[0]))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        call(init_layers([784, K], 0), train)
    with pytest.warns(
        UserWarning, match=r"mostly ink \(mean pixel 0\.8\d.*invert them: 1 - images"
    ):
        call(init_layers([784, K], 0), Digits(1 - train.images, train.labels))


SOME = Digits(*(tensor[:1000] for tensor in load_mnist()[0]))


def test_a_collapse_is_named():
    """A step too long kills the hidden units of all but one of three networks."""
    layers = init_layers([784, 30, K], seed=0)
    with pytest.warns(UserWarning, match=r"answers \d for \d+% .*lr = 20 is large.*try lr=0\.1"):
        fit(layers, SOME, lr=20, epochs=2)
    with pytest.warns(UserWarning, match=r"started at zero, .* labels in another order") as caught:
        fit(
            [Layer(torch.zeros_like(w), torch.zeros_like(b)) for w, b in layers],
            SOME,
            lr=0.01,
            epochs=2,
        )
    assert caught[0].filename == __file__
    rates = torch.tensor([0.1, 20.0, 20.0])[:, None, None]
    with pytest.warns(UserWarning, match=r"^2 of 3 .* replica 1 answers .* lr = 20 is large"):
        fit(init_layers([784, 30, K], seed=range(3)), SOME, lr=rates, epochs=2)


def test_no_false_alarm_about_a_collapse():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for sizes, loss, lr in (
            ([784, K], cross_entropy, 0.1),
            ([784, K], cross_entropy, 1e-4),
            ([784, 1], mse, 0.01),
            ([784, 30, K], mse, 0.1),
        ):
            fit(init_layers(sizes, seed=0), SOME, loss=loss, lr=lr, epochs=2)
        rates = torch.tensor([0.1, 20.0, 0.1])[:, None, None]
        fit(init_layers([784, 30, K], seed=range(3)), SOME, lr=rates, epochs=2)
        only_sevens = Digits(SOME.images[7::10], SOME.labels[7::10])
        fit(init_layers([784, K], seed=0), only_sevens, lr=0.1, epochs=20)
        fit(init_layers([784, 30, K], seed=0), SOME, lr=20, epochs=2, keep_going=True)
