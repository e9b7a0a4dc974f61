"""The rules of the house that a machine can check. A remark made twice in a review becomes a rule here.

A rule reads the whole checkout and yields its faults, one line each, so that a test can plant a fault and see it
found. What a rule lets pass on purpose stands beside it with the reason.
"""

from __future__ import annotations

import ast
import os
import re
import statistics
import subprocess
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path, PurePosixPath

LONGEST_FUNCTION = 30
MEDIAN_FUNCTION = 8
LONGEST_FILE = 400  # files are split near 300; past this it is no longer a matter of taste
FEWEST_WORDS = 4

RULES_THEMSELVES = ("tests/house_rules.py", "tests/test_house_rules.py")  # they spell out what they forbid


@dataclass(frozen=True)
class Source:
    """One file of the checkout: its path from the root, with slashes, and its text."""

    path: str
    text: str

    @cached_property
    def tree(self) -> ast.Module:
        return ast.parse(self.text, self.path)

    @property
    def is_python(self) -> bool:
        return self.path.endswith(".py")

    @property
    def is_product(self) -> bool:
        """Whether this is code that is shipped; migrations are generated and left out."""
        return self.is_python and self.path.startswith(("services/", "contracts/")) and "/migrations/" not in self.path

    @property
    def is_test(self) -> bool:
        return self.is_python and PurePosixPath(self.path).name.startswith("test_")

    @property
    def is_vendored(self) -> bool:
        return "/vendor/" in self.path

    @property
    def is_template(self) -> bool:
        return "/templates/" in self.path and not self.is_python and not self.is_vendored


Checkout = Sequence[Source]
Rule = Callable[[Checkout], Iterator[str]]


def tracked_paths(root: Path) -> list[str]:
    """Every file that git tracks or would track, as a path from the root, sorted."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=root, check=True, capture_output=True, text=True).stdout
    return [path for path in sorted(set(listed.split("\0"))) if path and (root / path).is_file()]


def read_checkout(root: Path) -> list[Source]:
    """Every text file of the checkout."""
    return [source for path in tracked_paths(root) if (source := _read(root, path)) is not None]


def _read(root: Path, path: str) -> Source | None:
    try:
        return Source(path, (root / path).read_text(encoding="utf-8"))
    except UnicodeDecodeError:
        return None  # a picture or the like


def _functions(source: Source) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    for node in ast.walk(source.tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def _length(node: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    return (node.end_lineno or node.lineno) - node.lineno + 1


def _product(checkout: Checkout) -> Iterator[Source]:
    return (source for source in checkout if source.is_product)


def no_function_over_thirty_lines(checkout: Checkout) -> Iterator[str]:
    for source in _product(checkout):
        for node in _functions(source):
            if _length(node) > LONGEST_FUNCTION:
                yield f"{source.path}:{node.lineno} {node.name} has {_length(node)} lines"


def the_median_function_is_under_eight_lines(checkout: Checkout) -> Iterator[str]:
    lengths = [_length(node) for source in _product(checkout) for node in _functions(source)]
    if lengths and statistics.median(lengths) >= MEDIAN_FUNCTION:
        yield f"the median of {len(lengths)} functions is {statistics.median(lengths)} lines"


def no_file_over_four_hundred_lines(checkout: Checkout) -> Iterator[str]:
    for source in _product(checkout):
        if (lines := source.text.count("\n")) > LONGEST_FILE:
            yield f"{source.path} has {lines} lines: split it by noun"


def no_folder_for_leftovers(checkout: Checkout) -> Iterator[str]:
    for source in checkout:
        parts = PurePosixPath(source.path).with_suffix("").parts
        if not source.is_vendored and {"utils", "common", "core", "domain"} & set(parts):
            yield f"{source.path} is named after nothing in particular"


def no_lock_file_with_a_registry_in_it(checkout: Checkout) -> Iterator[str]:
    for source in checkout:
        if PurePosixPath(source.path).name == "uv.lock":
            yield f"{source.path} carries the address of a registry: requirements/*.txt is the lock"


REGISTRY = re.compile(
    r"--(?:extra-)?index-url|--find-links|--trusted-host|<mirror>|<repositor(?:y|ies)>"
    r"|https?://\S*(?:/simple\b|maven2|npmjs|artifactory|nexus)"
)
MACHINE_PATH = re.compile(r"(?<![\w./}-])/(?:home|root|Users|work|workspace|builds)/[\w.]")


def no_registry_and_no_path_of_one_machine(checkout: Checkout) -> Iterator[str]:
    for source in checkout:
        if source.path not in RULES_THEMSELVES and not source.is_vendored:
            yield from _matches(source, REGISTRY)
            yield from _matches(source, MACHINE_PATH)


def _matches(source: Source, pattern: re.Pattern[str]) -> Iterator[str]:
    for number, line in enumerate(source.text.splitlines(), start=1):
        if found := pattern.search(line):
            yield f"{source.path}:{number} {found.group()}"


UNFINISHED = re.compile(
    r"\b(?:TODO|FIXME|XXX|NotImplementedError|importorskip)\b|pytest\.skip|\bmark\.(?:skip|skipif|xfail)\b"
    r"|unittest\.(?:skip|mock)|\bMagicMock\b"
)


def nothing_unfinished_skipped_or_mocked(checkout: Checkout) -> Iterator[str]:
    for source in checkout:
        if source.path not in RULES_THEMSELVES and not source.is_vendored:
            yield from _matches(source, UNFINISHED)


# "file:function" -> why everything may be caught there and not raised again
MAY_SWALLOW: dict[str, str] = {}


def no_exception_swallowed(checkout: Checkout) -> Iterator[str]:
    for place, line in _swallowers(checkout):
        if place not in MAY_SWALLOW:
            yield f"{place} line {line} catches everything and does not raise"


def every_permission_to_swallow_is_still_needed(checkout: Checkout) -> Iterator[str]:
    used = {place for place, _ in _swallowers(checkout)}
    yield from (f"{place} no longer swallows: take it off the list" for place in sorted(set(MAY_SWALLOW) - used))


def _swallowers(checkout: Checkout) -> Iterator[tuple[str, int]]:
    for source in _product(checkout):
        for function, node in _with_function(source.tree, "module"):
            if isinstance(node, ast.ExceptHandler) and _catches_all(node) and not _raises(node):
                yield f"{source.path}:{function}", node.lineno


def _with_function(node: ast.AST, function: str) -> Iterator[tuple[str, ast.AST]]:
    """Every node below this one with the name of the function around it."""
    for child in ast.iter_child_nodes(node):
        inside = child.name if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef) else function
        yield inside, child
        yield from _with_function(child, inside)


def _catches_all(handler: ast.ExceptHandler) -> bool:
    caught = handler.type.elts if isinstance(handler.type, ast.Tuple) else [handler.type]
    return any(kind is None or ast.unparse(kind) in {"Exception", "BaseException"} for kind in caught)


def _raises(handler: ast.ExceptHandler) -> bool:
    return any(isinstance(node, ast.Raise) for node in ast.walk(handler))


CLOCKS = {"datetime.now", "datetime.utcnow", "datetime.today", "date.today", "time.time", "time.time_ns"}


def the_present_is_an_argument(checkout: Checkout) -> Iterator[str]:
    for source in _product(checkout):
        if not source.path.startswith("services/calendar"):
            yield from _clock_calls(source)


def _clock_calls(source: Source) -> Iterator[str]:
    for node in ast.walk(source.tree):
        if isinstance(node, ast.Call) and ".".join(ast.unparse(node.func).split(".")[-2:]) in CLOCKS:
            yield f"{source.path}:{node.lineno} {ast.unparse(node.func)}(): take `now` as an argument"


def _tests(checkout: Checkout) -> Iterator[tuple[Source, ast.FunctionDef | ast.AsyncFunctionDef]]:
    for source in checkout:
        if source.is_test:
            yield from ((source, node) for node in _functions(source) if node.name.startswith("test_"))


def a_test_is_named_by_a_sentence(checkout: Checkout) -> Iterator[str]:
    for source, test in _tests(checkout):
        if len(test.name.removeprefix("test_").split("_")) < FEWEST_WORDS:
            yield f"{source.path}:{test.lineno} {test.name} says too little"


def a_test_asserts(checkout: Checkout) -> Iterator[str]:
    for source, test in _tests(checkout):
        if not any(_asserts(node) for node in ast.walk(test)):
            yield f"{source.path}:{test.lineno} {test.name} cannot fail"


def _asserts(node: ast.AST) -> bool:
    if isinstance(node, ast.Assert):
        return True
    called = ast.unparse(node.func).split(".")[-1] if isinstance(node, ast.Call) else ""
    return called in {"raises", "warns", "fail"} or called.startswith(("assert_", "expect_"))


PHONE = re.compile(r"(?<![\w.+-])(?:\+33[ .]?|0033[ .]?|0)[1-9](?:[ .\u00a0\u202f]?\d{2}){4}(?![\w-])")
# Ranges that the French numbering plan keeps for fiction and assigns to nobody.
FICTION = ("019900", "026191", "035301", "046571", "053649", "063998")
TEN_DIGITS = "0123456789"  # the digits in their order are an alphabet, not a number
NOT_PROSE = ("requirements/", "deploy/kafka/libs.sha256", *RULES_THEMSELVES)


def no_phone_number_that_somebody_may_have(checkout: Checkout) -> Iterator[str]:
    for source in checkout:
        if not source.path.startswith(NOT_PROSE) and not source.is_vendored:
            for found in PHONE.finditer(source.text):
                if not _national(found.group()).startswith((*FICTION, TEN_DIGITS)):
                    yield f"{source.path} {found.group()} could ring at somebody's"


def _national(number: str) -> str:
    digits = re.sub(r"\D", "", number)
    return "0" + digits.removeprefix("00").removeprefix("33") if not re.match(r"0[1-9]", digits) else digits


ELSEWHERE = re.compile(
    r"""(?:\bsrc(?:set)?|\baction|<link\b[^>]*\bhref)\s*=\s*["']?(?:https?:)?//|url\(\s*["']?(?:https?:)?//|@import\b""",
    re.IGNORECASE,
)


def no_page_loads_anything_from_elsewhere(checkout: Checkout) -> Iterator[str]:
    """A plain link may lead anywhere, following it is the reader's choice; a page loads from its own host only."""
    for source in checkout:
        if source.path.endswith((".html", ".css", ".j2", ".svg")):
            yield from _matches(source, ELSEWHERE)


def every_template_is_used(checkout: Checkout) -> Iterator[str]:
    said = _words_of_the_code(checkout)
    for source in checkout:
        name = PurePosixPath(source.path).name
        if source.is_template and not {name, name.split(".")[0]} & said:
            yield f"{source.path} is named nowhere"


def _words_of_the_code(checkout: Checkout) -> set[str]:
    """Last parts of all text constants of the product and of what templates include or extend."""
    strings = [
        node.value
        for source in _product(checkout)
        for node in ast.walk(source.tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    ]
    tags = r"""\{%-?\s*(?:extends|include|import|from)\s+["']([^"']+)"""
    named = [name for source in checkout if source.is_template for name in re.findall(tags, source.text)]
    return {text.rpartition("/")[2] for text in [*strings, *named]}


LINK = re.compile(r"\]\((?!https?:)([^)#\s]+\.(?:md|py|json|yaml|html))[)#]")


def every_link_of_a_document_leads_somewhere(checkout: Checkout) -> Iterator[str]:
    paths = {source.path for source in checkout}
    for source in checkout:
        for link in LINK.findall(source.text) if source.path.endswith(".md") else ():
            if os.path.normpath(PurePosixPath(source.path).parent / link) not in paths:
                yield f"{source.path} links to {link}, which is not there"


def every_row_of_a_table_is_whole(checkout: Checkout) -> Iterator[str]:
    """A row that a line break parts, or with a cell too many, is shown as broken text."""
    for source in checkout:
        cells = 0
        for number, line in enumerate(source.text.splitlines() if source.path.endswith(".md") else (), start=1):
            found = len(re.findall(r"(?<!\\)\|", line)) if line.startswith("|") else 0
            if found and cells and found != cells:
                yield f"{source.path}:{number} has {found - 1} cells of {cells - 1}"
            cells = found and (cells or found)


RULES: tuple[Rule, ...] = (
    no_function_over_thirty_lines,
    the_median_function_is_under_eight_lines,
    no_file_over_four_hundred_lines,
    no_folder_for_leftovers,
    no_lock_file_with_a_registry_in_it,
    no_registry_and_no_path_of_one_machine,
    nothing_unfinished_skipped_or_mocked,
    no_exception_swallowed,
    every_permission_to_swallow_is_still_needed,
    the_present_is_an_argument,
    a_test_is_named_by_a_sentence,
    a_test_asserts,
    no_phone_number_that_somebody_may_have,
    no_page_loads_anything_from_elsewhere,
    every_template_is_used,
    every_link_of_a_document_leads_somewhere,
    every_row_of_a_table_is_whole,
)
