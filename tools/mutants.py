"""Modules loaded with all their mutants beside what is written: one small fault each, made by mutmut.

`mutation.py` tries them. When to modify: mutmut is renewed and makes its files in another way.
"""

from __future__ import annotations

import difflib
import importlib.util
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import wraps
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, SourceFileLoader
from pathlib import Path
from types import CodeType, ModuleType
from typing import Any

from mutmut.mutation.file_mutation import MutatedFile, mutate_file_contents

THEIRS = "from mutmut.mutation.trampoline import wrap_in_trampoline as _mutmut_mutated, MutantDict"
OURS = "from tools.mutants import tried_on as _mutmut_mutated\nMutantDict = dict"
MARK = "__mutmut_"
AS_WRITTEN = "orig"

Function = tuple[str, str]
"""A module and the name that mutmut gives to one of its functions."""


@dataclass
class Trial:
    """The files loaded with mutants, by module, and the mutant on trial; while there is none, what was called."""

    files: dict[str, MutatedFile] = field(default_factory=dict)
    module: str | None = None
    mutant: str | None = None
    reached: set[Function] = field(default_factory=set)


TRIAL = Trial()


def tried_on(mutants: Mapping[str, Callable[..., Any]]) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """What a loaded file wraps its functions in: calls the mutant on trial where it is one of these."""

    def wrap(function: Callable[..., Any]) -> Callable[..., Any]:
        module = function.__module__

        @wraps(function)
        def call(*args: Any, **kwargs: Any) -> Any:
            if TRIAL.mutant is None:
                TRIAL.reached.add((module, function_of(mutants["_mutmut_orig"].__name__)))
            elif TRIAL.module == module and TRIAL.mutant in mutants:
                return mutants[TRIAL.mutant](*args, **kwargs)
            return mutants["_mutmut_orig"](*args, **kwargs)

        return call

    return wrap


class Loader(SourceFileLoader):
    def get_code(self, fullname: str) -> CodeType:
        """The module with its mutants. Raises RuntimeError where mutmut writes what this module does not know."""
        file = mutate_file_contents(str(self.path), self.get_source(fullname) or "")
        if THEIRS not in file.code:
            raise RuntimeError(f"{fullname}: this mutmut wraps functions in another way")
        TRIAL.files[fullname] = file
        code: CodeType = compile(file.code.replace(THEIRS, OURS), self.path, "exec", dont_inherit=True)
        return code


class Finder(MetaPathFinder):
    """Finds the modules of these files before anybody else does."""

    def __init__(self, files: Sequence[Path]) -> None:
        self.files = {".".join(file.with_suffix("").parts): str(file.resolve()) for file in files}

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        file = self.files.get(fullname)
        if file is None:
            return None
        return importlib.util.spec_from_file_location(fullname, file, loader=Loader(fullname, file))


def function_of(mutant: str) -> str:
    """The name, as mutmut writes it, of the function that a mutant stands in for."""
    return mutant.partition(MARK)[0]


def diff(module: str, mutant: str) -> str:
    """The lines that a mutant changes, before and after."""
    before = _body(module, f"{function_of(mutant)}{MARK}{AS_WRITTEN}")
    changed = difflib.unified_diff(before, _body(module, mutant), lineterm="", n=0)
    return "\n".join(line for line in changed if not line.startswith(("---", "+++", "@@")))


def _body(module: str, name: str) -> list[str]:
    file = TRIAL.files[module]
    span = file.line_span_by_function_name[name]
    return [line.replace(name, "") for line in file.code.splitlines()[span.start - 1 : span.end]]
