"""The workbook: blank where it should be, solved to the book's numbers, and no answer gets out."""

import contextlib
import io
import json
import re

import nbformat
import pytest
from conftest import ROOT
from scratchmnist_book import workbook

from scratchmnist import check
from scratchmnist.check.exercises import BY_OTHER_MEANS, EXERCISES

NAMES = {kind: [] for kind in ("blank", "check")}
for source_cell in workbook.read_source().cells:
    for kind in NAMES:
        if kind in source_cell.metadata:
            NAMES[kind].append(source_cell.metadata[kind])
# Blanks without a check of their own: the reader's experiments.
EXPERIMENTS = [name for name in NAMES["blank"] if name not in NAMES["check"]]


def code_cells(notebook):
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def run(notebook, names=None, leave_out=()):
    """Run the code cells one by one. Returns (the names, {id of a cell: its error}, the prints)."""
    names, errors, said = {} if names is None else names, {}, io.StringIO()
    for cell in code_cells(notebook):
        if cell.id not in leave_out:
            try:
                with contextlib.redirect_stdout(said):
                    exec(compile(cell.source, cell.id, "exec"), names)
            except Exception as error:
                errors[cell.id] = error
    return names, errors, said.getvalue()


def as_id(kind, name):
    return f"{kind}-{name}".replace("_", "-")


@pytest.fixture(scope="module")
def solved():
    return run(workbook.solved_notebook())


# --- blanks ---------------------------------------------------------------------------------------


def test_the_blank_one_fails_at_each_blank_and_nowhere_else():
    _, errors, _ = run(workbook.student_notebook())
    expected = {as_id("check", name) for name in NAMES["check"]}
    assert set(errors) == expected | {as_id("blank", name) for name in EXPERIMENTS}
    for place, error in errors.items():
        name = place.partition("-")[2].replace("-", "_")
        assert f"{name} is a blank: write your code here" in str(error), place


def test_every_exercise_has_its_blank_and_its_check():
    assert set(EXERCISES) - {"training"} <= set(NAMES["check"]) <= set(NAMES["blank"])
    assert len(set(NAMES["blank"])) == len(NAMES["blank"])
    assert [name for name in NAMES["check"] if name.startswith("train_")] == [
        "train_regression",
        "train_one_layer",
        "train_two_layers",
    ]


def test_every_function_has_a_hint_and_steps_are_five():
    text = "\n".join(c.source for c in workbook.student_notebook().cells)
    assert text.count("<details>") == text.count("</details>") == len(NAMES["check"])
    assert re.findall(r"^## Step (\d)", text, re.M) == list("12345")
    assert ":::" not in text
    assert ".md)" not in text, "a link that leads nowhere outside the book"


# --- solved ---------------------------------------------------------------------------------------

# what stands before a printed number, the page and the result that it is compared with, the factor
# from the recorded to the printed number, and by how much they may differ: another start
PRINTED = [
    (r"held out: loss (\d\.\d\d), ", "digit-as-a-number", "num-program-valid", 1, 0.5),
    (r"loss \d\.\d\d, accuracy ([\d.]+)%", "digit-as-a-number", "num-program-accuracy", 100, 3),
    (r"held out: accuracy ([\d.]+)%", "one-layer-classifier", "one-accuracy", 100, 1.5),
    (r"held out: loss (\d\.\d\d\d)", "backpropagation", "hid-two-valid-loss", 1, 0.04),
    (r"loss \d\.\d\d\d, accuracy ([\d.]+)%", "backpropagation", "hid-two-accuracy", 100, 1.5),
    (r"number: ([\d.]+)% of the test", "two-models-compared", "cmp-one-number", 100, 3),
    (r"one layer, ten classes: ([\d.]+)%", "two-models-compared", "cmp-one-classes", 100, 1.5),
    (r"two layers, ten classes: ([\d.]+)%", "two-models-compared", "cmp-two-classes", 100, 1.5),
]


def test_the_solved_one_runs_to_the_books_numbers(solved):
    _, errors, said = solved
    assert errors == {}
    for pattern, page, result, factor, allowed in PRINTED:
        (number,) = re.findall(pattern, said)
        kept = json.loads((ROOT / "tests" / "expected" / f"{page}.json").read_text("utf-8"))
        assert abs(float(number) - factor * kept[result]["value"]) <= allowed, (pattern, number)
    assert said.count(": right") == len(NAMES["check"])


def test_it_works_with_the_assignments_dataloaders(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    notebook = workbook.solved_notebook()
    first = code_cells(notebook)[0]
    assert first.source.count("OWN_DATALOADERS = False") == 1
    first.source = first.source.replace("OWN_DATALOADERS = False", "OWN_DATALOADERS = True")
    late = {as_id("blank", name) for name in EXPERIMENTS if name != "one_layer_accuracy"}
    checks = {as_id("check", name) for name in NAMES["check"]}
    names, errors, said = run(notebook, leave_out=late | checks)
    assert errors == {}
    assert "5000 training images, 5000 validation images" in said
    assert [len(names[part].labels) for part in ("train", "valid", "test")] == [4000, 1000, 5000]
    assert type(names["train"].images).__name__ == "Tensor"
    assert 0.87 < names["one_layer_accuracy"] < 0.92


# --- wrong ----------------------------------------------------------------------------------------

MISTAKES = [
    pytest.param(exercise.name, bug.name, form, id=f"{exercise.name}-{bug.name}-{k}")
    for exercise in EXERCISES.values()
    if exercise.name not in BY_OTHER_MEANS
    for bug in exercise.bugs
    for k, form in enumerate(bug.forms)
]
CHECKS = {c.id: c.source for c in code_cells(workbook.student_notebook())}


@pytest.mark.parametrize(("exercise", "bug", "form"), MISTAKES)
def test_a_mistake_in_a_blank_is_named_by_the_cell_below(exercise, bug, form):
    with pytest.raises(check.Wrong) as caught:
        exec(CHECKS[as_id("check", exercise)], {"check": check, exercise: form})
    assert caught.value.bug == bug


@pytest.mark.parametrize(
    ("exercise", "wrong", "message"),
    [
        ("paired_difference", "lambda a, b: ((a - b).mean().item(), 0)", "is 3.333, not -3.333"),
        (
            "paired_difference",
            "lambda a, b: ((b - a).mean(), ((a.var() + b.var()) / 3) ** 0.5)",
            "0.8819, not 1.972",
        ),
        ("paired_difference", "lambda a, b: ((b - a).mean(), (b - a).std())", "not 1.528"),
        ("best_of", "lambda settings, judge: min(settings, key=judge)", "largest at 0.1"),
        ("best_of", "lambda settings, judge: max(judge(s) for s in settings)", "gives 0.9"),
        ("best_of", "lambda settings, judge: settings[len(settings) // 2]", r"judge\(1\) = -1"),
    ],
)
def test_mistakes_of_the_last_steps_are_told(exercise, wrong, message):
    import math

    import torch

    names = {"math": math, "torch": torch}
    names[exercise] = eval(wrong, names)
    with pytest.raises(AssertionError, match=message):
        exec(CHECKS[as_id("check", exercise)], names)


NUMBER, ONE, TWO = "train_regression", "train_one_layer", "train_two_layers"
BATCHES = "minibatches(images, labels, 16, seed=1000 * seed + epoch)"
SCORES = "linear(x, weights, bias)"
# The bug, the blank it is planted in, and what is written there in place of what.
IN_LOOPS = [
    ("no_predict", ONE, {"return lambda images: linear(images, weights, bias)": "return weights"}),
    ("not_finite", NUMBER, {"lr=0.01": "lr=0.5"}),
    ("upside_down", ONE, {"d_weights, lr)": "d_weights, -lr)"}),
    ("shifted", ONE, {"one_hot(y, 10)": "one_hot((y + 1) % 10, 10)"}),
    ("not_shuffled", ONE, {BATCHES: "zip(images.split(16), labels.split(16))"}),
    ("no_effect", ONE, {"weights, bias = sgd_step(": "sgd_step("}),
    ("too_small_steps", ONE, {"lr=0.1": "lr=0.001"}),
    ("too_large_steps", TWO, {"lr=0.1": "lr=1.5"}),
    (
        "scaled_twice",
        ONE,
        {
            "minibatches(images,": "minibatches(images / 255,",
            "linear(images,": "linear(images / 255,",
        },
    ),
    (
        "all_alike",
        NUMBER,
        {"mse_gradient(y_pred, y[:, None].float())": "2 * (y_pred - y).mean(1, True) / len(y)"},
    ),
    (
        "one_answer",
        TWO,
        {
            "torch.randn(inputs, hidden, generator=generator)": "torch.zeros(inputs, hidden)",
            "torch.randn(hidden, 10, generator=generator)": "torch.zeros(hidden, 10)",
        },
    ),
    (
        "relu_at_the_end",
        ONE,
        {
            "lr=0.1": "lr=0.3",
            f"cross_entropy_gradient({SCORES}, one_hot(y, 10))": (
                f"cross_entropy_gradient(relu({SCORES}), one_hot(y, 10)) * ({SCORES} > 0)"
            ),
            "lambda images: linear(images, weights, bias)": (
                "lambda images: relu(linear(images, weights, bias))"
            ),
        },
    ),
    (
        "at_chance",
        ONE,
        {"minibatches(images, labels,": "minibatches(images, labels[torch.randperm(len(labels))],"},
    ),
    ("too_little", ONE, {"minibatches(images, labels,": "minibatches(images[::20], labels[::20],"}),
]


def test_every_bug_of_a_loop_is_planted():
    assert {bug for bug, _, _ in IN_LOOPS} == {bug.name for bug in EXERCISES["training"].bugs}


@pytest.mark.parametrize(
    ("bug", "blank", "changes"), [pytest.param(*one, id=one[0]) for one in IN_LOOPS]
)
def test_a_loop_that_does_not_learn_is_told_in_the_notebook(solved, bug, blank, changes):
    """With few epochs, which are enough for the right ones as well."""
    sources = {cell.id: cell.source for cell in code_cells(workbook.solved_notebook())}
    source = sources[as_id("blank", blank)].replace("epochs=8", "epochs=4")
    names = dict(solved[0])
    exec(source, names)
    exec(CHECKS[as_id("check", blank)], names)
    for right, wrong in changes.items():
        assert source.count(right) == 1, right
        source = source.replace(right, wrong)
    exec(source, names)
    with pytest.raises(check.Wrong) as caught:
        exec(CHECKS[as_id("check", blank)], names)
    assert caught.value.bug == bug


# --- leaks ----------------------------------------------------------------------------------------


def answers():
    """Every line between the marks, without what a blank or a check has as well."""
    text = workbook.SOURCE.read_text(encoding="utf-8")
    blank = {line.strip() for line in workbook.SOLUTION.sub("", text).splitlines()}
    lines = [
        ln.strip() for found in workbook.SOLUTION.finditer(text) for ln in found[2].split("\n")
    ]
    return sorted({line for line in lines if len(line) > 8} - blank)


def leaks(text):
    return [line for line in [*answers(), "BEGIN SOLUTION", "END SOLUTION"] if line in text]


def test_no_answer_is_in_the_students_notebook():
    notebook = workbook.student_notebook()
    everything = "\n".join(json.dumps(c.metadata) + c.source for c in notebook.cells)
    assert len(answers()) > 50
    assert leaks(everything) == []
    assert leaks(json.dumps(notebook, ensure_ascii=False)) == []
    assert all(cell.metadata == {} for cell in notebook.cells)
    assert all(cell.outputs == [] for cell in code_cells(notebook))


def test_the_chapters_code_fits_the_page():
    code = "\n".join(re.findall(r"^```python\n(.*?)^```", workbook.chapter(), re.M | re.S))
    assert [line for line in code.splitlines() if len(line) > 92] == []


def test_no_answer_is_in_the_chapter():
    assert leaks(workbook.chapter()) == []
    assert leaks((ROOT / "book" / "workbook.md").read_text("utf-8")) == []


def test_a_leak_is_found():
    for notebook in (
        workbook.solved_notebook(),
        workbook.make_notebook(lambda source, name: source),
    ):
        assert len(leaks("\n".join(cell.source for cell in notebook.cells))) > 50


def test_no_answer_is_in_the_published_pages(built_book):
    """Nor is the source, nor the solved notebook; the student's one is where the page links to."""
    html = built_book / "html"
    page = (html / "book" / "workbook.html").read_text("utf-8")
    target = html / workbook.PUBLISHED
    assert f'href="../{workbook.PUBLISHED.as_posix()}"' in page
    assert nbformat.read(target, as_version=4) == workbook.student_notebook()
    # as text, without the colours of the code
    text = re.sub(r"<[^>]+>", "", page)
    assert "two_layer_gradients is a blank" in text.replace("&quot;", '"')
    assert leaks(text) == []
    assert leaks((html / "_sources" / "book" / "workbook.md").read_text("utf-8")) == []
    assert not [path for path in html.rglob("*") if path.name.startswith(("source.", "solved"))]
    published = [path for path in html.rglob("*") if path.suffix in (".md", ".ipynb", ".py")]
    for path in published:
        assert not re.search(r"### BEGIN SOLUTION(\n|\\n)", path.read_text("utf-8")), path


# --- the source -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "cell",
    [
        ":blank: f\ndef f():\n    return 7",
        "def f():\n    ### BEGIN SOLUTION\n    return 7\n    ### END SOLUTION",
        ":blank: f\ndef f():\n    ### BEGIN SOLUTION\n    return 7",
    ],
)
def test_a_cell_whose_answer_would_leak_is_refused(cell):
    with pytest.raises(ValueError, match="both a name"):
        workbook.read_source(f"# T\n\n```{{code-cell}} python3\n{cell}\n```\n")
