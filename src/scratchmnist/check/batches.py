"""Dealing out pictures in batches: judged by what every right way of doing it has in common.

Images here are recognised by their first number, and a label is 100 more than its image's place.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import partial
from itertools import islice

import torch
from torch import Tensor

from scratchmnist.check.judge import (
    about_changed,
    about_error,
    as_tensor,
    caller,
    check_callable,
    facts_given,
    kind_of,
    printed,
    remarks_on,
)
from scratchmnist.check.kinds import Exercise, bug
from scratchmnist.check.wording import Wrong, complain, table

BATCHES = "digit-as-a-number"
N, BATCH, D = 23, 5, 3
ENOUGH = 4 * N  # batches; more than these never end


minibatches = Exercise(
    name="minibatches",
    arguments=("images", "labels", "batch_size", "seed"),
    outputs=("batches",),
    reference=lambda *inputs: inputs,
    rounds=(),
    bugs=(
        bug(
            "returned_early",
            "The function returns the first batch and stops: `yield` in place of `return` hands "
            "out one batch after the other.",
            BATCHES,
        ),
        bug(
            "not_pairs",
            "Each thing that comes out should be a pair: the images of a batch and their labels.",
            BATCHES,
        ),
        bug(
            "exchanged",
            "The pairs are the wrong way round: images first, then labels.",
            BATCHES,
        ),
        bug(
            "one_at_a_time",
            "The images come one by one: a batch is several rows at once, [B, D].",
            BATCHES,
        ),
        bug(
            "endless",
            "The batches never end: one call deals out each image once, one epoch.",
            BATCHES,
        ),
        bug(
            "nothing",
            "No batch comes out: the loop runs over nothing, or its condition is never true.",
            BATCHES,
        ),
        bug(
            "same_batch",
            "Every batch is the same one: the start of the slice does not move on.",
            BATCHES,
        ),
        bug(
            "labels_not_shuffled",
            "The images are shuffled, and the labels are not: both must follow one order.",
            BATCHES,
        ),
        bug(
            "images_not_shuffled",
            "The labels are shuffled, and the images are not: both must follow one order.",
            BATCHES,
        ),
        bug(
            "two_orders",
            "Images and labels are shuffled by two different orders: draw one and use it for both.",
            BATCHES,
        ),
        bug(
            "short_batch_dropped",
            "The last, short batch is left out: if batch_size does not divide the number of "
            "images, the rest is a batch too.",
            BATCHES,
        ),
        bug(
            "short_batch_filled",
            "The last batch is filled up with images that have had their turn: it should be "
            "shorter instead.",
            BATCHES,
        ),
        bug(
            "with_replacement",
            "Some images come twice and others never: they are drawn with replacement "
            "(`randint`), where a permutation (`randperm`) gives each its turn.",
            BATCHES,
        ),
        bug(
            "one_too_few",
            "Each batch lacks an image: a slice `start:end` stops before `end` already.",
            BATCHES,
        ),
        bug(
            "other_sizes",
            "The batches have other sizes than batch_size.",
            BATCHES,
        ),
        bug(
            "not_shuffled",
            "The images come in the order in which they were given: shuffle them first.",
            BATCHES,
        ),
        bug(
            "blocks_shuffled",
            "Only the order of the batches is shuffled: each batch holds neighbours.",
            BATCHES,
        ),
        bug(
            "shuffled_within",
            "Each batch is shuffled only within itself: the first batch always holds the first "
            "images.",
            BATCHES,
        ),
        bug(
            "seed_not_used",
            "The same seed gave two different orders: make the order from the seed, "
            "`torch.Generator().manual_seed(seed)`.",
            BATCHES,
        ),
        bug(
            "same_for_every_seed",
            "Two different seeds gave the same order: every epoch would see the same batches.",
            BATCHES,
        ),
    ),
)


def examine_minibatches(f: Callable) -> str:
    """The line that says `f` is right and what was tried; or raises `Wrong`."""
    check_callable(minibatches, f)
    takes_generator = "generator" in list(inspect.signature(f).parameters)[3:4]
    ask = caller(minibatches, partial(in_a_list, f, takes_generator))
    first, answer = deal(ask, N, seed=1)
    judge_epoch(first, answer, N)
    for count in (4, 10):  # fewer than a batch; batches that come out even
        judge_epoch(*deal(ask, count, seed=1), count)
    if order_of(deal(ask, N, seed=1)[0]) != order_of(first):
        raise found("seed_not_used", first, answer, N)
    if order_of(deal(ask, N, seed=2)[0]) == order_of(first):
        raise found("same_for_every_seed", first, answer, N)
    tried = "minibatches: right. Tried: 23, 10 and 4 images in batches of 5, two seeds"
    return "; ".join([tried, *remarks_on(answer)])


def in_a_list(f: Callable, takes_generator: bool, images, labels, batch_size, seed):
    """All the batches of a generator, but no more than an endless one needs to be known."""
    if takes_generator:  # as in the book's pages
        seed = torch.Generator().manual_seed(seed)
    value = f(images, labels, batch_size, seed)
    if hasattr(value, "__next__") or isinstance(value, zip | map):
        return list(islice(value, ENOUGH))
    return value


def deal(ask: Callable, count: int, seed: int) -> tuple[list[tuple[Tensor, Tensor]], dict]:
    """One epoch of batches as pairs of float64 tensors, and the answer they came from."""
    images = torch.arange(float(count))[:, None] + torch.arange(D) / 4
    inputs = (images, torch.arange(100, 100 + count), BATCH, seed)
    answer = ask(inputs)
    if answer["error"] is not None:
        raise about_error(minibatches, inputs, answer)
    value = answer["value"]
    if value is None:
        raise complain(
            minibatches.name,
            "the function returned None",
            [*facts_given(minibatches, inputs), *printed(answer)],
            "returned_none",
            "Hand the batches out with `yield x, y`, or collect them in a list and return that.",
            BATCHES,
        )
    if isinstance(value, tuple) and len(value) == 2 and as_tensor(value[0]) is not None:
        raise found("returned_early", [], answer, count)
    if not isinstance(value, list | tuple):
        raise found("not_pairs", [], answer, count)
    if len(value) == 0:
        raise found("nothing", [], answer, count)
    pairs = [
        tuple(map(as_tensor, one)) if isinstance(one, tuple | list) and len(one) == 2 else (None,)
        for one in value
    ]
    if any(part is None for one in pairs for part in one):
        raise found("not_pairs", [], answer, count)
    if answer["changed"]:
        raise about_changed(minibatches, inputs, answer)
    return pairs, answer


def order_of(batches) -> list[int]:
    """The images' places, in the order in which they came."""
    return [int(place) for x, _ in batches for place in x[:, 0].tolist()]


def is_run(places: list[int]) -> bool:
    """
    >>> is_run([4, 2, 3]), is_run([4, 2, 1])
    (True, False)
    """
    return sorted(places) == list(range(min(places), min(places) + len(places)))


def judge_epoch(batches, answer: dict, count: int) -> None:
    """`Wrong` unless the batches hold each of `count` images once, with its label, shuffled."""
    name = fault_of_shape(batches) or fault_of_pairs(batches) or fault_of_order(batches, count)
    if name:
        raise found(name, batches, answer, count)


def fault_of_shape(batches) -> str | None:
    x, y = batches[0]
    if y.dim() > 0 and y.shape[-1] == D and (x.dim() == 0 or x.shape[-1] != D):
        return "exchanged"
    if x.shape == (D,) and y.numel() == 1:
        return "one_at_a_time"
    if any(x.dim() != 2 or x.shape[1] != D or y.numel() != len(x) for x, y in batches):
        return "not_pairs"
    return None


def fault_of_pairs(batches) -> str | None:
    if len(batches) > 1 and all(torch.equal(x, batches[0][0]) for x, _ in batches[:2]):
        return "same_batch"
    if len(batches) >= ENOUGH:
        return "endless"
    order = order_of(batches)
    labels = [int(label) - 100 for _, y in batches for label in y.flatten().tolist()]
    straight = list(range(len(order)))
    if order == labels:
        return None
    if labels == straight:
        return "labels_not_shuffled"
    return "images_not_shuffled" if order == straight else "two_orders"


def fault_of_order(batches, count: int) -> str | None:
    order, sizes = order_of(batches), [len(x) for x, _ in batches]
    once = len(set(order)) == len(order)
    full, rest = divmod(count, BATCH)
    expected = [BATCH] * full + [rest] * (rest > 0)
    runs = all(is_run(order_of([one])) for one in batches)
    if count == N and order == sorted(order) and once and sizes == expected:
        return "not_shuffled"
    if count == N and once and runs and sorted(sizes) == sorted(expected):
        starts = [min(order_of([one])) for one in batches]
        return "shuffled_within" if starts == sorted(starts) else "blocks_shuffled"
    if sizes != expected:
        if sizes == expected[:-1] and once:
            return "short_batch_dropped"
        if sizes == [BATCH] * len(expected) and not once:
            return "short_batch_filled"
        return "one_too_few" if once and sizes[0] == BATCH - 1 else "other_sizes"
    return None if once else "with_replacement"


def found(name: str, batches, answer: dict, count: int) -> Wrong:
    known = next(bug for bug in minibatches.bugs if bug.name == name)
    facts = [("given", f"images [{count}, {D}], labels [{count}], batch_size {BATCH}")]
    if batches:
        x, y = batches[0]
        sizes = ", ".join(str(len(x)) if x.dim() else "-" for x, _ in batches[:8])
        facts.append(("sizes", sizes + ", ..." * (len(batches) > 8)))
        facts += [("first images", table(x)), ("first labels", table(y))]
    else:
        value = answer["value"]
        inside = f" with {kind_of(value[0])}" if isinstance(value, list) and value else ""
        facts.append(("seen", kind_of(value) + inside))
    headline = "the batches are not what they should be"
    facts += printed(answer)
    return complain(minibatches.name, headline, facts, known.name, known.cause, known.section)
