"""The checkout keeps the rules of the house, and each rule finds the fault that it is for."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import house_rules as house
from tests.conftest import LONGEST, TESTS
from tests.house_rules import Checkout, Rule, Source

ROOT = Path(__file__).resolve().parent.parent

LONG = "def long():\n" + "    x = 1\n" * 30
SHORT = "def short():\n    return 1\n"
BODY = "def test_a_place_is_never_sold_twice():\n"
SWALLOW = "def read():\n    try:\n        go()\n    except Exception:\n        "
PAGE = "services/ingest/pages/templates/page.html"

# rule, a file that breaks it, the file put right
SAMPLES: list[tuple[Rule, Source, Source]] = [
    (house.no_function_over_thirty_lines, Source("services/a.py", LONG), Source("services/a.py", SHORT)),
    (house.no_function_over_thirty_lines, Source("contracts/a.py", LONG), Source("services/x/migrations/a.py", LONG)),
    (
        house.the_median_function_is_under_eight_lines,
        Source("services/a.py", LONG + SHORT + LONG),
        Source("services/a.py", SHORT + LONG + SHORT),
    ),
    (
        house.no_file_over_four_hundred_lines,
        Source("services/a.py", "x = 1\n" * 401),
        Source("services/a.py", "x = 1\n" * 400),
    ),
    (house.no_folder_for_leftovers, Source("services/utils/a.py", ""), Source("services/bus/a.py", "")),
    (house.no_folder_for_leftovers, Source("tests/common.py", ""), Source("services/vendor/core/a.js", "")),
    (house.no_lock_file_with_a_registry_in_it, Source("uv.lock", ""), Source("requirements/base.txt", "")),
    (
        house.no_registry_and_no_path_of_one_machine,
        Source("requirements/base.txt", "--index-url https://pypi.example/simple"),
        Source("Makefile", "uv pip compile --no-emit-index-url"),
    ),
    (
        house.no_registry_and_no_path_of_one_machine,
        Source("deploy/kafka/pom.xml", "<url>https://host.example/maven2</url>"),
        Source("deploy/kafka/pom.xml", 'xmlns="http://maven.apache.org/POM/4.0.0"'),
    ),
    (
        house.no_registry_and_no_path_of_one_machine,
        Source("README.md", "cd /home/marie/berceau"),
        Source("README.md", "see https://example.org/home/marie and services/work/a.py"),
    ),
    (
        house.nothing_unfinished_skipped_or_mocked,
        Source("services/a.py", "x = 1  # TODO later"),
        Source("services/a.py", "TODOS = 1"),
    ),
    (
        house.nothing_unfinished_skipped_or_mocked,
        Source("tests/test_a.py", "@pytest.mark.skipif(True)"),
        Source("tests/test_a.py", "@pytest.mark.parametrize"),
    ),
    (
        house.nothing_unfinished_skipped_or_mocked,
        Source("tests/test_a.py", "from unittest.mock import Mock"),
        Source("tests/test_a.py", "class FakeGateway: ..."),
    ),
    (
        house.nothing_unfinished_skipped_or_mocked,
        Source("services/a.py", "raise NotImplementedError"),
        Source("services/a.py", "raise ValueError"),
    ),
    (
        house.no_exception_swallowed,
        Source("services/a.py", SWALLOW + "pass\n"),
        Source("services/a.py", SWALLOW + "raise\n"),
    ),
    (
        house.no_exception_swallowed,
        Source("services/a.py", "try:\n    go()\nexcept (ValueError, BaseException):\n    pass\n"),
        Source("services/a.py", "try:\n    go()\nexcept ValueError:\n    pass\n"),
    ),
    (
        house.no_exception_swallowed,
        Source("services/a.py", "try:\n    go()\nexcept:\n    pass\n"),
        Source("tests/test_a.py", "try:\n    go()\nexcept:\n    pass\n"),
    ),
    (
        house.the_present_is_an_argument,
        Source("services/matcher/a.py", "import datetime\nx = datetime.datetime.now(UTC)\n"),
        Source("services/calendar/clocks.py", "x = datetime.now(UTC)\n"),
    ),
    (
        house.the_present_is_an_argument,
        Source("services/matcher/a.py", "x = time.time()\n"),
        Source("services/matcher/a.py", "x = time.monotonic()\n"),
    ),
    (
        house.a_test_is_named_by_a_sentence,
        Source("tests/test_a.py", "def test_create(): ..."),
        Source("tests/test_a.py", BODY + "    ..."),
    ),
    (
        house.a_test_asserts,
        Source("tests/test_a.py", BODY + "    place()\n"),
        Source("tests/test_a.py", BODY + "    assert place()\n"),
    ),
    (
        house.a_test_asserts,
        Source("tests/test_a.py", "async " + BODY + "    assertion = 1\n"),
        Source("tests/test_a.py", BODY + "    with pytest.raises(KeyError):\n        place()\n"),
    ),
    (
        house.no_phone_number_that_somebody_may_have,
        Source("tests/test_a.py", "phone = '06 12 34 56 78'"),
        Source("tests/test_a.py", "phone = '06 39 98 56 78'"),
    ),
    (
        house.no_phone_number_that_somebody_may_have,
        Source("contracts/examples/a.json", '"+33612345678"'),
        Source("contracts/examples/a.json", '"+33639985678", "20261130081500", "3f0612345678"'),
    ),
    (
        house.no_phone_number_that_somebody_may_have,
        Source("services/a.py", "'04\u00a070\u00a002\u00a055\u00a055'"),
        Source("services/a.py", "'0033 4 65 71 55 55' '0123456789'"),
    ),
    (
        house.no_page_loads_anything_from_elsewhere,
        Source(PAGE, '<script src="https://cdn.example/htmx.js">'),
        Source(PAGE, '<script src="/assets/htmx.js">'),
    ),
    (
        house.no_page_loads_anything_from_elsewhere,
        Source(PAGE, '<link rel="stylesheet" href="//cdn.example/a.css">'),
        Source(PAGE, '<a href="https://monenfant.fr">monenfant.fr</a>'),
    ),
    (
        house.no_page_loads_anything_from_elsewhere,
        Source("services/ingest/assets/a.css", "body { background: url('https://cdn.example/a.png') }"),
        Source("services/ingest/assets/a.css", "body { background: url('/assets/a.png') }"),
    ),
    (
        house.every_link_of_a_document_leads_somewhere,
        Source("docs/a.md", "see [b](b.md)"),
        Source("docs/a.md", "see [a](../docs/a.md#top), [b](https://example.org/b.md)"),
    ),
    (
        house.every_row_of_a_table_is_whole,
        Source("docs/a.md", "| a | b |\n|---|---|\n| 1 | \\\n2 |\n"),
        Source("docs/a.md", "| a | b |\n|---|---|\n| 1 \\| 2 | 3 |\n\n| c |\n"),
    ),
]


def named(value: object) -> str:
    return value.path if isinstance(value, Source) else getattr(value, "__name__", "")


@pytest.fixture(scope="module")
def checkout() -> Iterator[Checkout]:
    """Read and parsed once for all rules, and let go with the last of them: its trees are large."""
    sources = house.read_checkout(ROOT)
    yield sources
    sources.clear()


@pytest.mark.parametrize("rule", house.RULES, ids=named)
def test_the_checkout_keeps_this_rule_of_the_house(rule: Rule, checkout: Checkout) -> None:
    assert list(rule(checkout)) == []


@pytest.mark.parametrize(("rule", "wrong", "right"), SAMPLES, ids=named)
def test_a_rule_of_the_house_finds_the_planted_fault_and_only_that(rule: Rule, wrong: Source, right: Source) -> None:
    assert list(rule([wrong])) != []
    assert list(rule([right])) == []


def test_a_template_that_nothing_names_is_found_and_one_that_is_named_is_not() -> None:
    lonely = Source(PAGE, "<p></p>")
    assert list(house.every_template_is_used([lonely])) != []
    assert list(house.every_template_is_used([lonely, Source("services/ingest/a.py", "page('pages/page.html')")])) == []
    extending = Source("services/ingest/pages/templates/child.html", '{% extends "page.html" %}')
    used = [lonely, extending, Source("services/ingest/a.py", "page('child.html')")]
    assert list(house.every_template_is_used(used)) == []


def test_a_permission_to_swallow_that_is_no_longer_needed_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(house, "MAY_SWALLOW", {"services/a.py:read": "a sample"})
    swallowing, raising = Source("services/a.py", SWALLOW + "pass\n"), Source("services/a.py", SWALLOW + "raise\n")
    assert list(house.no_exception_swallowed([swallowing])) == []
    assert list(house.every_permission_to_swallow_is_still_needed([swallowing])) == []
    assert list(house.every_permission_to_swallow_is_still_needed([raising])) != []


def test_every_rule_of_the_house_is_shown_to_bite() -> None:
    elsewhere = {house.every_template_is_used, house.every_permission_to_swallow_is_still_needed}
    assert set(house.RULES) == {rule for rule, _, _ in SAMPLES} | elsewhere


def test_the_checkout_that_the_rules_read_is_this_one_and_not_empty(checkout: Checkout) -> None:
    paths = {source.path for source in checkout}
    assert {"pyproject.toml", "contracts/vocabulary.py", "tests/test_house_rules.py"} <= paths


def test_a_run_begins_by_its_longest_files_and_they_are_there(request: pytest.FixtureRequest) -> None:
    assert [name for name in LONGEST if not (TESTS / name).is_file()] == []
    files = list(dict.fromkeys(item.path for item in request.session.items))
    long = [TESTS / name for name in LONGEST]
    assert files[: len(long)] == long or not set(long) <= set(files)
