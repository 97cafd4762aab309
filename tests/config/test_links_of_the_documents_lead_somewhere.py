import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
DOCUMENTS = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]


def anchors(text: str) -> set[str]:
    """What GitHub names the headings: lower case, hyphens for spaces, no other punctuation."""
    headings = re.findall(r"^#+ (.+)$", re.sub(r"^```.*?^```", "", text, flags=re.M | re.S), re.M)
    slugs, seen = set(), {}
    for heading in headings:
        slug = re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-")
        seen[slug] = seen.get(slug, -1) + 1
        slugs.add(f"{slug}-{seen[slug]}" if seen[slug] else slug)
    return slugs


def links(text: str) -> list[str]:
    """Targets within this repository; not what stands in code."""
    text = re.sub(r"^```.*?^```|`[^`\n]*`", "", text, flags=re.M | re.S)
    found = re.findall(r"\]\(\s*([^)\s]+)\s*\)", text)
    return [target for target in found if not re.match(r"[a-z]+:", target)]


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_each_file_and_heading_that_is_named_is_there(document: Path):
    for target in links(document.read_text()):
        name, _, anchor = target.partition("#")
        file = document.parent / name if name else document
        assert file.exists(), target
        if anchor:
            assert anchor in anchors(file.read_text()), target


def test_links_are_seen_at_all():
    assert sum(len(links(document.read_text())) for document in DOCUMENTS) > 50


def test_each_dependency_has_its_reason():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"]
    needed = [*project["dependencies"], *extras["assistant"], *extras["opus"]]
    text = (ROOT / "docs" / "decisions.md").read_text()
    table = re.findall(r"^\| ([\w, -]+) \|", text[text.index("## Dependencies") :], re.M)
    reasons = {name.strip() for row in table for name in row.split(",")}
    assert {re.match(r"[\w-]+", name)[0] for name in needed} <= reasons
