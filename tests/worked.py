"""Numbers that the book works out by hand, worked out here too; and the few that are given.

`SAID` lists, by page, words of the text and the numbers that follow them there. What can be
computed is computed, by the package where it can do it. What a question or an example sets is the
start of such a computation, or stands under `GIVEN` with its reason.
"""

import json
import math
import re
from typing import NamedTuple

import torch
from prose import ROOT

from scratchmnist import Layer, cross_entropy, linear, mse, softmax


def table(rows):
    return torch.tensor(rows, dtype=torch.float64)


class Said(NamedTuple):
    page: str
    words: str  # as in the page's source, white space apart; # is the first of the numbers
    numbers: list  # those that come next

    def place_in(self, text):
        """Where in a text the numbers begin, or None."""
        before, _, after = (
            r"\s+".join(map(re.escape, part.split())) for part in self.words.partition("#")
        )
        found = [*re.finditer(rf"{before}\s*(?=\S+\s+{after})" if after else before, text)]
        if len(found) > 1:
            raise ValueError(f"{self.page}: {self.words!r} stands {len(found)} times")
        return found[0].end() if found else None


# --- Two pictures of two pixels, a digit as a number ----------------------------------------------

X = table([[0, 1], [1, 0.5]])
Y = table([[7], [5]])
FIRST = Layer(table([[3], [4]]), table([[1]]))
SAYS, back = linear(X, *FIRST)
LOSS, loss_back = mse(SAYS, Y)
_, D_W, D_B = back(loss_back())
AFTER = Layer(FIRST.weights - 0.1 * D_W, FIRST.bias - 0.1 * D_B)
NOW = X @ AFTER.weights + AFTER.bias

RAISE = 0.01  # one weight, two pictures with 1 and 2 of ink
INK, RESIDUALS = table([1, 2]), table([-2, 2])
LATER = RESIDUALS + RAISE * INK

DIGIT_AS_A_NUMBER = [
    ("Take a picture of three pixels, $x = ", [0, 1, 0.5]),
    ("Raise $w$ by", [RAISE]),
    ("The predictions rise by", RAISE * INK),
    ("So it changes by $", [RESIDUALS[0], RAISE]),
    ("along the first way and by $", [RESIDUALS[1], 2 * RAISE]),
    ("along the second, together by", [(RESIDUALS * RAISE * INK).sum()]),
    ("Compute it directly: the residuals are now", [*LATER, *LATER**2]),
    ("It has risen by nearly", [0.02]),
    ("| 1 | $", X[0]),
    ("| 2 | $", [*X[1], *SAYS[1], *Y[1], *(SAYS - Y)[1]]),
    ("The gradient is $", [*D_W, *D_B[0]]),
    ("the bias $1.1$; the predictions", [4.15, 1.1, *NOW[0]]),
    ("So the weights become", [3, 1 / 10, AFTER.weights[0], 4, 3 / 20, AFTER.weights[1]]),
    ("= 4.15$, the bias", AFTER.bias[0]),
    ("The residuals are $", (NOW - Y).flatten()),
    ("The loss falls from", [LOSS, 1.75, 1.075, 2, 2.11]),
]

# --- One step of a single layer -------------------------------------------------------------------

x, y = table([[0.5, 1]]), table([[1, 0, 0]])
THIRDS = softmax(torch.zeros(1, 3, dtype=torch.float64))
ONCE = x.T @ (THIRDS - y)  # [2, 3], the gradient of the first step, and with rate 1 the step
P_TWO = softmax(-(x @ ONCE + THIRDS - y))

ONE_LAYER = [
    ("The scores are $(0, 0, 0)$, so $p = ", [*THIRDS[0], 3, 1.10]),
    ("- $p - y = ", (THIRDS - y)[0]),
    ("has the rows $", ONCE.flatten()),
    ("The two others are", [-0.75]),
    ("The scores are $(\\frac32", [-0.75, -0.75]),
    ("$p$ is proportional to $(", [1, *[round(math.exp(-9 / 4), 3)] * 2]),
    ("so $p \\approx (", P_TWO[0]),
    ("and $p - y \\approx (", (P_TWO - y)[0]),
    ("The first row of $W$ changes by $", [-0.5, *-(x.T @ (P_TWO - y))[0]]),
    ("The first step changed it by $", -ONCE[0]),
    ("We take", [0.1]),
    ("The columns of $W$ after", [15]),
]

# --- The network by hand --------------------------------------------------------------------------

W_1 = table([[2, 2, -2], [-1, 2, 0], [-1, 2, 1], [1, -1, 2]])
W_2 = table([[1, -1, -3], [0, 1, 2], [2, 1, 0]])
PIXELS, CLASSES = table([[0.5, 0, 1, 0], [1, 1, 0, 0]]), table([[0, 1, 0], [1, 0, 0]])
Z_1 = PIXELS @ W_1 + table([[1, 0, 1]])
SCORES = Z_1.relu() @ W_2 + table([[math.log(2), 0, 0]])
D_Z = cross_entropy(SCORES, CLASSES)[1]()
D_A = D_Z @ W_2.T
D_X = (D_A * (Z_1 > 0)) @ W_1.T
OPEN = PIXELS.T @ D_A - PIXELS.T @ (D_A * (Z_1 > 0))  # what the forgotten mask adds

HIDDEN_LAYER = [
    ("both rows of $P$ stand as $", [2, 1, 1, *softmax(SCORES)[0]]),
    ("So the $", [D_A[1, 2]]),
    ("in proportion to the weight in between. Unit 2 and image 1: $",
     [D_Z[1, 0], 2, D_Z[1, 1], 1, D_Z[1, 2], 0, D_A[1, 2]]),
    ("With $\\eta = ", [0.1]),
    ("The best it can say of them is", [1 / 2, 1 / 2, 2]),
    ("so the mean over the four is $", [2 / 4]),
    ("The mean is then $", [1 / 4, 2, 3 / 2, 3]),
    ("Its $-\\frac38$ now passes through. Row 0 (pixel value 1 in image 1) changes from $",
     [1 / 16, 1 / 16, -OPEN[0, 2], 1 / 16 + OPEN[0, 2], 1, 1, 0, OPEN[1, 2]]),
    ("pixel 1: $", [1 / 4, -1, 1 / 8, 2, 1 / 8, 0, D_X[0, 1]]),
    ("For image 1 it is $", D_X[1]),
]  # fmt: skip
BACKPROPAGATION = [
    ("by the weights $", [*W_2[2], 1, *D_Z[1]]),
    ("Raise the activation by", [RAISE]),
    ("The scores rise by", RAISE * W_2[2]),
    ("The loss changes by $", [D_Z[1, 0], 0.02, D_Z[1, 1], 0.01, D_Z[1, 2], 0]),
    ("Divided by the", [RAISE, D_A[1, 2]]),
    ("Why may not all weights start at", [0.1]),
]

# --- The others -----------------------------------------------------------------------------------

FULL = json.loads((ROOT / "book" / "data" / "full.json").read_text("utf-8"))
SHUFFLED = [runs for model in FULL["shuffled"].values() for runs in model["wrong"]]
LARGE, SMALL = (FULL["models"][f"{units} hidden units"] for units in (300, 30))
ODDS = table([6, 3, 1]) / 10
FINFO_64, FINFO_32 = torch.finfo(torch.float64), torch.finfo(torch.float32)
LARGEST = FINFO_32.max
EXPONENT = math.floor(math.log10(LARGEST))
FOURTH = (1.1**4 - 1) / 0.1
FOUR = 64 / 16

SAID = [
    Said(page, words, numbers)
    for page, said in {
        "digit-as-a-number": DIGIT_AS_A_NUMBER,
        "one-layer-classifier": ONE_LAYER,
        "hidden-layer": HIDDEN_LAYER,
        "backpropagation": BACKPROPAGATION,
        "all-of-mnist": [
            ("Each model learns from", [500, 1000, 2000, 5000, 10_000, 20_000, 60_000, 10_000]),
            ("(The 300 learn in batches of", [LARGE["batch_size"], SMALL["batch_size"]]),
            ("ten epochs at the rate", [FULL["published"]["hw0, softmax"]["lr"]]),
            (
                "misses zero by chance alone; of these",
                [len(SHUFFLED)],
            ),
            ("with the same", [5 * 5]),
        ],
        "checking-gradients": [
            ("With $h =", [0.1, 9.261, 8, 0.1]),
            ("sixty times smaller, exactly $h^2 =", [0.1**2]),
            ("the chain rule gives $", [1, 2, 2 / 2]),
            ("A float64 has", [1 - math.log2(FINFO_64.eps)]),
            ("A float32 has", [1 - math.log2(FINFO_32.eps)]),
            ("For $f(x) = x^4$ at $x = 1$ and $h =", [0.1]),
            ("One-sided: $", [FOURTH, FOURTH - 4]),
            ("since $f'''(x) =", [4 * 3 * 2]),
        ],
        "derivatives-of-softmax": [
            ("Here is the table for $p = ", ODDS),
            ("the best on the held-out images out of", [0.01, 0.1, 1, 10]),
        ],
        "scores-to-probabilities": [
            ("and dividing gives $p = ", softmax(table([[math.log(6), math.log(3), 0]]))[0]),
            ("in one case out of twelve,", [1 / 2, 1 / 6]),
            ("The largest float32 is about", [LARGEST / 10.0**EXPONENT, EXPONENT]),
        ],
        "edge-of-the-learning-rate": [
            ("So at $\\eta =", [1 + 2 / 100, 2]),
            ("multiply the loss by $(", [1, 2 * 1.02]),
            ("With a learning rate of $", [0.01, 16]),
        ],
        "floor-under-regression": [
            ("With $\\alpha = 10$ and $\\eta =", [0.02, 4000 / (2 * 0.02 * 10)]),
            ("Filter factors of ridge with α =", [10, 10_000]),
            ("A direction has curvature $\\lambda =", [0.01, 4000, 20, 0.02]),
            ("the slope is $\\lambda d$ and the height $", [1 / 2]),
            ("the height at $\\hat w + s$ is $", [1 / 2]),
            ("d_m v_m$ this is $", [1 / 2]),
        ],
        "how-large-to-start": [
            ("Three of the scales are trained once more at $\\eta =", [0.4]),
            ("{result}`hid-scale-tenth-fast` with $\\eta =", [0.4]),
            ("the derived scale is ahead of", [0.7]),
        ],
        "how-sure-is-it": [
            ("four predictions, two of them with confidence", [0.9, 0.6]),
            ("Then $\\mathrm{ECE} =", [1 / 2, 1, 0.9, 1 / 2, 0.5, 0.6]),
            ("Ten predictions, all with confidence", [0.7]),
            ("Now let it always answer with confidence", [9 / 10]),
            ("too modest. With confidence", [9 / 10]),
            ("in which each is right with probability", [0.8, 0.8 * 100]),
        ],
        "more-knobs": [
            ("Four times the batch, four times the rate:", [0.02 * FOUR, 64, 0.02 * FOUR**2, 256]),
            ("The sweep has the neighbours", [0.1, 0.5]),
            ("For a rate of", [0.5, 0.5 * FOUR, 0.5 * FOUR**2]),
            ("by linear scaling the same as", [0.2 * 16 / 32]),
        ],
        "notation": [("with base $e =", [2.718])],
        "one-pair-of-runs": [("so the p-value is $", [2, 2, 2, 9, 2**8])],
        "pictures-as-tensors": [
            ("Going back, $", [400, 28, 400 // 28, 400 % 28, 400 // 28, 400 % 28]),
            ("both counted from 0 to", [28 - 1]),
            ("are nearly full ink, at", [0.9]),
            ("lie between", [0.1, 0.9]),
        ],
        "the-bowl": [
            ("the product is at most", [1 / 4]),
            ("(at $p_4 = p_9 =", [1 / 2]),
            ("the pair must have $p_4$ and $p_9$ both near", [1 / 2]),
            ("at $u = 0$, where the loss is", [(1 - 1 / 2) ** 2]),
            ("the losses are nearly $1$, nearly $1$ and", [(1 - 1 / 2) ** 2]),
            ("to $0$ is at about", [(1 + 1 / 4) / 2]),
        ],
        "two-models-compared": [
            (":class: dropdown About", [2**2 * 10]),
            ("{result}`cmp-trios-constant` of the", [math.comb(10, 3)]),
            ("The seeds", [100, 101]),
        ],
        "why-regression-struggles": [
            ("To say 4 and be wrong half of the time costs $", [1 / 2, 0, 1 / 2, (9 - 4) ** 2]),
            ("To say $6.5$ costs", [((9 - 4) / 2) ** 2]),
            ("It is right, and the squared error still charges $", [1.3 - 1]),
            ("Two thousand random namings are few among $", [10, math.factorial(10)]),
            ("a picture that is a 4 with chance", [3 / 5, 9, 2 / 5]),
            ("say 4, 6 and 9 with chances", [2 / 5, 1 / 5, 2 / 5]),
            ("by symmetry the best line is flat, at", [1 / 3]),
            ("The outputs for 0 and 2 are", [1 / 3]),
            ("with scores $-x$,", [1 / 2]),
            ("Linear scores that name all three exist ($", [1 / 2]),
        ],
        "beyond-one-machine": [
            ("images on four processes (", [math.ceil((50 - k) / 4) for k in range(4)]),
            ("Four processes, a batch of", [13 + 13 + 12 + 12]),
            ("by its images divided by", [13 + 13 + 12 + 12]),
            ("The shards have", [math.ceil((50 - k) / 4) for k in range(4)]),
            ("with either ring, in the usual", [torch.finfo(torch.float32).bits]),
        ],
        "how-fast": [
            ("and train", [32]),
            ("Adding two arrays of", [16 * 10, 16 * 10]),
            ("but not in", [32]),
            ("The package's `minibatches` gathers", [32 * 16, 32]),
            ("A block of", [32 * 16]),
            ("The second form asks torch for", [32]),
            ("One product with", [32 * 30, 32, 30, 32]),
            ("leave the inner caches: at", [256, 256 * 23_860 * 4 / 1e6]),
            ("the calls are the same for", [64]),
            ("The figure has", [40]),
            ("With # networks at once", [32]),
        ],
    }.items()
    for words, numbers in said
]

# Numbers that are no results and that nothing on their page bears out, and why.
GIVEN = [
    Said(page, words, numbers)
    for _, where in {
        "a question or an example sets it": [
            ("when-nothing-learns", "A loss of # means", [50]),
            ("why-regression-struggles", "What is wrong with an output of", [1.3]),
            ("notation", "a percentage point: from", [90, 91]),
            ("more-knobs", "A friend trains with batch 16 and rate", [0.02]),
            ("more-knobs", "Would you translate a rate of", [0.5]),
            ("two-models-compared", "| one layer beats", [92]),
            ("how-large-to-start", "and $b_1$ the value", [0.1]),
            ("your-own-digits", "A thin pen all but disappears when", [200, 20]),
        ],
        "how MNIST was made, or others' pictures were read; said with its source nearby": [
            ("your-own-digits", "It was scaled to fit a box of", [20, 20]),
            ("your-own-digits", "**The box of", [20]),
            ("your-own-digits", "the box is", [19, 20]),
            ("your-own-digits", "and then a box of", [20, 20 + 1]),
            ("your-own-digits", "On some", [90, 19, 20]),
            ("your-own-digits", "until the width is", [2.6]),
        ],
        "rules of others, named beside": [
            ("accessibility", "Text has a contrast of at least", [4.5, 1]),
            ("accessibility", "Pages can be read at a width of", [320, 400]),
            ("accessibility", "at widths of", [1280, 390]),
        ],
        "how many bugs there are": [
            ("thirteen-bugs", "The others (", [5, 7, 9, 10, 11, 13]),
            ("thirteen-bugs", "a second step (", [10, 13]),
            ("thirteen-bugs", "Number # passes", [13]),
        ],
    }.items()
    for page, words, numbers in where
]
