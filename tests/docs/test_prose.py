"""All prose of the project: links lead somewhere, and nothing points into one machine."""

import re

import pytest

from tests.docs.test_readme import ROOT

PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
NAMES = [page.relative_to(ROOT).as_posix() for page in PAGES]


def anchors(page):
    headings = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=NAMES)
def test_links_when_followed_then_they_lead_somewhere(page):
    text = re.sub(r"```.*?```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        if target.startswith(("https://", "http://")):
            continue
        path, _, anchor = target.partition("#")
        there = (page.parent / path).resolve() if path else page
        assert there.exists(), f"{target} leads nowhere"
        if anchor:
            assert anchor in anchors(there), f"{target} names no heading"


@pytest.mark.parametrize("page", PAGES, ids=NAMES)
def test_prose_when_read_then_it_names_no_folder_of_one_machine(page):
    assert not re.search(r"(?<![\w.])/(home|root|Users)/", page.read_text(encoding="utf-8"))


@pytest.mark.parametrize("picture", sorted((ROOT / "docs" / "images").glob("*")), ids=lambda path: path.name)
def test_picture_when_kept_then_small_enough_and_shown_somewhere(picture):
    assert picture.stat().st_size < 150_000
    assert any(picture.name in page.read_text(encoding="utf-8") for page in PAGES)
