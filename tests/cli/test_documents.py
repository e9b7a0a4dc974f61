"""What the documents name is there: each command, each of its options, each setting."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from services.bus.settings import PREFIX, Settings
from services.cli.main import BY_NAME, load

ROOT = Path(__file__).resolve().parents[2]
DOCUMENTS = (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")), ROOT / "services" / "matcher" / "README.md")
CODE = re.compile(r"```\w*\n(.*?)```|`([^`\n]+)`", re.DOTALL)
LINE = re.compile(r"(?:^|[ /])berceau (?!berceau\b)([a-z][a-z-]*)([^\n|;&#]*)", re.MULTILINE)
"""`berceau berceau` is an account and its group or its database."""
OPTION = re.compile(r"(?<![\w-])--[a-z][a-z-]*")


def spans(text: str) -> Iterator[str]:
    """Code alone: prose may say that Berceau does something."""
    for block, inline in CODE.findall(text):
        yield (block or inline).replace("\\\n", " ")


def faults_in(text: str) -> list[str]:
    """Each command line of a document that names what is not there."""
    return [
        f"berceau {name}{rest}"
        for span in spans(text)
        for name, rest in LINE.findall(span)
        if name not in BY_NAME or not _knows(name, rest)
    ]


@cache
def _command(name: str) -> Any:
    return load(BY_NAME[name])


def _knows(name: str, rest: str) -> bool:
    """Options of a group count for the commands in it."""
    command = _command(name)
    commands = [command]
    for word in rest.split():
        inner = getattr(command, "commands", {}).get(word)
        if inner is not None:
            commands.append(command := inner)
    known = {option for one in commands for p in one.params for option in (*p.opts, *p.secondary_opts)}
    return set(OPTION.findall(rest)) <= known | {"--help"}


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_command_option_and_setting_that_a_document_names_is_there(document: Path) -> None:
    text = document.read_text(encoding="utf-8")
    assert faults_in(text) == []
    settings = {name.removeprefix(PREFIX).lower() for name in re.findall(rf"\b{PREFIX}[A-Z0-9_]*[A-Z0-9]", text)}
    assert settings <= set(Settings.model_fields)


@pytest.mark.parametrize("line", ["berceau nowhere", "berceau demo --nowhere", "berceau key new --nowhere"])
def test_a_document_that_names_what_is_not_there_is_found(line: str) -> None:
    assert faults_in(f"```sh\n{line}\n```") == [line]
    assert faults_in(f"Voir `{line}`.") == [line]
