"""A kind of import contract that import-linter does not have: a closed list of what a module may import.

import-linter's own kinds name what is forbidden, so a new dependency passes unseen. Here everything is forbidden but
the standard library, the module's own package and what the contract names.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import cast

from grimp import ImportGraph
from importlinter import Contract, ContractCheck, fields, output


class OnlyImports(Contract):
    """Direct imports of `source_modules` (with their descendants) stay within `may_import` (with theirs)."""

    source_modules = fields.ListField(subfield=fields.ModuleField())
    may_import = fields.ListField(subfield=fields.StringField())

    def check(self, graph: ImportGraph, verbose: bool) -> ContractCheck:
        """Broken if an import leaves the list. Raises ValueError if a source module is not there at all."""
        sources = [module.name for module in self.source_modules]  # type: ignore[attr-defined]
        if absent := [source for source in sources if source not in graph.modules]:
            raise ValueError(f"no such module: {', '.join(absent)}")
        allowed = [*sources, *cast(list[str], self.may_import)]
        strays = sorted(stray for source in sources for stray in _strays(graph, source, allowed))
        return ContractCheck(kept=not strays, metadata={"strays": strays})

    def render_broken_contract(self, check: ContractCheck) -> None:
        """One line an import that is not on the list."""
        for importer, imported in check.metadata["strays"]:
            output.print_error(f"- {importer} -> {imported}", bold=False)


def _strays(graph: ImportGraph, source: str, allowed: list[str]) -> Iterator[tuple[str, str]]:
    for importer in {source, *graph.find_descendants(source)}:
        for imported in graph.find_modules_directly_imported_by(importer):
            if not _within(imported, allowed):
                yield importer, imported


def _within(module: str, allowed: list[str]) -> bool:
    if module.partition(".")[0] in sys.stdlib_module_names:
        return True
    return any(module == name or module.startswith(f"{name}.") for name in allowed)
