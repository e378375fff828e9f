"""The documents: whoever begins at a README gets to each, and no link leads nowhere."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGES = sorted((ROOT / "docs").glob("*.md"))


def linked(page):
    """Files that a document links to."""
    text = page.read_text(encoding="utf-8")
    for target in re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", text):
        if "://" not in target:
            yield (page.parent / target).resolve()


@pytest.mark.parametrize("name", ["README.md", "README.zh-CN.md"])
def test_every_page_is_reached_from_either_readme(name):
    reached, ahead = set(), [ROOT / name]
    while ahead:
        page = ahead.pop()
        if page in reached or page.suffix != ".md":
            continue
        reached.add(page)
        # the other language is another beginning
        ahead += [to for to in linked(page) if not to.name.startswith("README")]
    assert [page.name for page in PAGES if page not in reached] == []


@pytest.mark.parametrize("page", [*PAGES, ROOT / "README.md", ROOT / "README.zh-CN.md"])
def test_no_link_leads_nowhere(page):
    assert [str(to) for to in linked(page) if not to.exists()] == []


def test_both_readmes_lead_to_the_same_pages():
    english, chinese = (
        {to for to in linked(ROOT / name) if to.parent == ROOT / "docs"}
        for name in ("README.md", "README.zh-CN.md")
    )
    assert english == chinese
