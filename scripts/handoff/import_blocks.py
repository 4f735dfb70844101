"""The imports at the top of a program: what it uses and nothing else, in the usual order.

Standard library only.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby


@dataclass(frozen=True)
class Import:
    """`import module`, or `from module import member`; `name` is what it is called here, if not the same."""

    module: str
    member: str = ""
    name: str = ""
    ours: bool = False
    """It lies beside the program, and is not installed."""
    comment: str = ""
    """Behind it, with its two blanks."""

    @property
    def bound(self) -> str:
        """The name by which the program knows it."""
        return self.name or self.member or self.module.partition(".")[0]

    @property
    def section(self) -> int:
        """The standard library, then what is installed, then what lies beside the program."""
        if self.ours:
            return 2
        return 0 if self.module.partition(".")[0] in sys.stdlib_module_names else 1

    @property
    def renamed(self) -> bool:
        return self.name not in ("", self.member or self.module)


def in_order(program: str, more: Sequence[Import] = ()) -> str:
    """The program with its first block of imports and these, without those that it does not use, sorted as Ruff does.

    The block is what stands below the docstring; imports further down stay as they are, and are there for what uses
    them.
    """
    tree = ast.parse(program)
    lines = program.splitlines()
    block: list[ast.stmt] = []
    about = tree.body[:1] if ast.get_docstring(tree) is not None else []
    for node in tree.body[len(about) :]:
        if not isinstance(node, ast.Import | ast.ImportFrom):
            break
        block.append(node)
    used = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    imports = {one for node in block for one in _imports(node, lines)}
    known = {(one.module, one.member, one.bound) for one in imports}
    imports |= {one for one in more if (one.module, one.member, one.bound) not in known}
    kept = [one for one in imports if one.bound in used]

    first = block[0].lineno - 1 if block else _end(about)
    last = _end(block) if block else first
    above, below = "\n".join(lines[:first]).rstrip("\n"), "\n".join(lines[last:]).strip("\n")
    starts_definition = below.startswith(("def ", "class ", "@"))
    gap = "\n\n\n" if starts_definition else "\n\n"
    parts = [part for part in (above, _written(kept)) if part]
    return "\n\n".join(parts) + (gap if parts else "") + f"{below}\n"


def _end(nodes: Sequence[ast.stmt]) -> int:
    """The number of the last line; 0 of nothing."""
    return nodes[-1].end_lineno or 0 if nodes else 0


def _imports(node: ast.stmt, lines: list[str]) -> list[Import]:
    assert isinstance(node, ast.Import | ast.ImportFrom)
    assert node.end_lineno is not None
    line = lines[node.end_lineno - 1]
    rest = line.encode()[node.end_col_offset :].decode()
    module = node.module or "" if isinstance(node, ast.ImportFrom) else ""
    return [
        Import(module, each.name, each.asname or "", comment=rest) if module
        else Import(each.name, "", each.asname or "", comment=rest)
        for each in node.names
    ]  # fmt: skip


def _written(imports: list[Import]) -> str:
    """Sections apart by an empty line; in each, whole modules first, then members of modules."""

    def place(one: Import) -> tuple[int, bool, str, bool, str]:
        return one.section, bool(one.member), one.module.lower(), bool(one.member) and one.renamed, one.member

    sections = []
    for _, section in groupby(sorted(imports, key=place), key=lambda one: one.section):
        said = []
        for (module, _), group in groupby(section, key=lambda one: (one.module, _alone(one))):
            members = sorted(group, key=_kind)
            name = ", ".join(
                f"{each.member or module} as {each.name}" if each.renamed else each.member or module for each in members
            )
            said.append(
                (f"from {module} import {name}" if members[0].member else f"import {name}") + members[0].comment
            )
        sections.append("\n".join(said))
    return "\n\n".join(sections)


def _alone(one: Import) -> str:
    """What may not share a statement with others: a whole module, and a member under another name."""
    return "" if one.member and not one.renamed else one.name or one.module


def _kind(one: Import) -> tuple[int, str]:
    """Among members of one module: constants, then classes, then the rest."""
    name = one.member
    return (0 if name.isupper() and len(name) > 1 else 1 if name[:1].isupper() else 2), name.lower()
