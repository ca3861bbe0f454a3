"""Is a recorded result quoted where its name says it belongs?

A result's name carries what it is: `cmp-two-classes-train` is two layers, cross-entropy, training
images. `misplaced` compares each facet of a name with the words around the place that quotes it.
`unsaid` looks for the other parts of the name in the sentence: `lr-land-gain` in one that speaks of
landing and of a gain. Not every sentence says every part; quoted.json lists, for each result, the
parts that all its sentences say, with a * where already the words between the results before and
behind it do. `PYTHONPATH=book/_ext python tests/places.py --save` writes it anew.
"""

import json
import re
import sys
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

from prose import blocks

# What the parts of names mean in words: {facet: {value: (in names, in the prose)}}.
FACETS = {
    "layers": {
        "one": (r"one", r"\b[Oo]ne[- ]layer|\b[Ss]ingle layer|\bwith one\b|\bonly with one\b"),
        "two": (
            r"two",
            r"\b[Tt]wo[- ]layer|\bhidden layer|\b(?:with|of) two\b|\b30 (?:hidden )?units",
        ),
    },
    "task": {
        "number": (r"number", r"digit as (?:a|one) number|regression"),
        "squares": (r"one-hot|hot|mse-softmax", r"one-hot|squared error|ten outputs"),
        "classes": (r"classes|cross-entropy", r"cross-entropy"),
    },
    "images": {
        "train": (r"train|fitted", r"\b[Tt]raining\W+(?:image|loss|accurac|digit|data)|\bfitted\b"),
        "valid": (r"valid|held-out", r"\b[Hh]eld-out|\b[Vv]alidation"),
        "test": (r"test", r"\btest (?:images|digits)"),
    },
    "optimiser": {
        "gd": (r"gd", r"(?<!from )[Gg]radient descent"),
        "momentum": (r"momentum", r"[Mm]omentum"),
        "adam": (r"adam", r"Adam"),
    },
    "precision": {"float32": (r"float32", r"float32"), "float64": (r"float64", r"float64")},
    "measure": {
        "accuracy": (r"accuracy", r"accurac|\bright\b|recall"),
        "loss": (r"loss", r"\bloss|surprise|\bnats"),
    },
    "schedule": {
        "constant": (r"constant", r"constant|(?:[Ww]ithout|[Bb]efore) landing"),
        "landed": (r"landed", r"[Ll]anded|(?<![Ww]ithout )(?<![Bb]efore )[Ll]anding"),
    },
    "rank": {"best": (r"best", r"\bbest"), "worst": (r"worst", r"\bworst")},
}
# Of two results that differ in this alone, the first is quoted first.
ORDERED = [
    ("low", "high"),
    ("least", "most"),
    ("min", "max"),
    ("before", "after"),
    ("start", "end"),
    ("first", "last"),
    ("fast", "slow"),
    ("initial", "final"),
    ("lowest", "highest"),
]
NEIGHBOURS = (" to ", " and ", ", and ")  # between these the smaller model comes first
RESULT = re.compile(r"\{result\}`([^`]+)`")
CLOSE = re.compile(  # what may stand between a result and the words that say what it is
    r"(?: ± \S+)?[ (*]*(?:of them )?(?:steps |points |nats |per cent |right )?"
    r"(?:after |with the |with |of the |of |for |on the |on |when \S+ is )?(?:\d[\d,]* )?\**"
)
HAS_FACET = re.compile(r"cmp|reg|hid-(?:one|two)")  # elsewhere "one" and "two" are not layers
NAMES = {
    name
    for file in sorted(Path(__file__).with_name("expected").glob("*.json"))
    for name in json.loads(file.read_text("utf-8"))
}


class Quote(NamedTuple):
    name: str
    place: int  # in its paragraph
    end: int


def paragraphs(text):
    """The paragraphs and list items of a page's prose, and the cells of its tables.

    A cell stands behind the head of its column and the other cells of its row.
    """
    found, heads = [], []
    for block in blocks(text):
        if block.kind != "prose":
            continue
        for part in re.split(r"\n\s*\n|\n(?=\s*[-*|] )|\n(?=\|)", block.text):
            if not part.lstrip().startswith("|"):
                found.append(part)
                heads = []
                continue
            cells = part.strip().strip("|").split("|")
            heads = heads or cells
            if len(cells) == len(heads):
                for index, (head, cell) in enumerate(zip(heads, cells, strict=True)):
                    row = " ".join(cells[:index] + cells[index + 1 :])
                    found.append(f"{head} | {RESULT.sub('', row)} | {cell}")
    return found


def facets_of(name):
    """{facet: value} that a result's name carries."""
    found = {}
    for facet, values in FACETS.items():
        for value, (pattern, _) in values.items():
            if re.search(rf"-(?:{pattern})(?=-|$)", name):
                found[facet] = value
    if f"{name}-constant" in NAMES:
        found["schedule"] = "landed"
    if not HAS_FACET.match(name):
        found.pop("layers", None)
    elif "layers" in found:
        layers = re.findall(r"-(one|two)(?!-hot)(?=-|$)", name)
        if not layers:
            del found["layers"]
        else:
            found["layers"] = layers[0]
    return found


def masked(paragraph):
    """The paragraph with its results blotted out, and where its sentences begin and end."""
    words = RESULT.sub(lambda m: "_" * len(m[0]), paragraph)
    ends = [0, *(m.end() for m in re.finditer(r"[.!?]\**\)?\s", words)), len(words) + 1]
    return words, list(pairwise(ends))


def said(paragraph, quote, facet, quotes):
    """What the words say of a facet of a quoted result, or None where they leave it open.

    `facet` gives the words of each value, and for a result's name its value or None.
    """
    patterns, value_of = facet
    words, sentences = masked(paragraph)
    mentions = sorted(
        (m.start(), value)
        for value, pattern in patterns.items()
        for m in re.finditer(pattern, words)
    )
    here = next(i for i, (a, b) in enumerate(sentences) if a <= quote.place < b)
    inside = [m for m in mentions if sentences[here][0] <= m[0] < sentences[here][1]]
    for place, value in inside:  # "91 % with one layer"
        if place >= quote.end and CLOSE.fullmatch(words[quote.end : place]):
            return value
    base = [q for q in quotes if not is_half(q.name) and value_of(q.name)]
    same = [q for q in base if sentences[here][0] <= q.place < sentences[here][1]]
    mine = [i for i, q in enumerate(same) if q.name in (quote.name, quote.name[: -len("-half")])]
    if mine and len(inside) == len(same) > 1:  # "one and two layers have 91 % and 94 %"
        apart = inside[-1][0] < same[0].place or inside[0][0] > same[-1].place
        if apart:
            return inside[mine[0]][1]
    previous = [q for q in base if q.end <= quote.place]
    if previous and words[previous[-1].end : quote.place].rstrip().endswith("against"):
        one, other = previous[-1].name.split("-"), quote.name.split("-")
        if len(one) == len(other) and sum(map(str.__ne__, one, other)) == 1:
            return None
    if before := [m for m in inside if m[0] < quote.place]:
        return before[-1][1]
    if inside and "," not in words[quote.end : inside[0][0]]:
        return inside[0][1]
    if inside:
        return None
    for a, b in reversed(sentences[:here]):  # an earlier sentence, if it speaks of one thing only
        if values := {value for place, value in mentions if a <= place < b}:
            return values.pop() if len(values) == 1 else None
    return None


def known_facets(name):
    """[(facet for `said`, value)] of a name, from the table above."""
    return [
        (({v: p for v, (_, p) in FACETS[f].items()}, lambda n, f=f: facets_of(n).get(f)), value)
        for f, value in facets_of(name).items()
    ]


def twin_facets(paragraph, quote, quotes):
    """[(facet for `said`, value)]: the words in which names of one sentence differ, if it has all.

    `lr-width-10` and `lr-width-30` differ in "10" and "30"; the sentence speaks of 10 and 30 units.
    """
    words, sentences = masked(paragraph)
    start, stop = next((a, b) for a, b in sentences if a <= quote.place < b)
    parts = quote.name.split("-")
    found = []
    for place, mine in enumerate(parts):
        rest = parts[:place], parts[place + 1 :]
        values = {}
        for other in quotes:
            theirs = other.name.split("-")
            near = start <= other.place < stop and len(theirs) == len(parts)
            if near and (theirs[:place], theirs[place + 1 :]) == rest:
                values[other.name] = theirs[place]
        patterns = {v: WORDS.get(v, rf"\b(?i:{re.escape(v)})") for v in values.values()}
        told = all(re.search(pattern, words[start:stop]) for pattern in patterns.values())
        if told and len(patterns) > 1 and not patterns.keys() & KNOWN:
            found.append(((patterns, values.get), mine))
    return found


KNOWN = {
    "one",
    "two",
    "train",
    "valid",
    "test",
    "accuracy",
    "loss",
    "constant",
    "best",
    "worst",
    "gd",
    "momentum",
    "adam",
    "float32",
    "float64",
    *(w for pair in ORDERED for w in pair),
}
WORDS = {
    "2": r"\b(?:2\b|twos?\b)",
    "3": r"\b(?:3|three)\b",
    "4": r"\b(?:4|four)\b",
    "8": r"\b(?:8\b|[Ee]ights?\b)",
    "16": r"\b(?:16|sixteen)\b",
    "10": r"\b(?:10|ten)\b",
    "5": r"\b(?:5|[Ff]ive)",
    "0": r"\b(?:0|[Zz]ero)",
    "known": "known",
    "right": r"\b[Rr]ight|accuracy",
}


def is_half(name):
    """A half-width: the name of another result, and `-half`."""
    return name.endswith("-half") and name.removesuffix("-half") in NAMES


def swapped_word(name, word, other):
    return re.sub(rf"(^|-){word}(?=-|$)", rf"\g<1>{other}", name)


def misplaced(text):
    """Of a page: [(name, what is wrong, where)], how many facets the words name, of how many."""
    found, seen, facets = [], 0, 0
    for paragraph in paragraphs(text):
        quotes = [Quote(m[1], m.start(), m.end()) for m in RESULT.finditer(paragraph)]
        where = " ".join(paragraph.split())
        for index, quote in enumerate(quotes):
            behind = paragraph[: quote.place].rstrip().endswith("±")
            stem = quote.name.removesuffix("-half")
            if is_half(quote.name) and not behind:
                found.append((quote.name, "is a half-width and not behind ±", where))
            if behind and not (
                quote.name.endswith("-half") and quotes[index - 1].name.startswith(stem)
            ):
                found.append((quote.name, f"behind ± of {quotes[index - 1].name}", where))
            for facet, value in known_facets(quote.name) + twin_facets(paragraph, quote, quotes):
                told = said(paragraph, quote, facet, quotes)
                facets += 1
                seen += told is not None
                if told not in (None, value):
                    found.append((quote.name, f"the words say {told}", where))
            for first, second in ORDERED:
                for other in quotes[index + 1 :]:
                    if other.name != quote.name == swapped_word(other.name, first, second):
                        found.append((quote.name, f"comes before {other.name}", where))
            if index + 1 < len(quotes):
                other = quotes[index + 1]
                between = paragraph[quote.end : other.place]
                twin = swapped_word(other.name, "one", "two")
                if between in NEIGHBOURS and quote.name == twin != other.name:
                    found.append((quote.name, f"comes before {other.name}", where))
    return found, seen, facets


# --- The parts of names, and their words ----------------------------------------------------------

# By what words a sentence says a part of a name. A part that is not listed is its own word.
PARTS = {
    "one": r"\b(?i:one|single|first|tenth|1)\b|one-|\bweight\b|784 weights",
    "two": r"\b(?i:two|both|2|second|pair|twice|hidden)\b|two-|Two-|30 units|network",
    "three": r"\b(?i:three)",
    "four": r"\b(?i:four|4)",
    "loss": r"\b[Ll]oss|surprise|\bnats|squared error|floor|ends? at|cost",
    "accuracy": r"accurac|\bright\b|recall|%|of the (?:held-out|test)|points",
    "classes": r"classes|cross-entropy|classifier|layers?\b",
    "train": r"\b[Tt]rain|\b[Ff]itt?",
    "valid": r"[Hh]eld-out|[Vv]alidation|not seen|right",
    "gain": r"gain|better|ahead|points|brings|lead|more",
    "hot": r"one-hot|ten outputs",
    "number": r"number",
    "constant": r"constant|[Ww]ithout landing|same rate",
    "best": r"\bbest|lowest|highest|least|chosen|optimum",
    "darkness": r"dark",
    "single": r"[Oo]ne[- ]layer",
    "thirty": r"\b30\b|\b[Tt]hirty",
    "hundred": r"\b300\b",
    "few": r"\b500\b",
    "all": r"60,000|\b[Aa]ll\b",
    "luck": r"\bsets?\b|luck",
    "double": r"[Tt]wice|doubl",
    "scale": r"scale",
    "edge": r"edge",
    "steps": r"steps",
    "step": r"step",
    "mean": r"mean|average|middle",
    "floor": r"floor|lowest|least|at best",
    "width": r"units|widths?\b|hidden",
    "rate": r"rate|learning",
    "lr": r"rate|\\eta",
    "cost": r"cost|slower|price|lose|below|worse|times",
    "free": r"without a price|[Ww]ithout|free|no price",
    "priced": r"price",
    "price": r"price",
    "gap": r"above|sure|gap|between",
    "xor": r"starts|hidden|units|losses|pictures",
    "land": r"[Ll]and|slow|tenth|last epoch",
    "landed": r"[Ll]and",
    "differ": r"differ",
    "diff": r"differ|points|ahead|between|apart",
    "r2": r"R\^2",
    "ece": r"ECE|error|floor",
    "excess": r"excess|above|too high|over",
    "hover": r"hover|above|height|lowest",
    "seed": r"seed|runs",
    "noise": r"scatter|noise|spread",
    "worst": r"worst|lowest|hardest|least",
    "start": r"start|first|before|begin|from",
    "parameters": r"numbers|parameters|weights|learns?\b",
    "program": r"program|expect|get",
    "range": r"between|to|from",
    "final": r"test|final|end|error",
    "names": r"nam",
    "adam": r"Adam",
    "momentum": r"[Mm]omentum",
    "gd": r"[Gg]radient descent|[Pp]lain|against",
    "neighbour": r"[Nn]eighbour|nearest|known picture",
    "ridge": r"[Rr]idge|price|penal",
    "signal": r"signal|size|square",
    "large": r"large|scal",
    "small": r"small|gentle|slow",
    "long": r"epochs|twenty|still|on",
    "stop": r"stop",
    "stopped": r"stop",
    "sum": r"sum|division by|no mean",
    "chosen": r"chos|choose|pick|best",
    "never": r"never|none",
    "sure": r"sure|confiden",
    "size": r"byte|MB|size|numbers",
    "bug": r"bug|[Tt]rap|loss",
    "recall": r"recall|right",
    "blank": r"blank|ink|never",
    "square": r"square",
    "spread": r"spread|scatter|standard",
    "ordinary": r"ordinary|usual|Xavier|normal",
    "below": r"below|under|less|ahead|behind",
    "above": r"above|over|behind|ahead",
    "twice": r"twice|double",
    "half": r"half",
    "tenth": r"tenth",
    "fast": r"fast|four times|rate|0\.4",
    "last": r"last|end|final|then",
    "first": r"first|begin|start",
    "overflow": r"overflow|inf|rows",
    "shuffled": r"shuffl|mix|order|same terms",
    "labels": r"label|wrong",
    "columns": r"column",
    "raw": r"255|raw|not scaled|divid|without",
    "frozen": r"frozen|not assign|never|lost|thrown|bare",
    "uphill": r"uphill|sign|plus|\+",
    "apart": r"apart|match|order|shuffl|pairs?",
    "softmax": r"softmax|squared error",
    "mse": r"squared error|MSE",
}  # fmt: skip
QUOTED = Path(__file__).with_name("quoted.json")


def parts_of(name):
    """The parts of a result's name, without that of its chapter."""
    return [part for part in dict.fromkeys(name.split("-")[1:]) if part != "half"]


class Words(NamedTuple):
    """What is said around a quoted result, without the results."""

    sentence: str  # of a table, the row and the head of the column
    clause: str  # from the result before it to the one behind it


def says(words, part):
    """Do the words say a part of a name? `gain*` must be said in the clause."""
    name, near = part.rstrip("*"), part.endswith("*")
    pattern = PARTS.get(name) or WORDS.get(name) or rf"\b(?i:{re.escape(name[:6])})"
    return bool(re.search(pattern, words.clause if near else words.sentence))


def quotes_in(text):
    """[(name, the words around it)] of a page's results."""
    found = []
    for paragraph in paragraphs(text):
        words, sentences = masked(paragraph)
        results = [*RESULT.finditer(paragraph)]
        for index, m in enumerate(results):
            start, end = next((a, b) for a, b in sentences if a <= m.start() < b)
            first = max([start, *(r.end() for r in results[:index])])
            last = min([end, *(r.start() for r in results[index + 1 :])])
            found.append((m[1], Words(words[start:end], words[first:last])))
    return found


def parts_said(pages):
    """{name: the parts of it that are said wherever it is quoted}; with * those in its clause."""
    found = {}
    for text in pages:
        for name, words in quotes_in(text):
            near = [f"{part}*" for part in parts_of(name) if says(words, f"{part}*")]
            here = [part for part in parts_of(name) if says(words, part)]
            found[name] = {*near, *here} & found.get(name, {*near, *here})
    return {
        name: [
            f"{part}*" if f"{part}*" in said else part for part in parts_of(name) if part in said
        ]
        for name, said in sorted(found.items())
    }


def unsaid(text, quoted):
    """[(name, part, sentence)] where a part is not said that quoted.json says is said."""
    return [
        (name, part, " ".join(words.sentence.split()))
        for name, words in quotes_in(text)
        for part in quoted.get(name, ())
        if not says(words, part)
    ]


_QUOTE = r"\{result\}`([\w-]+)`"
_REACH = r"[^.;{}]{0,90}?"  # within a sentence, and over no other result
FALLS = r"\b(?:fell|fall(?:s|ing)?|drop(?:s|ped)?|sh(?:r[aiu]nks?|runk)|sinks?|sank|creeps? down)\b"
RISES = r"\b(?:rose|ris(?:es?|en|ing)|gr(?:ows?|ew|own)|climb(?:s|ed)?|increase[sd]?)\b"
DIRECTIONS = [  # what is said, and the sign of the second result less the first
    (f"{FALLS}{_REACH} from {_QUOTE}{_REACH} to {_QUOTE}", -1),
    (f"[Ff]rom {_QUOTE}{_REACH}{FALLS}{_REACH} to {_QUOTE}", -1),
    (f"{RISES}{_REACH} from {_QUOTE}{_REACH} to {_QUOTE}", 1),
    (f"(?<!gap )[Bb]etween {_QUOTE}{_REACH} and {_QUOTE}", 1),
]


def directions(text):
    """[(first, second, sign)] of the results that a text says to rise or fall, or a range holds."""
    return [
        (*match.groups(), sign)
        for pattern, sign in DIRECTIONS
        for match in re.finditer(pattern, text)
    ]


def backwards(text, values):
    """[(first, "to" second)] where the recorded values go the other way than the words."""
    return [
        (first, f"to {second}")
        for first, second, sign in directions(text)
        if sign * (values[second] - values[first]) <= 0
    ]


if __name__ == "__main__" and "--save" in sys.argv:
    book = Path(__file__).parents[1] / "book"
    found = parts_said(file.read_text("utf-8") for file in sorted(book.glob("*.md")))
    lines = [f"{json.dumps(name)}: {json.dumps(' '.join(parts))}" for name, parts in found.items()]
    QUOTED.write_text("{\n" + ",\n".join(lines) + "\n}\n")
