"""`docs/catalogue.md` is about the specs that ship."""

import re

from attnc.dsl.comments import summary
from attnc.dsl.loader import all_shipped, load_any
from benchmarks import catalogue, systems

AGAIN = "docs/catalogue.md is of other specs than those that ship: run `make catalogue`"


def listed(text: str) -> tuple[set[str], set[str]]:
    """The specs of the rows of a page: those that ship, and those that are missing."""
    found = re.findall(r"^\| `([^`]+)` \|(.*)\|$", text, re.MULTILINE)
    missing = {name for name, rest in found if "**missing**" in rest}
    return {name for name, _ in found} - missing, missing


def test_the_page_has_every_shipped_spec() -> None:
    shipped, missing = listed(catalogue.PAGE.read_text(encoding="utf-8"))
    assert shipped == set(all_shipped()), AGAIN
    assert not missing & shipped


def test_every_system_has_a_row() -> None:
    text = catalogue.PAGE.read_text(encoding="utf-8")
    found = set().union(*listed(text)) | set(re.findall(r"`(route/\w+)`", text))
    named = {s for family in systems.FAMILIES.values() for one in family for s in one.specs}
    assert named <= found


def test_no_kernel_is_wrong() -> None:
    for name, row in catalogue.load().items():
        assert "WRONG" not in str(row["status"]), name


def test_relations_are_those_of_the_specs() -> None:
    for name, row in catalogue.load().items():
        assert row["relation"] == summary(load_any(name).file.source.text), AGAIN


def test_gaps_are_shown() -> None:
    rows = systems.rows(("line/causal", "line/mine"))
    assert [one.specs for one in rows[systems.OTHERS]] == [("line/mine",)]
    text = catalogue.page({})
    assert "| `line/causal` | full, causal, prefix LM |" in text and "**missing**" in text
    assert "Not written yet: `route/moba`" in text
