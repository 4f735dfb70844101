"""What is made and not written: config/README.md from the schema, docs/columns.md from the tables, names in the schema.

They hold nothing that the code does not hold, so they cannot say anything else than it does.
"""

from __future__ import annotations

import json
import re
import textwrap
from collections.abc import Iterable, Sequence
from typing import Any

from handoff.configuration import Schema, resolve
from handoff.records import SCHEMA_VERSION, STATUSES, TABLES, Table
from handoff.scenarios import FILES, KINDS, PATTERNS, TASKS, format_size, kind_facts
from handoff.strategies import groups

_HOW_TO_CONFIGURE = """\
# What to measure

<!-- Made by `make docs` from workflow/schemas/config.schema.yaml; edits here are lost. -->

A config says what is measured and how often; where it runs, and on how many cores, is not its matter.
For your own question copy or edit `mine.yaml`.

| file | what it measures |
|---|---|
| `config.yaml` | `make report`, the default: arrays, a frame, a frame with text; five to six minutes on two cores |
| `sizes.yaml` | an array from 1 KiB to 1 GiB |
| `everything.yaml` | `make everything`, every level of every factor once: what works here, and no verdict |
| `arena.yaml` | the arena against its peers and the floor: `docs/arena.md` |
| `smoke.yaml` | `make quick`, the least that goes the whole way: below a minute; says little about speed |
| `sweep.yaml` | `make sweep`, sizes x kinds x workers, for curves; takes hours, and goes on where it was stopped |
| `article.yaml` | `make article`, the article's experiments, its figures beside yours; wants 10 GiB of free memory |
| `calibrate.yaml` | `make calibrate`, strategies against themselves: how right the verdicts are; half an hour |
| `mine.yaml` | `make mine`, a template with comments, for your own data |

Inside an environment that has the packages, any of them and any file of yours runs with

```
snakemake --cores all --configfile config/mine.yaml
```

Snakemake reads `config.yaml` first and lays that file over it: a key that your file has replaces the default's,
lists as a whole; a key that it lacks keeps the value in `config.yaml`. One value can be changed for one run with
`--config blocks=12`. Values inside `scenarios` or `needs` cannot: there Snakemake hands over everything as text.

Good to know:
- **Sizes.** `64MiB` is 64 x 1,048,576 = 67,108,864 bytes; `64MB` is 64 x 1,000,000 bytes. They are two payloads.
- **`max` workers** is one for each core that the run may use (the process's affinity, not `--cores`).
  The results say how many that were.
- **Lists** are crossed inside an entry of `scenarios`: two sizes and two patterns are four scenarios.
- **An empty key** (`blocks:`) is an error, and so is a key that does not exist. A key that is left out has its default.
- **`run`** names the folder in `results/`. The same name continues a run: what was measured already is kept.
"""

_ABOUT_COLUMNS = f"""\
# The columns of every table

<!-- Made by `make docs` from scripts/handoff/records.py; edits here are lost. -->

All tables lie in `results/<run>/`, the last one in an atlas. They are CSV in UTF-8 with one header line. A number is
seconds, bytes or a count. An empty cell means "does not apply" or "not known", never zero.

This is form {SCHEMA_VERSION}. A new column raises the number behind the point, and older tables are still read.
A column that changes its meaning raises the number before it, and older tables are refused.
"""


def config_reference(schema: Schema) -> str:
    """config/README.md: how to configure, then every key of the schema with its type, default and meaning."""
    definitions = schema["$defs"]
    return _page(
        _HOW_TO_CONFIGURE,
        "## Keys",
        _keys(schema, schema),
        "## An entry of `scenarios`",
        _keys(definitions["entry"], schema),
        "## `payload`: one that Handoff makes",
        _keys(definitions["made_payload"], schema),
        "Beside these, the options of its kind; each is one value or a list:",
        _table(("kind", "what it is", "options and their defaults", "good to know"), (_kind(kind) for kind in KINDS)),
        "`polars_frame` needs the package polars, which is not installed by itself.",
        "## `payload`: a file of yours",
        f"Known types: {', '.join(f'`{suffix}`' for suffix in FILES)}. "
        "A `.pkl` file runs code as it loads: take only one that you trust.",
        _keys(definitions["file_payload"], schema),
        "## `payload`: what a function of yours returns",
        _keys(definitions["function_payload"], schema),
        "## `interpreters`",
        f"Short names, each with a Python. {schema['properties']['interpreters']['propertyNames']['description']}",
        f"Either a command: {definitions['python_command']['description']} Or keys:",
        _keys(definitions["conda_environment"], schema),
        "## `needs`",
        _keys(schema["properties"]["needs"], schema),
        "## Tasks",
        _table(("task", "what it does"), ((f"`{name}`", about) for name, about in TASKS.items())),
        "## Patterns",
        _table(("pattern", "what is timed"), ((f"`{name}`", pattern.about) for name, pattern in PATTERNS.items())),
        "## Groups of strategies",
        _table(
            ("group", "its strategies"),
            ((f"`{name}`", ", ".join(f"`{member}`" for member in members)) for name, members in groups().items()),
        ),
    )


def schema_with_names(text: str) -> str:
    """The schema's text with the names of kinds, tasks and patterns as the library has them; all else stays."""
    for above, names in (
        (r"        description: What the object is\.\n        type: string\n", KINDS),
        (r"  built_in_task:\n    type: string\n", TASKS),
        (r"  pattern:\n    type: string\n", PATTERNS),
    ):
        found = re.search(rf"(?<={above})( +)enum: \[[^\]]*\]", text)
        if found is None:
            raise ValueError(f"the schema has no list of names below {above!r}")
        text = text[: found.start()] + _enum(len(found[1]), tuple(names)) + text[found.end() :]
    return text


def _enum(indent: int, names: Sequence[str]) -> str:
    one = f"{' ' * indent}enum: ["
    return textwrap.fill(", ".join(names) + "]", 120, initial_indent=one, subsequent_indent=" " * len(one))


def columns_page() -> str:
    """docs/columns.md: every column of every table with its type, unit and meaning, and every status."""
    tables = (
        part for table in TABLES for part in (f"## {table.name}", f"One row is {table.one_row}.", _columns(table))
    )
    statuses = _table(("status", "meaning"), ((f"`{name}`", meaning) for name, meaning in STATUSES.items()))
    return _page(_ABOUT_COLUMNS, *tables, "## Statuses", statuses)


def _keys(part: Schema, schema: Schema) -> str:
    rows = []
    for key, given in part["properties"].items():
        found = resolve(schema, given)
        default = (
            "required" if key in part.get("required", ()) else _value(found["default"]) if "default" in found else ""
        )
        rows.append((f"`{key}`", _type(found, schema), default, found["description"]))
    return _table(("key", "type", "default", "meaning"), rows)


def _type(part: Schema, schema: Schema) -> str:
    """What may stand there, in words."""
    if "required" in part.get("if", {}):
        forms = 2
        while "required" in (part := part["else"]).get("if", {}):
            forms += 1
        return f"one of {('two', 'three')[forms - 2]} forms, see below"
    if "pattern" in part.get("if", {}):
        return f"{_type(resolve(schema, part['else']), schema)}, or {resolve(schema, part['then'])['title']}"
    if "else" in part:
        return f"{_type(resolve(schema, part['else']), schema)}; or a list of them"
    if "enum" in part:
        return ", ".join(f"`{choice}`" for choice in part["enum"])
    if part.get("title", "").startswith(("a ", "an ")):
        return str(part["title"]).partition(" ")[2]
    if part["type"] == "array":
        items = resolve(schema, part["items"])
        return f"list of: {_type(items, schema)}" if "enum" in items else "list"
    if part["type"] in ("integer", "number"):
        return _number(part)
    return {"string": "text", "object": "keys", "boolean": "`true`, `false`"}[part["type"]]


def _number(part: Schema) -> str:
    low = f"above {part['exclusiveMinimum']}" if "exclusiveMinimum" in part else f"from {part['minimum']}"
    high = f" to {part['maximum']}" if "maximum" in part else ""
    return f"{'whole number' if part['type'] == 'integer' else 'number'} {low}{high}"


def _value(value: Any) -> str:
    """A default as one would write it in YAML, in one line."""
    if isinstance(value, dict):
        inside = ", ".join(f"{key}: {_plain(below)}" for key, below in value.items())
        return f"`{{{inside}}}`"
    return f"`{_plain(value)}`"


def _plain(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value).replace('"', "")


def _kind(kind: str) -> tuple[str, str, str, str]:
    facts = kind_facts(kind)
    options = (_option(name, default, facts.allowed.get(name, ())) for name, default in facts.options.items())
    cannot = [*(f"`{pattern}`" for pattern in PATTERNS if facts.cannot(pattern)), *["fork"] * (not facts.forkable)]
    known = [
        facts.hazard,
        f"{format_size(facts.largest)} at most" if facts.largest else "",
        f"not for {', '.join(cannot)}: {facts.why_not}" if cannot else "",
    ]
    return f"`{kind}`", facts.about, "; ".join(options), "; ".join(filter(None, known))


def _option(name: str, default: Any, allowed: Sequence[Any]) -> str:
    others = [f"`{_plain(value)}`" for value in allowed if value != default]
    return f"`{name}: {_plain(default)}`" + (f" (or {', '.join(others)})" if others else "")


def _columns(table: Table) -> str:
    names = {str: "text", int: "whole number", float: "number"}
    rows = ((f"`{c.name}`", names[c.type], c.unit, c.meaning) for c in table.columns)
    return _table(("column", "type", "unit", "meaning"), rows)


def _table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table. A bar would end its cell, and `<name>` would vanish as an unknown tag of HTML."""
    lines = [header, ["---"] * len(header), *([_escaped(cell) for cell in row] for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _escaped(cell: str) -> str:
    return cell.replace("|", "\\|").replace("<", "&lt;")


def _page(*parts: str) -> str:
    return "\n\n".join(part.strip() for part in parts) + "\n"
