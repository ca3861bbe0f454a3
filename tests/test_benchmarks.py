"""The competitors of the benchmark do the same work: they reach the same loss. No timing here."""

import pytest
import torch

from benchmarks import peers
from scratchmnist import Digits, load_mnist

OPTIONAL = {"JAX": "jax", "scikit-learn": "sklearn"}
SIZES = {"one layer": (784, 10), "two layers": (784, 30, 10)}


@pytest.fixture(scope="module")
def digits():
    train, _ = load_mnist()
    return Digits(*(tensor[:320] for tensor in train))


def need(name):
    for start, module in OPTIONAL.items():
        if name.startswith(start):
            pytest.importorskip(module, reason=f"pip install -e '.[bench]' brings {module}")


@pytest.mark.parametrize("sizes", SIZES.values(), ids=SIZES)
@pytest.mark.parametrize("name", list(peers.STEP_PEERS)[1:])
def test_steps_agree(digits, sizes, name):
    need(name)
    problem = peers.Problem(digits, sizes, batch_size=16)
    pair = {peer: peers.STEP_PEERS[peer](problem) for peer in ("scratchmnist", name)}
    peers.check_agreement(peers.final_losses(pair, problem, steps=20))


@pytest.mark.parametrize("name", list(peers.EPOCH_PEERS)[1:])
def test_epochs_agree(digits, name):
    need(name)
    problem = peers.Problem(digits, (784, 30, 10), batch_size=48)  # the last batch is short
    losses = {}
    for peer in ("scratchmnist", name):
        epoch, layers = peers.EPOCH_PEERS[peer](problem)
        epoch(3)
        losses[peer] = peers.evaluate(layers(), digits)[0]
    peers.check_agreement(losses)


@pytest.mark.parametrize("name", list(peers.REPLICA_PEERS)[1:])
def test_replicas_agree(digits, name):
    need(name)
    problem = peers.Problem(digits, (784, 30, 10), batch_size=16)
    pair = {peer: peers.REPLICA_PEERS[peer](problem, 3) for peer in ("scratchmnist", name)}
    losses = peers.final_losses(pair, problem, steps=20)
    assert losses["scratchmnist"].shape == (3,)
    peers.check_agreement(losses)


def test_another_loss_is_noticed():
    with pytest.raises(AssertionError, match="b and a reach different losses"):
        peers.check_agreement({"a": torch.tensor(1.0), "b": torch.tensor(1.001)})
