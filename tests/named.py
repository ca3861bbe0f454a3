"""Does a reference lead to a thing that bears the name by which the sentence calls it?

`CALLED` says, once for each equation and figure that the text refers to, by what words a sentence
may call it; `CITED` says the same of each work in the bibliography. `strangers` lists the
references near which none of these words stands. Words inside the reference itself do not count.
"""

import re

from prose import blocks, prose_of

CALLED = {
    "eq-all-power": r"the factor is",
    "eq-backprop": r"Backpropagation|bias has a gradient|gradient of the first layer"
    r"|random numbers|Which gradients of|`d_(W_2|b_2|A|W_1|b_1) = ",
    "eq-best-constant": r"shrinkage|0-or-1 target",
    "eq-best-step": r"[Ll]owest|one-sided",
    "eq-central-difference": r"central difference",
    "eq-cmp-variance-of-mean": r"in place of seeds",
    "eq-convex": r"lines|chord",
    "eq-cross-entropy": r"cross-entropy of|target of 0|`L = -",
    "eq-distance": r"distance|square in|shuffled|same terms",
    "eq-edge": r"pictures that the step uses",
    "eq-eta-over-b": r"short cut",
    "eq-filter-match": r"number of steps|same share",
    "eq-floor": r"height|best predictions",
    "eq-forward-difference": r"one-sided",
    "eq-full-gradient": r"last entry of|gives the gradient",
    "eq-gradient-one-output": r"Compute the gradients",
    "eq-gradient-row-sums": r"[Ss]um the gradient over the classes",
    "eq-he-variance": r"Variance \$2/D|for the way back",
    "eq-hidden-paths": r"several paths",
    "eq-hovering": r"height at which it hovers",
    "eq-hovering-all": r"identity",
    "eq-linear": r"[Ll]inear (?:model|map|layer)",
    "eq-linear-gradients": r"gradients of its weights|on to the weights|give back|\[D, B\]"
    r"|the gradient is|gradient of a layer's weights",
    "eq-lines-collapse": r"collapse",
    "eq-log-sum-exp": r"logarithm",
    "eq-loss-curvature": r"second derivative \$\\alpha",
    "eq-lse-curvature": r"log-sum-exp minus a term",
    "eq-lse-gradient": r"first derivative",
    "eq-lse-max": r"The sum in",
    "eq-lse-small": r"mean of \$\\bar v",
    "eq-mean-square": r"without its constant",
    "eq-mean-step": r"edge of|middle term",
    "eq-mode-step": r"every step multiplies",
    "eq-mse": r"in one square",
    "eq-mse-gradient": r"residual|\\tilde w\$, and by",
    "eq-mse-softmax-gradient": r"squared error behind a softmax",
    "eq-noise-step": r"Square \{eq",
    "eq-normal-equations": r"right angles|mixed term",
    "eq-one-layer-gradients": r"ink times error|gradient of the bias",
    "eq-p-minus-y": r"P - Y|follows the scores|The batch follows",
    "eq-p-minus-y-direct": r"loss of image",
    "eq-relu-gradient": r"`d_Z_1 = ",
    "eq-ridge": r"\\alpha I|linear in its right side",
    "eq-rounding-error": r"rounding error",
    "eq-sgd": r"subtraction",
    "eq-shrinkage": r"slope \$R\^2|numerator",
    "eq-shard-mean": r"Subtract",
    "eq-slope-batch": r"front of the gradient",
    "eq-slope-step": r"as the factor",
    "eq-snapshot-loss": r"Failures",
    "eq-softmax": r"`P = ",
    "eq-softmax-jacobian": r"Jacobian|Differentiate once more|table of its derivatives|p_c / ",
    "eq-softmax-shift": r"shift invariance",
    "eq-step-operations": r"operations|proportional to \$B|two forward",
    "eq-step-time": r"[Ss]trong scaling|puts numbers into|machine does \$v\$ operations",
    "eq-taylor": r"second line",
    "eq-time-model": r"fixed part for the calls",
    "eq-two-layers": r"`(Z_1|A|Z) = ",
    "eq-unit-size": r"\\sigma\^2\$ times the size",
    "eq-weights-at-step": r"million steps|first gradient",
    "eq-xor-line": r"striped",
    "fig-lr-landing": r"land at a third",
    "fig-lr-line": r"cliff|valley",
    "fig-lr-overfit-accuracy": r"share the order",
    "fig-num-diverging": r"thousand million",
    "fig-profile": r"What is left",
    "fig-reg-ridges": r"true digit",
}
CITED = {
    "baydin2018": r"automatic differentiation",
    "bishop2006": r"mathematics, wider",
    "blanchard2021": r"underflow|overflow",
    "bouthillier2021": r"source of variation",
    "boyd2004": r"convex",
    "cohen2021": r"full-batch training",
    "dietterich1998": r"trained only once",
    "dubey2024": r"interruptions",
    "glorot2010": r"1 / D|without ReLU",
    "good1952": r"fair fee",
    "goodfellow2016": r"mathematics, wider",
    "goyal2017": r"linear scaling|Goyal",
    "guo2017": r"temperature|confidence",
    "he2015": r"size that keeps the signal|either will do",
    "howard2020": r"go on to everything",
    "kaplan2020": r"six operations",
    "kingma2015": r"Adam",
    "kolter2021": r"course|homework",
    "krizhevsky2014": r"linear scaling",
    "lecun1998": r"LeCun|centre of mass|linear classifier|achieved on MNIST|labels|do far better"
    r"|made in the same way",
    "lecunmnist": r"LeCun|linear classifier|300 hidden units",
    "linnainmaa1976": r"several times",
    "mcnemar1947": r"McNemar",
    "minsky1969": r"XOR",
    "naeini2015": r"calibration error",
    "nielsen2015": r"Nielsen|sigmoid|from scratch",
    "northcutt2021": r"labels",
    "patarasuk2009": r"Fewer is not possible",
    "polyak1964": r"Momentum",
    "ridler1978": r"threshold",
    "rumelhart1986": r"[Bb]ackpropagation",
    "simard2003": r"800 units|do far better",
    "soudry2018": r"separable",
    "werbos1974": r"several times",
    "wilson2017": r"adaptive|Adam|optimi[sz]er",
    "yadav2019": r"reconstructed|data set was made",
    "young1974": r"slope set to zero",
    "zhang2023": r"go on to everything",
}
REFERENCE = re.compile(r"\{(?:eq|numref)\}`([\w-]+)`")
CITATION = re.compile(r"\{cite[:\w]*\}`([^`]+)`")
BEFORE, AFTER = 220, 150  # how many characters around a reference are looked at


def around(text, match):
    """The words near a reference, in its own paragraph or list item, without other labels."""
    before = re.split(r"\n\s*\n|\n\s*[-|]", text[: match.start()])[-1][-BEFORE:]
    after = re.split(r"\n\s*\n|\n\s*[-|]", text[match.end() :])[0][:AFTER]
    kind = match[0].partition("}")[0]
    return re.sub(r"\}`[\w,-]+`", "}", before) + f" {kind}}} " + re.sub(r"\}`[\w,-]+`", "}", after)


def references(text):
    """[(label or key, the words around it)] of a page's equations, figures and cited works."""
    prose = "\n\n".join(b.text for b in blocks(text) if b.kind in ("prose", "caption"))
    found = [(m[1], around(prose, m)) for m in REFERENCE.finditer(prose)]
    for m in CITATION.finditer(prose):
        found += [(key.strip(), around(prose, m)) for key in m[1].split(",")]
    return found


def strangers(text):
    """[(label, words)] of the references whose surroundings do not call what they lead to."""
    called = CALLED | CITED
    return [
        (label, words)
        for label, words in references(text)
        if label not in called or not re.search(called[label], " ".join(words.split()))
    ]


def misled(pages):
    """[(page, words, heading)] of links with words of their own that are not in the heading.

    `pages` is {name: text}; a link is {ref}`words <label>`, its heading stands below `(label)=`.
    """
    headings = {}
    for text in pages.values():
        headings |= dict(re.findall(r"^\(([\w-]+)\)=\n+#+ (.*)$", text, re.MULTILINE))
    found = []
    for page, text in pages.items():
        for words, label in re.findall(r"\{ref\}`([^`<]+)<([\w-]+)>`", text):
            said = set(re.findall(r"[a-z0-9]+", words.lower()))
            heading = set(re.findall(r"[a-z0-9]+", headings.get(label, "").lower()))
            if label in headings and len(said & heading) < (len(said) + 1) // 2:
                found.append((page, words.strip(), headings[label]))
    return found


def entries(bibliography):
    """{key: (surname of the first author, year)} of a BibTeX file."""
    found = {}
    for key, body in re.findall(r"@\w+\{(\w+),(.*?)\n\}", bibliography, re.DOTALL):
        author = re.search(r"author\s*=\s*\{([^,]+),", body)
        year = re.search(r"year\s*=\s*\{(\d+)[a-z]?\}", body)
        found[key] = author[1] if author else "", year[1] if year else ""
    return found


# --- Links with words of their own ----------------------------------------------------------------

LINK = re.compile(r"(?<!!)\[([^\]]+)\]\((?:([\w-]+)\.md)?(?:#([\w-]+))?\)")
HEADING = re.compile(r"^(?:\(([\w-]+)\)=\n+)?#+ (.*)$", re.MULTILINE)
SMALL_WORDS = {"the", "one", "with", "first", "that", "this", "and", "for", "from"}


def stems(words):
    """The beginnings of the words: `compare`, `compared` and `comparison` are one."""
    return {word[:6] for word in re.findall(r"[\w-]{3,}", words.lower())} - SMALL_WORDS


def names_of(page, anchor, pages):
    """What a page may be called: its headings and the words it defines; a heading: its words."""
    if anchor:
        texts = [pages[page]] if page else pages.values()
        headings = [found for text in texts for found in HEADING.findall(text)]
        named = {re.sub(r"\W+", "-", title.lower()).strip("-"): title for _, title in headings}
        return stems((named | dict(headings)).get(anchor, ""))
    headings = [title for _, title in HEADING.findall(pages[page])]
    defined = [a or b for a, b in re.findall(r"\*\*([^*]+)\*\*|\*([^*]+)\*", pages[page])]
    return stems(" ".join(headings + defined))


def calls(words, page, anchor, source, before, pages, order):
    """May these words of a link on the page `source` lead there? `order`: of the chapters."""
    for said, step in (("next chapter", 1), ("last chapter", -1)):
        if said in words:
            return page in order and order[order.index(source) + step] == page
    if words == "that chapter":  # named before
        return f"]({page}.md" in before
    if anchor:
        words += before[-BEFORE:].rpartition("\n")[2]
    return bool(stems(words) & names_of(page, anchor, pages))


def links(pages):
    """[(page, words, target, anchor, what stands before it)]"""
    return [
        (page, m[1], m[2], m[3], text[: m.start()])
        for page, text in zip(pages, map(prose_of, pages.values()), strict=True)
        for m in LINK.finditer(text)
        if m[2] or m[3]
    ]


def wrong_links(pages, order):
    """[(page, words, target)] of links whose words do not call what they lead to."""
    return [
        (page, words, target)
        for page, words, target, anchor, before in links(pages)
        if not calls(words, target, anchor, page, before, pages, order)
    ]
