"""The checks of a reader's own code: right ones pass, and each planted mistake is named."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
import torch
from readers import MISTAKES, NOT_TRAINED, RIGHT, TRAINED, trained

from scratchmnist import check, load_mnist, mse
from scratchmnist.__main__ import main
from scratchmnist.check import command, judge, learning
from scratchmnist.check.calling import HINTS, hint_for, time_limit
from scratchmnist.check.exercises import BY_OTHER_MEANS, EXERCISES, examine
from scratchmnist.check.kinds import PAGES

BOOK = Path(__file__).resolve().parents[1] / "book"
TABLED = [exercise for name, exercise in EXERCISES.items() if name not in BY_OTHER_MEANS]
FORMS = [
    pytest.param(exercise.name, bug.name, form, id=f"{exercise.name}-{bug.name}-{k}")
    for exercise in TABLED
    for bug in exercise.bugs
    for k, form in enumerate(bug.forms)
]
ALARM = pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="Windows has no alarm")


# --- no two mistakes are taken for one another ----------------------------------------------------


@pytest.mark.parametrize(("exercise", "bug", "form"), FORMS)
def test_a_wrong_variant_gets_its_own_name(exercise, bug, form):
    """So no two of them give the same numbers on the points used, nor what is right."""
    with pytest.raises(check.Wrong) as caught:
        examine(exercise, form)
    assert caught.value.bug == bug
    assert caught.value.exercise == exercise


@pytest.mark.parametrize("exercise", TABLED, ids=lambda exercise: exercise.name)
def test_the_reference_is_right_in_less_than_a_second(exercise):
    started = time.perf_counter()
    assert examine(exercise.name, exercise.reference).startswith(f"{exercise.name}: right")
    assert time.perf_counter() - started < 1


# --- the places in the book -----------------------------------------------------------------------


def sections():
    found = {bug.section for exercise in EXERCISES.values() for bug in exercise.bugs}
    return sorted(found | {hint.section for hint in HINTS})


@pytest.mark.parametrize("section", sections())
def test_a_section_is_in_the_book(section):
    page, _, label = section.partition("#")
    text = (BOOK / f"{page}.md").read_text(encoding="utf-8")
    assert not label or re.search(rf"^:label: {label}$|^\$\$ \({label}\)$", text, re.M)


@pytest.mark.parametrize("page", PAGES)
def test_a_page_has_its_title(page):
    text = (BOOK / f"{page}.md").read_text(encoding="utf-8")
    assert re.search(r"^# (.+)$", text, re.M).group(1) == PAGES[page]


# --- the exercises in the book --------------------------------------------------------------------

EXERCISE = re.compile(
    r"^(`{3,})\{exercise\}.*\n:label: (\S+)\n((?s:.*?))^\1\n"
    r"\s*^(`{3,})\{solution(?s:.*?)^\4(?:\{solution-end\})?\n((?s:.*?))(?=^`{3,}\{exercise|\Z)",
    re.M,
)


def unchecked(text):
    """Exercises that ask for a function which has a check, and do not name the check.

    A function is asked for if the exercise writes it with its arguments, or the solution
    defines it.
    """
    missing = []
    for _, label, asked, _, solution in EXERCISE.findall(text):
        for name, exercise in EXERCISES.items():
            called = rf"(?:my_)?{name}\({', '.join(exercise.arguments)}\)"
            wanted = re.search(rf"`{called}`", asked) or re.search(
                rf"^def {called}:", solution, re.M
            )
            if wanted and not re.search(rf"`check\.{name}\((?:f|my_{name})\)`", asked):
                missing.append(f"{label}: {name}")
    return missing


def pages():
    return [path.read_text(encoding="utf-8") for path in sorted(BOOK.glob("*.md"))]


def test_an_exercise_that_has_a_check_says_so():
    assert [found for text in pages() for found in unchecked(text)] == []
    labels = [
        label for text in pages() for label in re.findall(r"\{exercise\}.*\n:label: (.*)", text)
    ]
    assert [found[1] for text in pages() for found in EXERCISE.findall(text)] == labels


def test_an_exercise_that_hides_its_check_is_found():
    (text,) = [text for text in pages() if ":label: ex-soft-blank" in text]
    hidden = text.replace("`check.softmax(f)`", "softmax's check")
    assert unchecked(hidden) == ["ex-soft-blank: softmax"]
    (text,) = [text for text in pages() if ":label: ex-hid-write" in text]
    renamed = text.replace("Write `two_layer_gradients(x, ", "Write `gradients(x, ")
    hidden = renamed.replace("`check.two_layer_gradients(f)`", "its check")
    assert unchecked(hidden) == ["ex-hid-write: two_layer_gradients"]


def test_every_check_is_offered_in_a_chapter_and_no_other():
    chapters = [(BOOK / f"{page}.md").read_text("utf-8") for page in PAGES]
    offered = {name for text in chapters for name in re.findall(r"`check\.(\w+)\(f\)`", text)}
    assert offered == set(EXERCISES)


# --- what readers hand in -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("exercise", "f"), [(name, f) for name, several in RIGHT.items() for f in several]
)
def test_a_right_function_passes(exercise, f, capsys):
    assert vars(check)[exercise](f) is None
    said = capsys.readouterr().out
    assert said.startswith(f"{exercise}: right. Tried: ")
    assert said.count("\n") == 1


def test_each_has_three_right_ones():
    assert set(RIGHT) == set(EXERCISES) - {"training"}
    assert min(map(len, RIGHT.values())) >= 3


@pytest.mark.parametrize(
    ("exercise", "bug", "f"), [pytest.param(*one, id=f"{one[0]}-{one[1]}") for one in MISTAKES]
)
def test_a_planted_mistake_is_named(exercise, bug, f):
    with pytest.raises(check.Wrong) as caught:
        vars(check)[exercise](f)
    wrong = caught.value
    assert (wrong.exercise, wrong.bug) == (exercise, bug)
    assert wrong.cause in str(wrong)
    assert wrong.brief == wrong.cause


def test_many_mistakes_are_planted():
    assert len({(exercise, bug) for exercise, bug, _ in MISTAKES}) >= 40


@pytest.mark.parametrize("exercise", EXERCISES.values(), ids=lambda exercise: exercise.name)
def test_a_cause_is_one_sentence_with_a_place(exercise):
    names = [bug.name for bug in exercise.bugs]
    assert len(set(names)) == len(names)
    for bug in exercise.bugs:
        assert bug.cause.endswith((".", ".)")), bug.name
        assert "\n" not in bug.cause
        assert len(bug.cause) < 250, bug.name
        assert bug.section


def test_two_mistakes_at_once_are_not_given_a_cause():
    """Columns in place of rows, and halved: no known mistake, so only the difference is told."""
    with pytest.raises(check.Wrong) as caught:
        check.softmax(lambda z: torch.softmax(z, 0) / 2 + 0.01)
    wrong = caught.value
    assert (wrong.bug, wrong.cause, wrong.section) == (None, None, None)
    assert "likely cause" not in str(wrong)
    assert re.search(r"difference: off by up to 0\.\d+; 20 of 20 numbers differ", str(wrong))
    assert re.search(r"the first at \[0, 0\]: 0\.\d+ where 0\.\d+ is expected", str(wrong))


def test_a_factor_everywhere_is_told_without_a_cause():
    with pytest.raises(check.Wrong) as caught:
        check.relu_gradient(lambda x, d_out: 3 * d_out * (x > 0))
    assert caught.value.bug is None
    assert "exactly 3 times what is expected, everywhere" in str(caught.value)


def test_the_mistake_nearest_the_loss_is_named_when_there_are_two():
    """d_bias [B, H], and d_weights off by something unknown: d_weights is looked at first."""
    with pytest.raises(check.Wrong) as caught:
        check.linear_gradients(lambda x, w, d: (d @ w.T, x.T @ d + 1, d))
    assert caught.value.bug is None
    with pytest.raises(check.Wrong) as caught:  # known for d_weights, unknown for d_bias
        check.linear_gradients(lambda x, w, d: (d @ w.T, d.T @ x, d.sum(0, True) + 1))
    assert caught.value.bug == "d_weights_transposed"
    assert "another output is wrong too" in str(caught.value)


def test_the_message_shows_what_went_in_and_came_out():
    with pytest.raises(check.Wrong) as caught:
        check.mean_squared_error(lambda y_pred, y_true: ((y_pred - y_true) ** 2).sum())
    lines = str(caught.value).splitlines()
    assert lines[0] == "mean_squared_error: wrong loss for columns of 5 and 7 numbers"
    assert lines[1].startswith("  likely cause: The squares are added up, but not divided")
    assert "digit-as-a-number.html#equation-eq-mse" in lines[2]
    assert lines[3] == "  given y_pred: [5, 1]"
    seen, expected = (
        float(re.search(rf"  {what} loss: \[\] (\S+)", str(caught.value)).group(1))
        for what in ("seen", "expected")
    )
    assert seen == pytest.approx(5 * expected, rel=1e-3)


def test_a_notebook_shows_the_message_alone():
    """IPython asks an exception for `_render_traceback_`."""
    with pytest.raises(check.Wrong) as caught:
        check.relu(abs)
    shown = caught.value._render_traceback_()
    assert "\n".join(shown) == f"Wrong: {caught.value}"


# --- bad input ------------------------------------------------------------------------------------


def forever(logits):
    while True:
        with contextlib.suppress(Exception):
            time.sleep(0.01)


def leaves(logits):
    raise SystemExit(1)


def needs_undefined(logits):
    return logits - undefined_name  # noqa: F821


class WithCall:
    def __call__(self, logits):
        return torch.softmax(logits, 1)


def calls_itself(logits):
    return calls_itself(logits)


BAD = [
    (torch.zeros(5, 4), "not_a_function", "softmax"),
    (lambda logits, axis: logits, "other_arguments", r"missing a required argument: 'axis'"),
    (lambda: 1, "other_arguments", "too many positional arguments"),
    (lambda logits: None, "returned_none", "no `return`"),
    (lambda logits: print("so", "far"), "returned_none", "it printed: so far"),
    (lambda logits: logits.tolist(), "returned_a_list", "torch.tensor"),
    (lambda logits: (logits, logits), "number_of_values", "2 values"),
    (lambda logits: (value for value in logits), "yielded", "a generator"),
    (lambda logits: [row.softmax(0) for row in logits], "returned_a_list", r"torch\.stack"),
    (lambda logits: "text", "returned_something_else", "return the number itself"),
    (lambda logits: logits.exp, "returned_something_else", "tensor of numbers"),
    (WithCall, "not_a_function", r"check\.softmax\(WithCall\(\.\.\.\)\)"),
    (calls_itself, "calls_itself", "calls itself without end"),
    (lambda logits: logits > 0, "returned_booleans", r"\.float\(\)"),
    (lambda logits: logits + 1j, "returned_something_else", "complex64"),
    (lambda logits: logits.exp() / logits.exp().sum(2), "dimension_out_of_range", "fewer axes"),
    (needs_undefined, "unknown_name", "return logits - undefined_name"),
    (leaves, "stop_itself", "SystemExit: 1"),
    (lambda logits: 1 / 0, "division_by_zero", "ZeroDivisionError"),
    (lambda logits: {}["key"], "raised", "KeyError: 'key'"),
]


@pytest.mark.parametrize(("f", "bug", "said"), BAD, ids=[bug for _, bug, _ in BAD])
def test_bad_input_has_its_message(f, bug, said):
    with pytest.raises(check.Wrong, match=said) as caught:
        check.softmax(f)
    assert caught.value.bug == bug
    assert "scratchmnist/check" not in str(caught.value)  # no line of ours in a traceback


def test_a_list_where_one_number_belongs():
    with pytest.raises(check.Wrong, match="share is one number") as caught:
        check.accuracy(lambda out, labels: (out.argmax(1) == labels).tolist())
    assert caught.value.bug == "returned_a_list"


def test_an_object_that_can_be_called_is_a_function(capsys):
    check.softmax(WithCall())
    assert capsys.readouterr().out.startswith("softmax: right")


def test_several_values_in_place_of_three():
    with pytest.raises(check.Wrong, match="returned 2 values") as caught:
        check.linear_gradients(lambda x, weights, d_out: (x, weights))
    assert caught.value.bug == "number_of_values"
    with pytest.raises(check.Wrong, match="d_bias is None"):
        check.linear_gradients(lambda x, weights, d_out: (d_out @ weights.T, x.T @ d_out, None))


@pytest.mark.parametrize(
    ("said", "hint"),
    [
        ("mat1 and mat2 shapes cannot be multiplied (5x3 and 4x3)", "shapes_of_a_product"),
        (
            "unsupported operand type(s) for -: 'TensorImageBW' and 'TensorCategory'",
            "fastai_types",
        ),
        ("mean(): could not infer output dtype. Input dtype must be", "mean_of_integers"),
        ("expected scalar type Double but found Float", "mixed_dtypes"),
        ("expected m1 and m2 to have the same dtype, but got: float != double", "mixed_dtypes"),
    ],
)
def test_the_usual_messages_have_a_hint(said, hint):
    def f(logits):
        raise RuntimeError(said)

    with pytest.raises(check.Wrong, match=re.escape(said)) as caught:
        check.softmax(f)
    assert caught.value.bug == hint
    assert "raise RuntimeError(said)" in str(caught.value)  # the reader's own traceback


def test_fastai_tensors_in_a_difference_give_the_message_that_has_a_hint():
    from fastai.torch_core import TensorImageBW
    from fastai.vision.all import TensorCategory

    with pytest.raises(TypeError) as caught:
        TensorImageBW(torch.ones(2)) - TensorCategory(torch.ones(2))
    assert hint_for(caught.value).name == "fastai_types"


def test_printing_is_allowed_and_mentioned(capsys):
    check.relu(lambda x: print("in relu") or x.clamp(min=0))
    assert capsys.readouterr().out == "relu: right. Tried: numbers from -3 to 3, and 0; " + (
        "it prints 1 line\n"
    )


def test_a_silent_broadcast_is_mentioned_but_not_wrong(capsys):
    check.mean_squared_error(lambda y_pred, y_true: ((y_pred - y_true) ** 2).mean())
    assert "silently compares every prediction with every truth" in capsys.readouterr().out
    check.mean_squared_error(lambda y_pred, y_true: mse(y_pred, y_true)[0])  # refuses the pair
    assert "silently" not in capsys.readouterr().out


@ALARM
def test_a_function_that_never_returns_is_ended(monkeypatch):
    monkeypatch.setattr(judge, "SECONDS", 0.5)
    before = signal.getsignal(signal.SIGALRM)
    with pytest.raises(check.Wrong, match=r"time\.sleep") as caught:
        check.softmax(forever)
    assert caught.value.bug == "never_returns"
    assert signal.getsignal(signal.SIGALRM) is before
    assert signal.getitimer(signal.ITIMER_REAL) == (0, 0)


def test_it_is_ended_in_another_thread_too(monkeypatch):
    """As on Windows, where there is no alarm."""
    monkeypatch.setattr(judge, "SECONDS", 0.5)
    caught = []

    def in_thread():
        try:
            check.softmax(forever)
        except check.Wrong as wrong:
            caught.append(wrong.bug)

    thread = threading.Thread(target=in_thread, daemon=True)
    thread.start()
    thread.join(30)
    assert caught == ["never_returns"]


@ALARM
def test_somebody_elses_alarm_goes_on():
    rung = []
    before = signal.signal(signal.SIGALRM, lambda *_: rung.append(1))
    signal.setitimer(signal.ITIMER_REAL, 0.3)
    try:
        with time_limit(5):
            pass
        time.sleep(0.5)
    finally:
        signal.signal(signal.SIGALRM, before)
    assert rung == [1]


def test_the_global_random_numbers_stay_as_they_were():
    torch.manual_seed(5)
    expected = torch.rand(1)
    torch.manual_seed(5)
    check.training(trained(epochs=2))
    assert torch.equal(torch.rand(1), expected)


def test_a_loop_without_a_seed_is_judged_alike_each_time(capsys):
    for seed in (1, 2):
        torch.manual_seed(seed)
        check.training(trained(epochs=2, mistake="unseeded"))
    first, second = capsys.readouterr().out.splitlines()
    assert first == second


# --- training -------------------------------------------------------------------------------------


@pytest.mark.parametrize(("model", "f"), TRAINED)
def test_a_loop_that_learns(model, f, capsys):
    check.training(f, model)
    check.training(f)
    assert re.fullmatch(
        r"(training: right\. Trained on 1000 images, it recognises \d\d\.\d% of .*\n){2}",
        capsys.readouterr().out,
    )


@pytest.mark.parametrize(("bug", "f"), NOT_TRAINED)
def test_a_loop_that_does_not_learn_is_told_why(bug, f, monkeypatch):
    monkeypatch.setattr(learning, "SECONDS", 120)  # on a busy machine the trials take their time
    started = time.process_time()
    with pytest.raises(check.Wrong) as caught:
        check.training(f)
    assert caught.value.bug == bug
    assert time.process_time() - started < 20


def test_every_symptom_is_planted():
    planted = {bug for bug, _ in NOT_TRAINED} | {"relu_at_the_end", "too_little"}
    assert {bug.name for bug in learning.training.bugs} <= planted


def test_a_relu_after_the_last_layer():
    scores = torch.rand(1000, 10).double() - 0.5
    run = learning.read_run(scores.clamp(min=0), torch.arange(1000) % 10, "")
    assert learning.symptom(run) == "relu_at_the_end"
    assert "is there a ReLU after the last layer?" in learning.praise(run, None)
    one_hot_rows = torch.eye(10)[torch.arange(1000) // 4 % 10]
    vanished = torch.softmax(1000 * scores, 1)  # most of these probabilities are exactly 0
    assert (vanished == 0).double().mean() > 0.05
    for out in (one_hot_rows, vanished):
        run = learning.read_run(out, torch.arange(1000) % 10, "")
        assert learning.symptom(run) != "relu_at_the_end"


def test_a_loop_that_learns_less_than_it_could():
    with pytest.raises(check.Wrong) as caught:
        check.training(trained(1, lr=0.01), "two layers")
    assert "of 1000 other images right, two layers: 78% to 91%" in str(caught.value)


def test_an_unknown_model_is_refused():
    with pytest.raises(ValueError, match="model must be one of"):
        check.training(trained(), "three layers")


def test_no_test_image_is_used():
    """Each image trained on or judged by is one of the training images, and no two are the same."""
    (train, _), parts = load_mnist(), learning.small_part()
    images = torch.cat([part.images for part in parts])
    assert len(images.unique(dim=0)) == 2000
    known = {image.numpy().tobytes() for image in train.images}
    assert all(image.numpy().tobytes() in known for image in images)
    for part in parts:
        assert part.labels.bincount().tolist() == [100] * 10


# --- the command line -----------------------------------------------------------------------------

RIGHT_CELL = """
%matplotlib inline
import torch
def relu(x):
    print("called")
    return x.clamp(min=0)
"""
CELLS = [
    RIGHT_CELL,
    "%%time\nfrom torch import softmax\ndisplay(relu(torch.zeros(2)))",
    "!pip install nothing\nfrom pathlib import Path\nPath('beside.txt').write_text('here')",
    "raise SystemExit",
    "while True: pass",
    "def accuracy(out, labels):\n    return (out.argmax(1) == labels).sum()\nbroken(((",
    "x = undefined_name\ndef one_hot(labels, classes): pass",
    "def accuracy(out, labels):\n    return (out.argmax(1) == labels).sum()",
    # no alarm reaches this one (and Windows has none): its process has to be ended
    "def sgd_step(weights, d_weights, lr):\n    import signal, time\n"
    "    if hasattr(signal, 'pthread_sigmask'):\n"
    "        signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGALRM])\n    time.sleep(1000)",
]


def notebook(folder: Path, cells: list[str]) -> Path:
    nbformat = pytest.importorskip("nbformat")
    book = nbformat.v4.new_notebook()
    book.cells = [nbformat.v4.new_markdown_cell("# Mine")]
    book.cells += [nbformat.v4.new_code_cell(cell) for cell in cells]
    path = folder / "mine.ipynb"
    nbformat.write(book, path)
    return path


def run_check(*arguments, env=None) -> subprocess.CompletedProcess:
    return subprocess.run(
        [sys.executable, "-m", "scratchmnist", "check", *map(str, arguments)],
        env=os.environ | (env or {}),
        capture_output=True,
        encoding="utf-8",
        timeout=300,
    )


def test_a_notebook_with_everything_in_it(tmp_path):
    done = run_check(notebook(tmp_path, CELLS), "--seconds", "100", env={"COLUMNS": "100"})
    rows = {line[6:29].strip(): line for line in done.stdout.splitlines() if line[0] != " "}
    assert done.stderr == ""
    assert done.returncode == 1
    assert done.stdout.startswith("mine.ipynb: at most 100 seconds in all, 20 for a cell\n")
    assert rows["relu"].startswith("ok ")
    assert rows["accuracy"].startswith("WRONG ")
    assert "This is the number of right answers" in rows["accuracy"]
    assert rows["sgd_step"].startswith("WRONG ")
    assert "it hangs" in rows["sgd_step"]
    assert rows["softmax"].startswith("- ")
    assert "imported from torch" in rows["softmax"]
    assert rows["one_hot"].startswith("- ")
    assert "not there" in rows["one_hot"]
    assert "SystemExit" in rows["cell 4"]
    assert "ended after 20 seconds" in rows["cell 5"]
    assert "SyntaxError" in rows["cell 6"]
    assert "NameError: name 'undefined_name'" in rows["cell 7"]
    assert "cell 1" not in rows
    assert "cell 2" not in rows
    assert "1 right, 2 wrong, 13 not there" in done.stdout
    assert "called" not in done.stdout
    assert (tmp_path / "beside.txt").is_file()  # its folder is the working folder


@pytest.mark.parametrize(("columns", "widest"), [("10", 49), ("60", 60), ("300", 100)])
def test_its_lines_are_as_wide_as_the_terminal(columns, widest, monkeypatch):
    monkeypatch.setenv("COLUMNS", columns)
    lines = command.wrapped("WRONG softmax".ljust(29) + "word " * 99, indent=29).splitlines()
    assert widest - 5 < max(map(len, lines)) <= widest
    assert all(line.startswith(" " * 29 + "word") for line in lines[1:])


def test_without_alarms_and_groups_of_processes(tmp_path, monkeypatch):
    """As on Windows: what Windows lacks is taken away, from the reader's process too."""
    lacks = "import os, signal\ndel signal.setitimer, signal.SIGALRM, os.killpg\n"
    (tmp_path / "sitecustomize.py").write_text(lacks)
    search = os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")])
    monkeypatch.setenv("PYTHONPATH", search)
    monkeypatch.delattr(os, "killpg", raising=False)
    monkeypatch.setattr(command, "CELLS", 100)
    monkeypatch.setattr(command, "GRACE", 1)
    cells = [
        "import signal\nassert not hasattr(signal, 'setitimer')",
        "while True: pass",
        "import time\ntime.sleep(1000)",  # one call into C: its process has to be ended
        "def relu(x): return x.clamp(min=0)",
    ]
    told = list(command.reports(notebook(tmp_path, cells), 100))
    notes = [(one["name"], one["text"]) for one in told if one["mark"] == "note"]
    assert notes == [("cell 2", "left out: ended after 1 seconds"), ("cell 3", "ended: it hangs")]
    assert [one["name"] for one in told if one["mark"] == "right"] == ["relu"]


def test_without_alarms_a_function_is_ended_in_the_main_thread(monkeypatch):
    monkeypatch.delattr(signal, "setitimer", raising=False)
    monkeypatch.setattr(judge, "SECONDS", 0.5)
    with pytest.raises(check.Wrong) as caught:
        check.softmax(forever)
    assert caught.value.bug == "never_returns"


LOOP = """
import torch
def {name}(images, labels, epochs=3):
    W, y = torch.zeros(784, 10), torch.eye(10)[labels]
    for _ in range(epochs):
        for k in torch.randperm(1000, generator=torch.Generator().manual_seed(1)).split(10):
            W -= 0.1 * images[k].T @ (torch.softmax(images[k] @ W, 1) - y[k]) / len(k)
    return lambda images: images @ W
"""


def test_a_workbook_half_done(tmp_path):
    """Blanks are told as blanks, loops are found, and the notebook's own checks are no news."""
    blank = "raise NotImplementedError('{0} is a blank: write your code here')"
    cells = [
        "import torch\nfrom scratchmnist import check",
        "def relu(x):\n    return x.clamp(min=0)",
        "check.relu(relu)\nkept = True",
        f"def softmax(logits):\n    {blank.format('softmax')}",
        "check.softmax(softmax)",
        f"def best_of(settings):\n    {blank.format('best_of')}",
        "best_of([1])",
        f"{blank.format('best_lr')}",
        "def accuracy(out, labels):\n    return (out.argmax(1) == labels).float().mean() * kept",
        "check.accuracy(accuracy)",
        LOOP.format(name="train_one_layer"),
        LOOP.format(name="train_my_net"),
        f"def train_two_layers(images, labels):\n    {blank.format('train_two_layers')}",
        "train = torch.zeros(3)\ndef train_step(x, y): pass\ntrained = train_one_layer",
        "raise ValueError('η is too large')",
    ]
    few_letters = {"PYTHONIOENCODING": "ascii"}  # as in a terminal on Windows
    done = run_check(notebook(tmp_path, cells), "--seconds", "200", env=few_letters)
    rows = {line[6:29].strip(): line for line in done.stdout.splitlines() if line[0] != " "}
    signs = {name: row[:6].strip() for name, row in rows.items()}
    loops = {name: sign for name, sign in signs.items() if name.startswith("train")}
    assert loops == {"train_one_layer": "ok", "train_my_net": "ok", "train_two_layers": "-"}
    assert "expected of one layer: 75%" in " ".join(done.stdout.split())
    assert (signs["relu"], signs["accuracy"], signs["softmax"]) == ("ok", "ok", "-")
    assert re.search(r"^-     softmax +still a blank$", done.stdout, re.M)
    assert re.search(r"^note  blank too +best_of, best_lr$", done.stdout, re.M)
    left_out = re.findall("left out: (.*)", done.stdout)
    assert left_out == [r"ValueError: \u03b7 is too large (line 1)"]
    assert "4 right, 0 wrong, 2 blank, 12 not there" in done.stdout
    assert done.returncode == 1, done.stderr  # a blank is not done


def test_a_program_in_which_all_is_right(tmp_path):
    program = tmp_path / "mine.py"
    program.write_text(
        "from __future__ import annotations\nimport torch\nbroken()\n"
        "def relu(x: Undefined):\n    return x.clamp(min=0)\n"
        "if __name__ == '__main__':\n    relu = None\n"
    )
    done = run_check(program, "--seconds", "100")
    assert done.returncode == 0, done.stdout
    assert "line 3" in done.stdout
    assert "1 right, 0 wrong, 15 not there" in done.stdout


def test_the_whole_ends_at_the_limit(tmp_path):
    program = tmp_path / "mine.py"
    program.write_text("import time\nwhile True:\n    try: time.sleep(100)\n    except: pass\n")
    started = time.monotonic()
    done = run_check(program, "--seconds", "5")
    assert done.returncode == 1
    assert time.monotonic() - started < 120  # starting Python and torch on a busy machine
    assert "0 right" in done.stdout


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("mine.txt", "", "expected a notebook"),
        ("gone.py", None, "there is no file"),
        ("mine.ipynb", "{", "is no notebook"),
        ("mine.ipynb", '{"cells": 3}', "is no notebook"),
    ],
)
def test_a_file_that_cannot_be_read(tmp_path, capsys, name, text, said):
    if text is not None:
        (tmp_path / name).write_text(text)
    assert main(["check", str(tmp_path / name)]) == 2
    assert said in capsys.readouterr().err


def test_the_names_are_documented(capsys):
    with pytest.raises(SystemExit):
        main(["check", "--help"])
    said = capsys.readouterr().out
    for exercise in EXERCISES.values():
        assert f"  {exercise.name}({', '.join(exercise.arguments)})\n" in said
