"""Every number the book records is compared with tests/expected/PAGE.json.

`make expected` (or `python tests/test_results.py` after a build) writes those files anew: do it
when the numbers were meant to change, and read the diff.
"""

import copy
import json
import math
import re
from pathlib import Path

import pytest
from bs4 import BeautifulSoup

from scratchmnist.pages import results

EXPECTED = Path(__file__).with_name("expected")  # one file a page
BUILT = Path(__file__).parents[1] / "_build" / "results.json"


def expected_results():
    """What the committed files hold: {page: {name: {"value", "tolerance"}}}."""
    return {
        f"book/{file.stem}": json.loads(file.read_text("utf-8"))
        for file in sorted(EXPECTED.glob("*.json"))
    }


def is_close(expected, seen, tolerance):
    """Within `tolerance` of each other, in their own unit; nan equals nan."""
    expected, seen = float(expected), float(seen)  # "nan" and "inf" are stored as text
    if math.isnan(expected) or math.isnan(seen):
        return math.isnan(expected) and math.isnan(seen)
    return expected == seen or abs(expected - seen) <= tolerance


def says_the_same(expected, seen):
    """The prose shows the same text; other digits only where the value itself is another one."""
    same_value = float(expected["value"]) == float(seen["value"])
    if same_value or "text" not in expected:
        return expected.get("text") == seen.get("text")
    # a power of ten, or digits
    digits = re.compile(r"(?:\d(?:\.\d)?·)?10⁻?[⁰¹²³⁴⁵⁶⁷⁸⁹]+|[+-]?\d+")
    return digits.sub("0", expected["text"]) == digits.sub("0", seen["text"])


def differences(expected, built):
    """What is changed, missing or new in {page: {name: {"value", "text", ...}}}, in words."""
    found = []
    for page in sorted(expected.keys() | built.keys()):
        if page not in built:
            found.append(f"{page}: the page is missing, or records nothing any more")
            continue
        if page not in expected:
            found.append(f"{page}: not in tests/{EXPECTED.name}")
            continue
        old, new = expected[page], built[page]
        for name in sorted(old.keys() | new.keys()):
            if name not in new:
                found.append(f"{page}: {name} is missing")
            elif name not in old:
                found.append(f"{page}: {name} is new")
            elif not math.isclose(old[name]["tolerance"], new[name]["tolerance"], rel_tol=0.15):
                found.append(
                    f"{page}: {name} has tolerance {new[name]['tolerance']:g}, "
                    f"expected {old[name]['tolerance']:g}"
                )
            elif not is_close(old[name]["value"], new[name]["value"], old[name]["tolerance"]):
                found.append(
                    f"{page}: {name} is {new[name]['value']}, expected {old[name]['value']} "
                    f"(tolerance {old[name]['tolerance']:g})"
                )
            elif not says_the_same(old[name], new[name]):
                found.append(
                    f"{page}: {name} is shown as {new[name]['text']!r}, "
                    f"expected {old[name]['text']!r}"
                )
    return found


def as_expected(built):
    """The part of the built results that the committed file keeps."""
    return {
        page: {
            name: {key: result[key] for key in ("value", "text", "tolerance")}
            for name, result in sorted(recorded.items())
        }
        for page, recorded in sorted(built.items())
    }


def test_the_books_numbers_are_the_expected_ones(built_book):
    built = json.loads((built_book / "results.json").read_text("utf-8"))
    found = differences(expected_results(), built)
    assert not found, (
        f"{len(found)} result(s) of the book differ from tests/{EXPECTED.name}/; "
        "if that is meant, run `make expected`:\n" + "\n".join(found)
    )


SAMPLE = {
    "book/one": {
        "loss": {"value": 0.25, "text": "0.250", "tolerance": 1e-6},
        "images": {"value": 5000, "tolerance": 0},
        "diverged": {"value": "nan", "tolerance": 1e-6},
    },
    "book/two": {"accuracy": {"value": 0.91, "tolerance": 1e-3}},
}


def change(value, page="book/one", name="loss", key="value"):
    return lambda built: built[page][name].update({key: value})


def test_another_power_of_ten_says_the_same():
    one, other = {"value": 5.4e23, "text": "5.4·10²³"}, {"value": 2e9, "text": "2·10⁹"}
    assert says_the_same(one, other)
    assert not says_the_same(one, {"value": 2e9, "text": "2e+09"})


@pytest.mark.parametrize(
    ("break_it", "complaint"),
    [
        (change(0.26), "loss is 0.26, expected 0.25"),
        (change("25 %", key="text"), "loss is shown as '25 %', expected '0.250'"),
        (change("nan"), "loss is nan"),
        (change(5001, name="images"), "images is 5001"),
        (change(0.3, name="diverged"), "diverged is 0.3"),
        (change("inf", name="diverged"), "diverged is inf"),
        (change(0.912, "book/two", "accuracy"), "accuracy is 0.912"),
        (change(1.0, key="tolerance"), "loss has tolerance 1, expected 1e-06"),
        (lambda built: built["book/one"].pop("loss"), "loss is missing"),
        (
            lambda built: built["book/one"].update(extra={"value": 1, "tolerance": 0}),
            "extra is new",
        ),
        (lambda built: built.pop("book/two"), "book/two: the page is missing"),
        (lambda built: built.update({"book/three": {}}), "book/three: not in tests/expected"),
    ],
)
def test_a_difference_is_found_and_named(break_it, complaint):
    built = copy.deepcopy(SAMPLE)
    break_it(built)
    found = differences(SAMPLE, built)
    assert len(found) == 1
    assert complaint in found[0]


def test_a_renamed_result_is_one_missing_and_one_new():
    built = copy.deepcopy(SAMPLE)
    built["book/one"]["mean-loss"] = built["book/one"].pop("loss")
    assert differences(SAMPLE, built) == [
        "book/one: loss is missing",
        "book/one: mean-loss is new",
    ]


def test_equal_or_within_tolerance_is_no_difference():
    built = copy.deepcopy(SAMPLE)
    built["book/one"]["loss"]["value"] += 9e-7
    built["book/one"]["loss"]["text"] = "0.251"
    built["book/two"]["accuracy"]["value"] += 9e-4
    assert differences(SAMPLE, built) == []


def test_record_outside_a_notebook_prints_the_result(capsys):
    results.record("softmax-accuracy", 0.9134, "{:.1%}")
    assert capsys.readouterr().out == "softmax-accuracy: 91.3%\n"


@pytest.mark.parametrize("name", ["Loss", "final_loss", "a b", "", "-a", "a--b"])
def test_record_refuses_a_name_that_is_no_slug(name):
    with pytest.raises(ValueError, match="lower-case-with-hyphens"):
        results.record(name, 1.0)


@pytest.mark.parametrize("value", ["0.9", None, [0.9], True])
def test_record_refuses_what_is_not_one_number(value):
    with pytest.raises(TypeError, match="must be one number"):
        results.record("accuracy", value)


def test_record_refuses_a_negative_or_undefined_tolerance():
    for tolerance in (-1e-6, math.nan):
        with pytest.raises(ValueError, match="tolerance"):
            results.record("accuracy", 0.9, tolerance=tolerance)


def test_show_outside_a_notebook_prints_the_alt_text_and_closes_the_figure(capsys):
    import matplotlib.pyplot as plt

    results.show(plt.figure(), "An empty figure.")
    assert capsys.readouterr().out == "[figure: An empty figure.]\n"
    assert plt.get_fignums() == []


def test_a_table_outside_a_notebook_is_printed_with_numbers_to_the_right(capsys):
    results.table(
        "Rates & what they do", ["rate", "loss", ""], [0.1, "2.5", "good"], [10, "−0.25", ""]
    )
    assert capsys.readouterr().out.splitlines() == [
        "Rates & what they do",
        "rate   loss",
        " 0.1    2.5  good",
        "  10  −0.25",
    ]


def test_a_table_in_a_notebook_has_a_caption_names_of_columns_and_of_rows():
    lines = [["model", "error (%)"], ["a < b", "12.5 ± 0.1"], ["c-1", "-3"]]
    html = results._html_table('A & "B"', lines, [False, True])
    table = BeautifulSoup(html, "html.parser").table
    assert table["aria-label"] == 'A & "B"'
    seen = table.parent.find_previous_sibling("p")  # outside the box, which scrolls
    assert (seen.text, seen["aria-hidden"]) == ('A & "B"', "true")
    names = [(cell["scope"], cell.text) for cell in table.thead.find_all("th")]
    assert names == [("col", "model"), ("col", "error (%)")]
    assert [(cell["scope"], cell.text) for cell in table.tbody.find_all("th")] == [
        ("row", "a < b"),
        ("row", "c-1"),
    ]
    assert [cell.text for cell in table.find_all("td")] == ["12.5 ± 0.1", "−3"]
    for row in table.find_all("tr"):
        sides = [cell["style"] for cell in row.find_all(["th", "td"])]
        assert sides == ["text-align: left", "text-align: right"]
    assert "scrollable" in table.parent["class"][0]


def test_a_table_refuses_a_row_that_does_not_fit_its_header():
    with pytest.raises(ValueError, match=r"'Losses': a row has 1 cells, \['0.5'\], .* 2 columns"):
        results.table("Losses", ["step", "loss"], [0, 1.5], [0.5])


def columns_of_spaces(text):
    """The lines of an output that are set in columns by runs of spaces; a tensor is not meant."""
    lines = [line for line in text.splitlines() if not re.match(r"\s*(tensor\()?\[", line)]
    return [line for line in lines if re.search(r"\S {2,}\S", line) and "tensor(" not in line]


def test_what_the_pages_print_in_columns_are_tables(built_book):
    found = {}
    for file in sorted((built_book / "html/book").glob("*.html")):
        if file.stem == "from-the-shell":  # as a terminal shows it
            continue
        page = BeautifulSoup(file.read_text("utf-8"), "html.parser")
        for output in page.select(".cell_output pre"):
            lines = columns_of_spaces(output.get_text())
            if len(lines) > 1:
                found[file.stem] = lines
    assert found == {}


def test_columns_of_spaces_are_seen():
    assert columns_of_spaces("rate  loss\n 0.1   2.5\na sentence") == ["rate  loss", " 0.1   2.5"]
    assert columns_of_spaces("tensor([[1.,  2.],\n        [3.,  4.]])") == []


def test_show_refuses_a_figure_without_alt_text():
    with pytest.raises(ValueError, match="alt text"):
        results.show(None, " ")


if __name__ == "__main__":
    numbers = as_expected(json.loads(BUILT.read_text("utf-8")))
    for file in EXPECTED.glob("*.json"):
        file.unlink()
    for page, recorded in numbers.items():
        file = EXPECTED / f"{Path(page).name}.json"
        file.write_text(json.dumps(recorded, indent=1) + "\n", encoding="utf-8")
    print(f"{sum(map(len, numbers.values()))} results written to {EXPECTED}")
