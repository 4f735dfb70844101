"""The code to paste with the user's own function and data in it, instead of the sample that a snippet comes with.

A snippet (snippets/<strategy>.py) is a whole program with a function `work`, marked `# your function`, and a sample,
marked `# your data`. It is taken apart by Python's own parser: the function gives way to an import and the sample to
what reads the user's file or calls the user's maker, what both were annotated with becomes Any, and imports are put in
order. Some ways differ with what is handed over; those have further snippets in folders of their own:

    for_arrays/     where the plain one is for DataFrames, and arrays can go the same way
    for_tables/     the same for Arrow tables
    for_own_data/   where the plain one makes its sample in a way that a file's content cannot be made

Standard library only.
"""

from __future__ import annotations

import ast
import re
import tokenize
from dataclasses import dataclass
from io import StringIO
from pathlib import Path, PurePath
from typing import Any, Final

from handoff import strategies
from handoff.import_blocks import Import, in_order
from handoff.mistakes import HandoffError

LONGEST: Final = 120
"""Characters of a line."""

READERS: Final = {
    ".npy": ("np.load({path})", Import("numpy", name="np"), "array"),
    ".npz": ("dict(np.load({path}))", Import("numpy", name="np"), ""),
    ".parquet": ("pd.read_parquet({path})", Import("pandas", name="pd"), "frame"),
    ".feather": ("pd.read_feather({path})", Import("pandas", name="pd"), "frame"),
    ".csv": ("pd.read_csv({path})", Import("pandas", name="pd"), "frame"),
    ".arrow": ("feather.read_table({path})", Import("pyarrow", "feather"), "table"),
    ".pkl": ("pickle.loads(Path({path}).read_bytes())", Import("pickle"), ""),
}
"""Suffix of a user's file -> the expression that reads it, what that needs, and the form it is in; '' for any."""

MAPPED: Final = 'np.load({path}, mmap_mode="r")'
"""For ways that want the data in a place of their own: they are read from the file straight to there."""

UNPICKLING: Final = "# Unpickling runs whatever code the file's writer put there: only for files of your own."

LIBRARIES: Final = {"array": "numpy", "frame": "pandas", "table": "pyarrow"}
"""Form -> what a process imports to use it."""

ARRAYS_ALONE: Final = ("process_spawn-arena_born", "mpi_world-mpi_window")
"""Ways that carry more than arrays, and whose snippets are for one array."""

FOR_ONE_ARRAY: Final = (
    "# This is for one array. The columns of a DataFrame go there one by one, in the same way; other data, as bytes."
)

_DATA_TYPES: Final = ("np.ndarray", "pd.DataFrame", "pl.DataFrame", "pa.Table", "float")
"""What the snippets call the sample's type, and that of what `work` gives."""


class CannotPaste(HandoffError):
    """A name or file of which no code can be made: which, and what would do."""


@dataclass(frozen=True)
class OwnData:
    """What the user hands over: a file, or what a function of theirs returns; neither for what Handoff makes."""

    kind: str = "any"
    """The payload's kind as far as it is known: `array`, `text_frame`, `arrow_table`, ..."""
    nbytes: int = 0
    """In memory; 0 if that is not known."""
    path: str = ""
    maker: str = ""
    """`module:function`."""
    arguments: tuple[Any, ...] = ()
    """Of the maker: literals, at most one."""
    home: str = ""
    """The folder that the maker's module is imported from; '' if it is installed."""

    @property
    def form(self) -> str:
        """`array`, `frame`, `table`, or '' where it may be anything."""
        if self.kind.startswith("arrow_"):
            return "table"
        for form in ("array", "frame"):
            if self.kind.endswith(form) and self.kind not in ("object_array", "polars_frame"):
                return form
        return READERS[self.suffix][2] if self.suffix in READERS else ""

    @property
    def suffix(self) -> str:
        return PurePath(self.path).suffix

    @property
    def own(self) -> bool:
        return bool(self.path or self.maker)


def filled(strategy: str, task: str = "", data: OwnData | None = None, home: str = "") -> str:
    """The strategy's snippet with the user's function and data in it, as text that ends with a newline.

    task is `module:function`, and home the folder that the module is imported from ('' if it is installed); any other
    task is a built-in one, and the sample's function stays. Without data of the user's own the sample's data stay. If
    both stay, so does all of the snippet.

    Raises:
        UnknownStrategy: there is no such strategy.
        CannotPaste: the names are none that can be imported, or the file is of no known type.
    """
    data = data or OwnData()
    own_task = ":" in task
    found = strategies.find(strategy)
    text = _file_for(found, data).read_text(encoding="utf-8")
    if not own_task and not data.own:
        return text
    if data.own and found.base in ARRAYS_ALONE and data.form != "array":
        return f"{FOR_ONE_ARRAY}\n{found.snippet.read_text(encoding='utf-8')}"
    snippet = _Snippet(text)
    imports = []
    if own_task:
        module, function = _names(task)
        local = function if function == "work" or function not in snippet.names else "work"
        snippet.use_function(local)
        imports.append(Import(module, function, local, ours=bool(home)))
    else:
        snippet.use_any_function()
    if data.own:
        in_place = strategies.transport_facts(found.transport).born_there
        taken = snippet.names | {imported.bound for imported in imports}
        expression, needed = _expression(data, taken, in_place)
        snippet.use_data(expression, UNPICKLING if data.suffix == ".pkl" else "")
        snippet.use_size(data.nbytes)
        snippet.use_library(LIBRARIES.get(data.form, ""))
        imports += needed
    snippet.forget_types()
    beside = sorted(
        {_module_file(name) for name, folder in ((task, home), (data.maker, data.home)) if ":" in name and folder}
    )
    first = f"# Save this beside {' and '.join(beside)}, and run it there.\n" if beside else ""
    return first + in_order(snippet.edited(), [*imports, Import("typing", "Any")])


def _file_for(strategy: strategies.Strategy, data: OwnData) -> Path:
    plain = strategy.snippet
    folders = ["for_own_data"] if data.own else []
    folders += {"array": ["for_arrays"], "table": ["for_tables"]}.get(data.form, [])
    found = (plain.parent / folder / plain.name for folder in folders)
    return next((path for path in found if path.is_file()), plain)


def _names(name: str) -> tuple[str, str]:
    """Module and function of `module:function`."""
    module, _, function = name.partition(":")
    if not all(part.isidentifier() for part in (*module.split("."), function)):
        raise CannotPaste(f"{name!r} cannot be imported; it should be module:function, as mymodule:clean.")
    return module, function


def _module_file(name: str) -> str:
    """What lies in the folder that the module is imported from."""
    package, dot, _ = name.partition(":")[0].partition(".")
    return f"the folder {package}" if dot else f"{package}.py"


def literal(text: str) -> str:
    """The text as Python writes it, in double quotes where that needs no more backslashes."""
    plain = repr(text)
    return f'"{plain[1:-1]}"' if plain[0] == "'" and '"' not in plain else plain


def _expression(data: OwnData, taken: set[str], in_place: bool) -> tuple[str, list[Import]]:
    """What gives the user's data, and what it needs."""
    if data.maker:
        module, function = _names(data.maker)
        local = function if function not in taken else next(n for n in ("make", "make_payload") if n not in taken)
        arguments = ", ".join(literal(each) if isinstance(each, str) else repr(each) for each in data.arguments)
        return f"{local}({arguments})", [Import(module, function, local, ours=bool(data.home))]
    if data.suffix not in READERS:
        raise CannotPaste(f"{data.path!r} is of no known type; known are {', '.join(READERS)}.")
    form, needed, _ = READERS[data.suffix]
    form = MAPPED if in_place and data.suffix == ".npy" else form
    needs = [needed, Import("pathlib", "Path")] if "Path(" in form else [needed]
    return form.format(path=literal(data.path)), needs


class _Snippet:
    """A snippet's text, and what is to be changed in it."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.tree = ast.parse(text)
        self._lines = text.splitlines(keepends=True)
        self._starts = [0]
        for line in self._lines:
            self._starts.append(self._starts[-1] + len(line))
        self._edits: list[tuple[int, int, str]] = []
        tokens = tokenize.generate_tokens(StringIO(text).readline)
        self._comments = {token.start[0]: token for token in tokens if token.type == tokenize.COMMENT}
        """Of each line that has one."""
        self._work = next(
            node for node in self.tree.body if isinstance(node, ast.FunctionDef) and node.name == "work"
        )  # fmt: skip

    @property
    def names(self) -> set[str]:
        """Every name that the snippet uses or binds."""
        found = {"Any"}
        for node in ast.walk(self.tree):
            match node:
                case ast.Name(id=name) | ast.arg(arg=name) | ast.FunctionDef(name=name):
                    found.add(name)
                case ast.alias(name=name, asname=local):
                    found.add(local or name.partition(".")[0])
        return found

    def edited(self) -> str:
        """The text with all changes made."""
        text = self.text
        # Inner ones come to lie inside what a larger one has replaced: they are left out.
        done = len(text) + 1
        for start, end, new in sorted(self._edits, key=lambda edit: (-edit[1], edit[0])):
            if end <= done:
                text, done = text[:start] + new + text[end:], start
        return text

    def _place(self, line: int, column: int) -> int:
        """The index of a node's place in the text: columns are counted in bytes of UTF-8."""
        return self._starts[line - 1] + len(self._lines[line - 1].encode()[:column].decode())

    def _span(self, node: ast.expr | ast.stmt) -> tuple[int, int]:
        assert node.end_lineno is not None
        assert node.end_col_offset is not None
        return self._place(node.lineno, node.col_offset), self._place(node.end_lineno, node.end_col_offset)

    def _replace(self, node: ast.expr | ast.stmt, new: str) -> None:
        self._edits.append((*self._span(node), new))

    def use_function(self, name: str) -> None:
        """Call the user's function by this name; what is to be heeded in it stays as a comment."""
        work = self._work
        assert work.end_lineno is not None
        hints = [
            comment.string.partition("your function")[2]
            for line, comment in self._comments.items()
            if work.lineno <= line <= work.end_lineno and "your function" in comment.string
        ]
        hint = f"# {name} is your function{hints[0]}\n\n\n" if hints and hints[0] else ""
        before = self.tree.body[self.tree.body.index(work) - 1]
        assert before.end_lineno is not None
        start, end = before.end_lineno, work.end_lineno
        while start < work.lineno - 1 and self._lines[start].strip():
            start += 1  # comments that belong to what stands before
        while end < len(self._lines) and not self._lines[end].strip():
            end += 1
        gap = "\n" if hint and isinstance(before, ast.Import | ast.ImportFrom) else "\n\n"
        self._edits.append((self._starts[start], self._starts[end], gap + hint))
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Name) and node.id == "work":
                self._replace(node, name)
        for line, comment in self._comments.items():
            start = self._starts[line - 1] + comment.start[1]
            said = re.sub(r"\bif work writes\b", f"if {name} writes", comment.string)
            if said != comment.string:
                self._edits.append((start, start + len(comment.string), said))

    def use_any_function(self) -> None:
        """The sample's function is for the sample's data: one for any, in its place."""
        body = self._work.body
        (start, _), (_, end) = self._span(body[0]), self._span(body[-1])
        self._edits.append((start, end, "return len(data)"))

    def use_data(self, expression: str, warning: str) -> None:
        """Put the expression where the sample is made; what is said beside it stays."""
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Assign) and self._is_data(node):
                comment = self._comments[node.lineno]
                indent = " " * node.col_offset
                new = f"{ast.unparse(node.targets[0])} = {expression}"
                above = f"{warning}\n{indent}" if warning else ""
                if len(f"{indent}{new}  {comment.string}") > LONGEST:
                    above += f"# Y{comment.string[3:]}\n{indent}"
                else:
                    new += f"  {comment.string}"
                start, _ = self._span(node)
                self._edits.append((start, self._starts[node.lineno] - 1, above + new))
            if isinstance(node, ast.For) and any(map(self._is_data, node.body)):
                # Two samples that differ by their start; there is one of the user's.
                self._replace(node.target, "_")

    def _is_data(self, node: ast.stmt) -> bool:
        comment = self._comments.get(node.lineno)
        return isinstance(node, ast.Assign) and comment is not None and comment.string.startswith("# your data")

    def use_size(self, nbytes: int) -> None:
        """Make room for so many bytes, where a snippet has a SIZE: more than them, as each buffer begins aligned."""
        mebibytes = nbytes * 9 // 8 // 2**20 + 1
        for node in self.tree.body:
            if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "SIZE" and nbytes:
                if ast.unparse(node.value) == "2 ** 30" and mebibytes <= 2**10:
                    continue  # of a file that takes what is used
                self._replace(node.value, f"{mebibytes} * 2**20")

    def use_library(self, library: str) -> None:
        """Preload what the user's data need, where a server preloads something."""
        for node in ast.walk(self.tree):
            match node:
                case ast.Call(func=ast.Attribute(attr="set_forkserver_preload"), args=[names]) if library:
                    self._replace(names, f'["{library}"]')
                    about = self.tree.body[0]
                    start, end = self._span(about)
                    said = self.text[start:end].replace("numpy already", f"{library} already")
                    self._edits.append((start, end, said))

    def forget_types(self) -> None:
        """Annotate what is handed over, and what the function gives, as anything."""
        for node in ast.walk(self.tree):
            match node:
                case (
                    ast.arg(annotation=ast.expr() as annotation)
                    | ast.FunctionDef(returns=ast.expr() as annotation)
                    | ast.AnnAssign(annotation=annotation)
                ):
                    for part in ast.walk(annotation):
                        if isinstance(part, ast.expr) and ast.unparse(part) in _DATA_TYPES:
                            self._replace(part, "Any")
