"""The package as a whole: tensors alone, public names, what an import costs, documentation."""

from __future__ import annotations

import ast
import doctest
import importlib
import inspect
import json
import subprocess
import sys
from pathlib import Path

import pytest

import scratchmnist

SRC = Path(scratchmnist.__file__).parents[1]
FILES = sorted(SRC.rglob("*.py"))
MODULES = [file.stem for file in FILES if file.parent.name == "scratchmnist"]

# --- tensors alone --------------------------------------------------------------------------------

# What this package writes itself, or does without, may not come from torch under any spelling:
# as an attribute (torch.relu, x.softmax, F.mse_loss) or as an import.
FORBIDDEN = {
    *("nn", "optim", "autograd", "func", "functional", "special", "_C", "ops", "jit"),
    *("backward", "grad", "requires_grad", "requires_grad_", "no_grad", "enable_grad", "detach"),
    *("linear", "addmm", "baddbmm", "relu", "relu_", "leaky_relu", "threshold", "sigmoid"),
    *("softmax", "log_softmax", "logsumexp", "logaddexp", "softmin", "_softmax", "_log_softmax"),
    *("cross_entropy", "cross_entropy_loss", "nll_loss", "mse_loss", "kl_div", "one_hot"),
}


def plain(node: ast.ClassDef) -> bool:
    """No base; or one without which there is no record and no error to raise."""
    bases = [base.id if isinstance(base, ast.Name) else "" for base in node.bases]
    return not node.keywords and set(bases) <= {"NamedTuple", "AssertionError", "BaseException"}


def offences(source: str) -> list[str]:
    """What the syntax tree of a file holds that may not be there, with line numbers."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Attribute) and node.attr in FORBIDDEN:
            if node.attr == "requires_grad" and isinstance(node.ctx, ast.Load):
                continue  # to look whether somebody wants a graph, and make none
            found.append(f"line {node.lineno}: .{node.attr}")
        elif isinstance(node, ast.Import | ast.ImportFrom):
            module = getattr(node, "module", None) or ""
            for name in (alias.name for alias in node.names):
                parts = [*module.split("."), *name.split(".")]
                if name == "*" or ("torch" in parts[:2] and FORBIDDEN & set(parts)):
                    found.append(f"line {node.lineno}: import {name} {module}")
        elif isinstance(node, ast.ClassDef) and not plain(node):
            found.append(f"line {node.lineno}: class {node.name} with a base")
        elif isinstance(node, ast.Call) and getattr(node.func, "id", "") in ("getattr", "eval"):
            found.append(f"line {node.lineno}: {node.func.id}, which could hide any of these")
        elif isinstance(node, ast.keyword) and node.arg == "requires_grad":
            found.append(f"line {node.value.lineno}: requires_grad=")
    return found


@pytest.mark.parametrize("file", FILES, ids=[file.stem for file in FILES])
def test_tensors_alone(file):
    assert offences(file.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize(
    "line",
    [
        "import torch.nn as layers",
        "import torch.nn.functional",
        "from torch import nn",
        "from torch import softmax as s",
        "from torch.optim import SGD",
        "from torch.nn.functional import linear",
        "from torch.autograd import grad",
        "from scratchmnist.losses import *",
        "from math import *",
        "y = torch.relu(x)",
        "y = x.relu()",
        "y = x.clamp(min=0).log_softmax(-1)",
        "y = torch.special.log_softmax(x, -1)",
        "f = torch.logsumexp",
        "torch.ops.aten.relu(x)",
        "w = torch.zeros(3, requires_grad=True)",
        "w.requires_grad_()",
        "w.requires_grad = True",
        "loss.backward()",
        "g = w.grad",
        "f = getattr(torch, 'rel' + 'u')",
        "class Network(Base): pass",
        "class Network(metaclass=Meta): pass",
    ],
)
def test_the_walk_finds(line):
    """Without this the walk could be blind and pass."""
    assert offences(f"import torch\nif True:\n    {line}\n")


def test_the_walk_allows_our_own():
    ours = """
    import torch
    from scratchmnist.losses import cross_entropy, softmax
    out, backward = relu(x)
    loss, d_loss = cross_entropy(softmax(out), y)
    backward(d_loss())
    x.exp().sum(-1).log().mT @ torch.zeros(3).clamp(min=0).amax(-1)
    """
    assert offences(inspect.cleandoc(ours)) == []


# --- public names ---------------------------------------------------------------------------------

PUBLISHED = [
    *("Digits", "load_mnist", "homework_dataloaders", "minibatches", "one_hot"),
    *("linear", "relu", "mse", "softmax", "log_sum_exp", "cross_entropy"),
    *("Layer", "init_layers", "forward", "sgd_step", "encode", "fit", "History"),
    *("accuracy", "confusion_matrix", "nearest_digit", "predicted_digits"),
    *("numerical_gradient", "check_gradients", "record", "show", "table"),
]


def test_public_names():
    names = scratchmnist.__all__
    assert names == sorted(set(names))
    assert set(PUBLISHED) <= set(names)
    here = {name for name, thing in vars(scratchmnist).items() if not inspect.ismodule(thing)}
    assert {name for name in here if not name.startswith("_")} == set(names)  # nothing is missing


@pytest.mark.parametrize("name", PUBLISHED)
def test_a_name_is_what_its_module_defines(name):
    thing = getattr(scratchmnist, name)
    home = importlib.import_module(thing.__module__)
    assert getattr(home, name) is thing
    assert home.__name__.startswith("scratchmnist.")


@pytest.mark.parametrize("name", scratchmnist.__all__)
def test_documented_with_an_example(name):
    thing = getattr(scratchmnist, name)
    text = inspect.getdoc(thing)
    assert text, f"{name} has no docstring"
    assert len(text.splitlines()[0]) <= 100
    if inspect.isfunction(thing):
        assert doctest.DocTestParser().get_examples(text), f"{name} has no example (>>> ...)"


@pytest.mark.parametrize("module", MODULES)
def test_modules_say_what_they_are_for(module):
    path = "scratchmnist" if module == "__init__" else f"scratchmnist.{module}"
    assert inspect.getdoc(importlib.import_module(path))


# --- what an import costs -------------------------------------------------------------------------


def loaded_after(code: str) -> set[str]:
    """The top-level modules of a fresh interpreter after it has run the code."""
    program = f"{code}\nimport sys, json\nprint(json.dumps([m.split('.')[0] for m in sys.modules]))"
    run = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        check=True,
        env={"PYTHONPATH": str(SRC), "PATH": ""},
    )
    return set(json.loads(run.stdout.splitlines()[-1]))


def test_import_costs_no_more_than_torch():
    heavy = {"fastai", "fastcore", "torchvision", "matplotlib", "pandas", "sklearn", "scipy"}
    heavy |= {"PIL", "IPython", "ipykernel", "sphinx"}
    loaded = loaded_after(
        "import scratchmnist; scratchmnist.load_mnist(); scratchmnist.record('x', 1)"
    )
    assert {"scratchmnist", "torch"} <= loaded
    assert loaded & heavy == set()
