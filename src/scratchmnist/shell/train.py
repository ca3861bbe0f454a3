"""`scratchmnist train`: train a network and keep it in a file."""

from __future__ import annotations

import argparse
import sys

EXAMPLE = """examples:
  scratchmnist train --hidden 30 --lr 0.1 --epochs 10 --save model.safetensors
  torchrun --standalone --nproc-per-node 2 -m scratchmnist train --snapshot run.safetensors
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.description = "Train a network on MNIST, report each epoch, judge it on the test part."
    parser.epilog = EXAMPLE
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument(
        "--data", default="subset", help="subset (the default), full, or the path of a set"
    )
    parser.add_argument(
        "--hidden", type=positive, nargs="*", default=[30], metavar="H",
        help="hidden units, layer by layer (default 30); nothing behind it: a single layer",
    )  # fmt: skip
    parser.add_argument(
        "--loss", choices=["cross_entropy", "mse"], default="cross_entropy",
        help="cross_entropy learns classes, mse the digit as a number",
    )  # fmt: skip
    parser.add_argument("--lr", type=float, default=None, help="default 0.1; 0.005 with mse")
    parser.add_argument("--epochs", type=positive, default=10)
    parser.add_argument("--batch-size", type=positive, default=16)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--save", metavar="FILE", help="where to keep the network (.safetensors)")
    parser.add_argument(
        "--snapshot", metavar="FILE",
        help="kept up to date after each epoch; the same command goes on from it",
    )  # fmt: skip


def positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"{text} is not positive")
    return number


def run(arguments: argparse.Namespace) -> int:
    """Trains as `fit` does, number for number, with a line after each epoch.

    Under `torchrun` all processes train the one network; process 0 speaks and writes.
    """
    from scratchmnist.parallel import processes

    with processes() as (rank, count):
        return train(arguments, rank, count)


def train(arguments: argparse.Namespace, rank: int, count: int) -> int:
    from pathlib import Path

    from scratchmnist import cross_entropy, evaluate, init_layers, load_mnist, mse, save
    from scratchmnist.parallel import fit_parallel

    def say(text: str) -> None:
        if rank == 0:
            print(text, flush=True)

    def after_epoch(epoch, loss, accuracy) -> None:
        say(f"epoch {epoch:3}: training loss {loss:.4f}, accuracy {accuracy:.1%}")

    digits, test = load_mnist(arguments.data)
    regression = arguments.loss == "mse"
    loss = mse if regression else cross_entropy
    lr = arguments.lr if arguments.lr is not None else (0.005 if regression else 0.1)
    outputs = 1 if regression else int(max(digits.labels.max(), test.labels.max())) + 1
    sizes = [digits.images.shape[1], *arguments.hidden, outputs]
    layers = init_layers(sizes, seed=arguments.seed)
    together = f", {count} processes" if count > 1 else ""
    say(f"{len(digits.labels)} images, network {sizes}, {arguments.loss}, lr {lr:g}{together}")
    if arguments.snapshot and Path(arguments.snapshot).exists():
        say(f"going on from {arguments.snapshot}")
    try:
        layers, _ = fit_parallel(
            layers, digits, loss=loss, lr=lr, epochs=arguments.epochs, seed=arguments.seed,
            batch_size=arguments.batch_size, snapshot=arguments.snapshot, after_epoch=after_epoch,
        )  # fmt: skip
    except FloatingPointError as error:  # the same on all processes
        what = str(error).partition(": ")[0]
        if rank == 0:
            print(
                f"{what}: the learning rate {lr:g} is too large for this network. Try a smaller "
                "--lr. Nothing was saved.",
                file=sys.stderr,
            )
        return 1
    if rank == 0:
        test_loss, test_accuracy = evaluate(layers, test, loss)
        say(f"test: loss {test_loss:.4f}, accuracy {test_accuracy:.2%}")
        if arguments.save:
            say(f"saved to {save(layers, arguments.save)}")
    return 0
