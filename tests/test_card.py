"""The card is for the wall: it prints on one sheet."""

import re

import pytest


def sheets(pdf: bytes) -> int:
    """How many pages a PDF has; Chromium leaves the list of pages uncompressed."""
    return max(int(count) for count in re.findall(rb"/Count (\d+)", pdf))


@pytest.mark.parametrize("paper", ["A4", "Letter"])
def test_the_card_prints_on_one_sheet(browser, built_book, paper):
    page = browser.new_page()
    page.goto((built_book / "html" / "book" / "card.html").as_uri())
    assert sheets(page.pdf(format=paper)) == 1
    page.add_style_tag(content="section#the-card { font-size: 12pt !important; }")
    assert sheets(page.pdf(format=paper)) > 1, "larger letters must need more: is it counted right?"
    page.close()
