"""Captions: the number of runs that they name, and their intervals, are those of the code."""

import re

from prose import CAPTION, blocks

SPELLED = {"ten": 10, "thirty": 30, "fifty": 50, "five": 5, "twenty": 20, "three": 3}
COUNTED = re.compile(
    r"\b[nR] = (\d+)\b(?!,)|\b(ten|thirty|fifty|five|twenty|three) (?:seeds|runs|models|starts)\b"
)
IMAGES = re.compile(r"\bn = ([\d,]+) images")
HELD_OUT = re.compile(r"\bsplit\((?:[^()]|\([^()]*\))*?, ([\d_]+)\b")  # how the code says how many
INTERVAL = re.compile(r"(\d+)(?:\\,)?[ ]?\\?%\$? interval")
COUNTS = re.compile(  # how the code says how many seeds, runs or points it draws
    r"(?:seeds?=|seed=\[\*|seeds? in |SEEDS(?:, LAST)? = |SEEDS = [^=\n]*?|_ in |starts = )"
    r"range\(([\d_]+)\)"
    r"|\b(?:SEEDS|RUNS|STARTS|REPLICAS|R|runs|seeds|starts|sets)\s*=\s*([\d_]+)\b"
    r"|reshape\((\d+),|# over the (\d+) points"
)


def wrong_captions(page_text):
    """[(caption, what is wrong)]: a count that the code before it does not have, an interval."""
    found, counts, makes_intervals = [], set(), False
    parts = blocks(page_text)
    held_out = {int(n) for n in HELD_OUT.findall(page_text)}
    for i, part in enumerate(parts):
        if part.kind == "code":
            for match in COUNTS.findall(CAPTION.sub("", part.text)):
                counts |= {int(re.sub("[_,]", "", m)) for m in match if m}
            makes_intervals |= bool(re.search(r"mean_and_interval|figures\.intervals", part.text))
        if part.kind != "caption":
            continue
        here = {
            int(re.sub("[_,]", "", m))
            for match in COUNTS.findall(CAPTION.sub("", parts[i + 1].text))
            for m in match
            if m
        }
        drawn = counts | here
        for digits, word in COUNTED.findall(part.text.replace("$", "")):
            count = SPELLED[word] if word else int(digits.replace(",", ""))
            if count not in drawn:
                found.append((part.text, f"{count} is none of {sorted(drawn)}"))
        for digits in IMAGES.findall(part.text.replace("$", "")):
            if int(digits.replace(",", "")) not in held_out:
                found.append((part.text, f"{digits} images; held out are {sorted(held_out)}"))
        has = makes_intervals or re.search(r"mean_and_interval|intervals\(", parts[i + 1].text)
        for percent in INTERVAL.findall(part.text):
            if percent != "95" or not has:
                found.append((part.text, f"an interval of {percent} %"))
    return found
