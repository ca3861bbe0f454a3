"""The recorded runs of "Two models, compared": their file is whole, and some are trained again."""

import importlib.util
import json

import pytest
import torch
from conftest import ROOT

STORED = json.loads((ROOT / "book" / "data" / "runs.json").read_text("utf-8"))


@pytest.fixture(scope="module")
def script():
    """scripts/many_runs.py, as a module."""
    spec = importlib.util.spec_from_file_location("many_runs", ROOT / "scripts/many_runs.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_no_seed_serves_twice(script):
    seeds = [seed + last for block in script.BLOCKS for seed in block for last in (0, 10)]
    assert len(seeds) == len(set(seeds)) == 400
    assert [*script.BLOCKS[0]] == [*range(10)]  # the chapter's own ten


def test_the_file_has_every_run_of_both_networks(script):
    assert STORED.keys() == script.MODELS.keys()
    for right in STORED.values():
        assert len(right) == 200
        assert all(isinstance(count, int) and 4400 < count < 4750 for count in right)
        assert len(set(right)) > 20  # no run was stored again and again


def test_the_rates_are_those_that_the_chapter_chose(script):
    recorded = json.loads((ROOT / "tests/expected/two-models-compared.json").read_text("utf-8"))
    for model, (_, rate) in script.MODELS.items():
        assert rate == recorded[f"cmp-{model.split()[0]}-classes-lr"]["value"]


@pytest.mark.parametrize("model", STORED)
@pytest.mark.parametrize("place", [3, 127])
def test_a_run_can_be_trained_again(script, model, place):
    """On another machine a run may round otherwise and end a little elsewhere."""
    seed = script.BLOCKS[place // 10][place % 10]
    (again,) = script.count_right(model, [seed])
    scatter = torch.tensor(STORED[model]).double().std()
    assert abs(again - STORED[model][place]) <= 2 * scatter
