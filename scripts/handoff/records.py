"""The columns of every table, with their units and meaning, and how a table is written and read.

Standard library only: the measured process, the supervisor and the Snakefile all use it.

A number is seconds, bytes or a count; there is no other unit. An empty cell means "does not
apply" or "not known", never zero. docs/columns.md is made from the tables below.
"""

from __future__ import annotations

import csv
import hashlib
import io
import itertools
import json
import os
import re
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Final, NoReturn, TextIO, TypeVar

from handoff.mistakes import HandoffError

T = TypeVar("T")

SCHEMA_VERSION: Final = "1.3"
"""Major: a meaning changed, old tables are refused. Minor: a column was added, old tables are read."""

STATUSES: Final = {
    "ok": "delivered, proven, timed",
    "invalid": "what arrived is not what was sent; it has no time",
    "error": "an exception in the sender or a worker",
    "timeout": "ended by its time limit; the true time is longer",
    "crashed": "a process died of a signal or left without a word",
    "out_of_memory": "the kernel or a memory limit ended it",
    "leaked": "it ended well but left files, segments or processes behind, which were swept",
    "skipped": "not started: too little memory or room, with the arithmetic in the reason",
    "unsupported": "this way cannot carry it, or needs a package that is not there",
    "raced_out": "stopped early: shown to be several times slower than the best",
}

Value = str | int | float | bool | None
Row = dict[str, Value]

ANEW: Final = "Delete it and run the same command again: it is made anew."
"""The remedy for a damaged file that a step makes from others."""

LARGEST: Final = 2.0**64
"""Nothing that is counted, timed or seeded here is larger, and computing with much larger numbers overflows."""


MOST_LEVELS: Final = 50
"""Of nested values in a JSON file of results: looking through more could end in Python's recursion limit."""


class BadTable(HandoffError):
    """A file of results is not what was written: which file, what is wrong, what to do."""


@dataclass(frozen=True)
class Column:
    """One column: its name, the type of its cells, its unit and what it means."""

    name: str
    type: type
    unit: str
    meaning: str


@dataclass(frozen=True)
class Table:
    """A table's name, what one row of it is, and its columns in order."""

    name: str
    one_row: str
    columns: tuple[Column, ...]

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(column.name for column in self.columns)


def _columns(*rows: tuple[str, type, str, str]) -> tuple[Column, ...]:
    return tuple(Column(*row) for row in rows)


INVOCATIONS: Final = Table(
    "invocations.csv",
    "one measuring job: one strategy, one payload kind, one block, in fresh processes",
    _columns(
        ("schema_version", str, "", "version of this table's form"),
        ("invocation", str, "", "its id; timings.csv refers to it"),
        ("run", str, "", "the run's name, a key of the config"),
        ("campaign", str, "", "one boot of one machine and one start of the workflow"),
        ("machine_id", str, "", "hardware and kernel; machines/<machine_id>.json describes it"),
        ("environment_id", str, "", "Python, packages and Handoff's own code"),
        ("host", str, "", "the host's name, or SLURM's node name"),
        ("interpreter", str, "", "the measured Python's implementation and version"),
        ("block", int, "count", "the pass over all strategies that it belongs to, from 1"),
        ("slot", int, "count", "its place in the block's shuffled order, from 0"),
        ("order_seed", int, "", "the seed of that shuffle"),
        ("kind", str, "", "the payload kind"),
        ("strategy", str, "", "executor-transport[-storage]; @again: an A/A sentinel; @slow10: made 10 % slower"),
        ("executor", str, "", "who runs the task"),
        ("transport", str, "", "how the payload gets there"),
        ("storage", str, "", "tmpfs or disk, where the transport writes files"),
        ("workers", str, "", "the worker counts of its scenarios, with blanks between"),
        ("status", str, "", "the worst status of its scenarios (see the list of statuses)"),
        ("fail_phase", str, "", "how far it had come when it failed"),
        ("fail_reason", str, "", "why, in words"),
        ("signal", str, "", "the signal that ended it, by name"),
        ("stderr_tail", str, "", "the last lines that it wrote to standard error"),
        ("swept", str, "", "what it left behind and was removed"),
        ("start_s", float, "s", "from making the executor until every worker had answered"),
        ("clock_resolution_s", float, "s", "the smallest step of the clock that was seen"),
        ("clock_overhead_s", float, "s", "what one reading of the clock cost"),
        ("load_before", float, "count", "the one-minute load average before it started"),
        (
            "others_cpu_s",
            float,
            "s",
            "processor time that others than the invocation and its workflow used meanwhile",
        ),
        ("steal_s", float, "s", "time that the hypervisor gave to others meanwhile, all cores"),
        ("cpu_pressure", float, "share", "share of its time in which some task waited for a core"),
        ("memory_pressure", float, "share", "share of its time in which some task waited for memory"),
        ("throttled", int, "count", "times that the cgroup's CPU quota stopped it"),
        ("overheated", int, "count", "times that a core slowed down because it was too hot"),
        ("swapped", int, "count", "pages swapped in or out on the machine meanwhile"),
        ("major_faults", int, "count", "page faults on the machine that had to wait for a disk meanwhile"),
        ("megahertz_before", float, "MHz", "the cores' mean clock before it started"),
        ("megahertz_after", float, "MHz", "the cores' mean clock after it ended"),
        ("peak_extra_bytes", int, "bytes", "the most memory that one transfer needed beyond the payload itself"),
        ("started_at", str, "UTC", "when it started"),
        ("ended_at", str, "UTC", "when it ended"),
        ("started_ns", int, "ns", "the same on the host's monotonic clock: proves that no two overlap"),
        ("ended_ns", int, "ns", "the same on the host's monotonic clock"),
    ),
)

TIMINGS: Final = Table(
    "timings.csv",
    "one transfer, or the reason why there is none",
    _columns(
        ("schema_version", str, "", "version of this table's form"),
        ("invocation", str, "", "the invocation it happened in"),
        ("block", int, "count", "the invocation's block"),
        ("strategy", str, "", "the invocation's strategy"),
        ("scenario", str, "", "payload.task.pattern.workers: rankings are made inside one scenario only"),
        ("payload", str, "", "the payload's id"),
        ("kind", str, "", "the payload kind"),
        ("payload_bytes", int, "bytes", "one payload's own size in memory"),
        ("task", str, "", "the function that used the payload where it arrived"),
        ("pattern", str, "", "how data flowed: send, return, ..."),
        ("workers", int, "count", "workers that took part, all at once"),
        ("transfer", int, "count", "its number within invocation and scenario, from 0"),
        ("warm", int, "0 or 1", "0 for the first transfer of its scenario, 1 for the steady ones after it"),
        ("batch", int, "count", "transfers under one reading of the clock; above 1, times are their mean"),
        ("calls", int, "count", "calls over one published payload"),
        ("first_call_s", float, "s", "reuse: the first of those calls"),
        ("prepare_s", float, "s", "making it ready before the clock starts: content of its own, its right result"),
        ("publish_s", float, "s", "putting the payload where it can be reached"),
        (
            "dispatch_s",
            float,
            "s",
            "from submitting the call until the task's worker has it (pickled data travel here)",
        ),
        ("attach_s", float, "s", "making the payload usable at the receiver"),
        ("task_s", float, "s", "the task itself"),
        ("reply_s", float, "s", "from the task's end until the caller has the reply"),
        ("release_s", float, "s", "freeing the place afterwards; not part of total_s"),
        ("total_s", float, "s", "the whole, as the pattern's clock says; empty unless ok"),
        ("serialize_s", float, "s", "instrumented: pickling inside the channel"),
        ("deserialize_s", float, "s", "instrumented: unpickling inside the channel"),
        ("instrumented", int, "0 or 1", "1 where extra probes ran: its times are not compared"),
        ("cpu_sender_s", float, "s", "processor time of the sender's process"),
        ("cpu_workers_s", float, "s", "processor time of all workers"),
        ("minor_faults", int, "count", "page faults served from memory, sender and workers"),
        ("major_faults", int, "count", "page faults that had to wait for a disk, sender and workers"),
        ("huge_pages", int, "bytes", "anonymous memory in huge pages after it, sender and workers"),
        ("bytes_received", int, "bytes", "what the receivers hold, by their own count"),
        ("bytes_moved", int, "bytes", "what tickets and places held: more than received where a way takes more along"),
        ("digest_ok", int, "0 or 1", "1 if the scenario's proof of delivery held in this invocation"),
        (
            "peak_extra_bytes",
            int,
            "bytes",
            "instrumented for memory: the most that it needed beyond the payload itself",
        ),
        ("status", str, "", "see the list of statuses"),
        ("reason", str, "", "why it is not ok, in words"),
    ),
)

SUMMARY: Final = Table(
    "summary.csv",
    "one scenario and strategy, over all blocks",
    _columns(
        ("schema_version", str, "", "version of this table's form"),
        ("scenario", str, "", "the scenario's id"),
        ("payload", str, "", "the payload's id"),
        ("kind", str, "", "the payload kind"),
        ("payload_bytes", int, "bytes", "one payload's own size in memory"),
        ("task", str, "", "the task's name"),
        ("pattern", str, "", "the pattern's name"),
        ("workers", int, "count", "workers that took part"),
        ("strategy", str, "", "the strategy's id"),
        ("executor", str, "", "who runs the task"),
        ("transport", str, "", "how the payload gets there"),
        ("storage", str, "", "tmpfs or disk, where the transport writes files"),
        ("role", str, "", "candidate, floor, sentinel or planted (made slower on purpose)"),
        ("n_blocks", int, "count", "blocks with a time"),
        ("median_s", float, "s", "median over blocks of each block's median steady transfer"),
        ("low_s", float, "s", "lower end of the median's interval (95 % or more, exact); empty below 6 blocks"),
        ("high_s", float, "s", "upper end of it"),
        ("first_s", float, "s", "median over blocks of the first transfer"),
        (
            "ratio_to_reference",
            float,
            "ratio",
            "time over the reference's, paired by block (Hodges-Lehmann); below 1 is faster",
        ),
        ("ratio_low", float, "ratio", "lower end of its interval (95 % or more, exact signed-rank)"),
        ("ratio_high", float, "ratio", "upper end of it"),
        ("verdict", str, "", "against the reference: faster, slower, tie or unclear"),
        ("ratio_to_best", float, "ratio", "time over the fastest candidate's, paired by block"),
        (
            "floor_fraction",
            float,
            "ratio",
            "the inline floor's time over this one's: 1 is as fast as no transfer at all",
        ),
        ("bandwidth_bytes_per_s", float, "bytes/s", "payload_bytes x workers over median_s"),
        ("peak_extra_bytes", int, "bytes", "the most memory that one transfer needed beyond the payload itself"),
        ("stop_reason", str, "", "why no more blocks were measured"),
        ("status", str, "", "ok, or the most telling status of its rows"),
        ("reason", str, "", "why it is not ok, in words"),
        ("flags", str, "", "warnings about this row, with blanks between"),
    ),
)

COSTS: Final = Table(
    "costs.csv",
    "one curve: a strategy in scenarios that differ in the payload's size alone",
    _columns(
        ("schema_version", str, "", "version of this table's form"),
        ("strategy", str, "", "the strategy's id"),
        ("kind", str, "", "the payload kind"),
        ("payload_options", str, "", "the payload's options, as 'dtype=float64', with blanks between"),
        ("task", str, "", "the task's name"),
        ("pattern", str, "", "the pattern's name"),
        ("workers", int, "count", "workers that took part"),
        ("calls", int, "count", "calls over one published payload"),
        ("cold", int, "0 or 1", "1 where first transfers of a cold pool count"),
        ("n_sizes", int, "count", "sizes with a median over blocks"),
        ("smallest_bytes", int, "bytes", "the smallest of them, as the config names it"),
        ("largest_bytes", int, "bytes", "the largest of them: what lies beyond is extrapolated"),
        ("latency_s", float, "s", "what a transfer of nothing would take: the fit's part that no byte adds to"),
        ("latency_low_s", float, "s", "lower end of its interval (95 %, bootstrap over blocks and the fit's misfit)"),
        ("latency_high_s", float, "s", "upper end of it"),
        (
            "bandwidth_bytes_per_s",
            float,
            "bytes/s",
            "bytes of one payload that a further second carries, up to the first step; empty if bytes cost nothing",
        ),
        ("bandwidth_low_bytes_per_s", float, "bytes/s", "lower end of its interval (95 %, as the latency's)"),
        ("bandwidth_high_bytes_per_s", float, "bytes/s", "upper end of it; empty if it has none"),
        ("n_steps", int, "count", "sizes past which the bandwidth is another one, 0 to 2"),
        ("step_bytes", int, "bytes", "the last of them; empty if there is none"),
        ("bandwidth_beyond_bytes_per_s", float, "bytes/s", "the bandwidth past it"),
        ("bandwidth_beyond_low_bytes_per_s", float, "bytes/s", "lower end of its interval"),
        ("bandwidth_beyond_high_bytes_per_s", float, "bytes/s", "upper end of it; empty if it has none"),
        (
            "residual",
            float,
            "share",
            "how far the fit is off: root mean square of ln(measured / fitted) over the sizes",
        ),
        ("largest_residual", float, "share", "the same of the size that it misses most"),
        ("faults_per_mib", float, "count", "minor page faults of steady transfers for each MiB of payload"),
        (
            "crossover_with_reference_bytes",
            float,
            "bytes",
            "the size at which it costs what the reference does; empty if at none up to 8 times beyond those measured",
        ),
        (
            "crossover_low_bytes",
            float,
            "bytes",
            "lower end of its interval (95 %, bootstrap); 0 if they may never meet",
        ),
        ("crossover_high_bytes", float, "bytes", "upper end of it; empty if they may never meet"),
        ("crossover_extrapolated", int, "0 or 1", "1 if it lies outside the sizes measured of both"),
        (
            "break_even_task_s",
            float,
            "s",
            "the length of a task from which on these workers beat the caller doing all tasks one after another",
        ),
        ("break_even_low_s", float, "s", "lower end of its interval (95 % or more, exact); empty below 6 blocks"),
        ("break_even_high_s", float, "s", "upper end of it"),
        ("break_even_bytes", int, "bytes", "the payload that it holds for: the largest with a time"),
        ("worker_counts", str, "", "the numbers of workers that its largest payload was measured with"),
        (
            "contention",
            float,
            "share",
            "share of one worker's time that further workers cannot overlap, by those counts: 0 none, 1 all of it",
        ),
        ("contention_low", float, "share", "lower end of its interval (95 %, bootstrap)"),
        ("contention_high", float, "share", "upper end of it"),
        ("note", str, "", "what is missing and why, in words"),
    ),
)

RECOMMENDATIONS: Final = Table(
    "recommendations.csv",
    "one scenario and what to use in it (recommendations.json holds the same and more)",
    _columns(
        ("schema_version", str, "", "version of this table's form"),
        ("scenario", str, "", "the scenario's id"),
        ("recommended", str, "", "the simplest strategy not shown slower than the best; empty if none is feasible"),
        ("runner_up", str, "", "the next best that is not the recommended one"),
        ("tied_with", str, "", "strategies within the tie zone of it, with blanks between"),
        ("saves_s", float, "s", "seconds a transfer that it saves against the reference"),
        ("saves_low_s", float, "s", "lower end of that, by the ratio's interval and the reference's median"),
        ("saves_high_s", float, "s", "upper end of it"),
        ("saves_bytes", int, "bytes", "memory a transfer that it saves against the reference; below 0: it takes more"),
        ("ratio_to_reference", float, "ratio", "its time over the reference's"),
        ("ratio_low", float, "ratio", "lower end of that ratio's interval"),
        ("ratio_high", float, "ratio", "upper end of it"),
        ("confidence", str, "", "decided, indicative or unclear"),
        ("why", str, "", "the reason in one sentence"),
    ),
)

ATLAS: Final = Table(
    "atlas.csv",
    "one scenario on one machine of an atlas (scripts/merge_runs.py), and what to use there",
    _columns(
        ("schema_version", str, "", "version of this table's form"),
        ("scenario", str, "", "the scenario's id"),
        ("entry", str, "", "the folder of the run inside the atlas, in runs/"),
        ("run", str, "", "the run's name, a key of its config"),
        ("machine_id", str, "", "hardware and kernel; the entry's machines/<machine_id>.json describes it"),
        ("environment_id", str, "", "Python, packages and Handoff's own code; several with blanks between"),
        ("processor", str, "", "the processor's name"),
        ("cores", int, "count", "its cores"),
        ("kernel", str, "", "the kernel's release"),
        ("interpreter", str, "", "the measured Python's implementation and version; several with commas between"),
        ("started_at", str, "UTC", "when the run's first invocation started"),
        ("reference", str, "", "the strategy that ratios are taken to"),
        ("recommended", str, "", "what the run recommends; empty if none is feasible"),
        ("n_blocks", int, "count", "its blocks with a time"),
        ("median_s", float, "s", "its time on that machine; times of unlike machines are not compared"),
        ("ratio_to_reference", float, "ratio", "its time over the reference's"),
        ("ratio_low", float, "ratio", "lower end of that ratio's interval"),
        ("ratio_high", float, "ratio", "upper end of it"),
        ("confidence", str, "", "decided, indicative or unclear"),
    ),
)

TABLES: Final = (INVOCATIONS, TIMINGS, SUMMARY, COSTS, RECOMMENDATIONS, ATLAS)


def check_version(found: str, where: str) -> None:
    """Refuse a table whose meaning changed since it was written.

    Raises:
        BadTable: another major version, with the command that measures again; or no version at all.
    """
    if not re.fullmatch(r"[0-9]{1,4}\.[0-9]{1,4}", found):
        raise BadTable(f"{where}: {found[:60]!r} is no version of a table; the file is damaged. {ANEW}")
    if found.split(".")[0] != SCHEMA_VERSION.split(".")[0]:
        raise BadTable(
            f"{where}: written in form {found}, but this Handoff reads form {SCHEMA_VERSION}, "
            "in which a column means something else. Move the run's folder away and measure again: make report"
        )


def write_atomically(path: Path, text: str) -> None:
    """Write a whole file or nothing: a reader never sees half of it, a failure keeps the old one."""
    write_bytes_atomically(path, text.encode())


def write_bytes_atomically(path: Path, content: bytes) -> None:
    """The same of what is no text."""
    with _whole(path) as file:
        file.write(content)


@contextmanager
def _whole(path: Path) -> Iterator[BinaryIO]:
    """A file to write into, which takes the path's place once all is written, and goes away if anything fails."""
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(descriptor, "wb") as file:
            yield file
        Path(name).chmod(0o644)
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink()
        raise


def _cell(value: Value) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(int(value))
    if isinstance(value, float):
        return "" if value != value else f"{value:.9g}"
    # A line break inside a cell would be legal CSV, and break every grep, wc and diff of the table.
    return " ".join(str(value).split()) if isinstance(value, str) else str(value)


def to_csv(table: Table, rows: Iterable[Mapping[str, Value]]) -> str:
    """The table's text: a header and one line a row. Columns that a row lacks stay empty.

    Raises:
        KeyError: a row has a column that the table does not.
    """
    out = io.StringIO()
    _write_rows(out, table, rows)
    return out.getvalue()


def _write_rows(out: TextIO, table: Table, rows: Iterable[Mapping[str, Value]]) -> None:
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(table.names)
    for row in rows:
        if unknown := set(row) - set(table.names):
            raise KeyError(f"{table.name} has no column {sorted(unknown)}")
        cells = {**row, "schema_version": SCHEMA_VERSION}
        writer.writerow([_cell(cells.get(name)) for name in table.names])


def write_table(path: Path, table: Table, rows: Iterable[Mapping[str, Value]]) -> None:
    """Write the table at once or not at all. Row by row: the text of a large run's would take as much as its rows."""
    with _whole(path) as file:
        text = io.TextIOWrapper(file, encoding="utf-8", newline="")
        _write_rows(text, table, rows)
        text.flush()
        text.detach()


def _sound(value: float) -> bool:
    """Whether Handoff may have written such a number: no NaN, no infinity, nothing huge."""
    return abs(value) <= LARGEST


def _value(column: Column, text: str) -> Value:
    if column.type is str:
        if column.name == "status" and text and text not in STATUSES:
            raise ValueError(f"{text[:60]!r} is no status")
        return text
    try:
        value: int | float | None = column.type(text) if text else None
    except ValueError as error:
        raise ValueError(f"{text[:60]!r} is not of type {column.type.__name__}") from error
    if value is not None and not _sound(value):
        raise ValueError(f"{text[:60]!r} is no number that Handoff writes")
    return value


def _parse(table: Table, header: Sequence[str], cells: Sequence[str], where: str, known: dict[str, str]) -> Row:
    """One row, typed; `known` has texts that rows share: most of a table's are the same few again and again."""
    if len(cells) != len(header):
        raise BadTable(f"{where}: {len(cells)} cells where the header has {len(header)}; the file is damaged. {ANEW}")
    raw = dict(zip(header, cells, strict=True))
    row: Row = {}
    for column in table.columns:
        try:
            value = _value(column, raw.get(column.name, ""))
        except ValueError as error:
            raise BadTable(f"{where}, column {column.name}: {error}; the file is damaged. {ANEW}") from error
        row[column.name] = known.setdefault(value, value) if isinstance(value, str) else value
    check_version(str(row["schema_version"]), where)
    return row


def _read_rows(table: Table, lines: Iterable[str], where: str) -> list[Row]:
    """The rows of lines of CSV, one after another: all cells of a large table at once would take more than its rows."""
    reader = csv.reader(lines)
    header = next(reader, [])
    if "schema_version" not in header:
        raise BadTable(f"{where}: no header of {table.name}; the file is empty or damaged. {ANEW}")
    place = header.index("schema_version")
    odd = sorted({*header}.symmetric_difference(table.names)) or ["one twice"] * (len(header) != len(table.names))
    rows: list[Row] = []
    known: dict[str, str] = {}
    for number, cells in enumerate(reader, start=2):
        # Of this very form are exactly these columns; another minor version may lack some or have more.
        if odd and cells[place : place + 1] == [SCHEMA_VERSION]:
            said = ", ".join(odd)[:200]
            raise BadTable(f"{where}: columns missing or unknown: {said}; the file is damaged. {ANEW}")
        rows.append(_parse(table, header, cells, f"{where}, line {number}", known))
    return rows


def parse_csv(table: Table, text: str, where: str) -> list[Row]:
    """The rows of a table's text, typed; columns that an older minor version lacks are empty.

    Raises:
        BadTable: no header, no end, a needed column missing, a wrong cell, another major version.
    """
    return _checked_rows(table, io.StringIO(text), text.endswith("\n"), where)


def _checked_rows(table: Table, lines: Iterable[str], ended: bool, where: str) -> list[Row]:
    """The rows, if the text's last line has an end."""
    try:
        rows = _read_rows(table, lines if ended else itertools.islice(lines, 1), where)
    except csv.Error as error:
        raise BadTable(f"{where}: is no CSV ({error}); the file is damaged. {ANEW}") from error
    if not ended:
        raise BadTable(f"{where}: its last line has no end; the file was cut short. {ANEW}")
    return rows


def _has_end(path: Path) -> bool:
    """Whether the file's last sign is the end of a line."""
    with path.open("rb") as file:
        file.seek(max(0, file.seek(0, os.SEEK_END) - 1))
        return file.read() == b"\n"


def read_table(path: Path, table: Table) -> list[Row]:
    """Read a table that Handoff wrote.

    Raises:
        BadTable: the file cannot be read as that table, and what to do.
    """
    try:
        with path.open(encoding="utf-8") as lines:
            return _checked_rows(table, lines, _has_end(path), str(path))
    except (OSError, UnicodeDecodeError) as error:
        raise BadTable(f"{path}: cannot be read ({error}). {ANEW}") from error


def _number(text: str) -> int | float:
    value = int(text) if text.lstrip("-").isdecimal() else float(text)
    if not _sound(value):
        _no_constant(text)
    return value


def _no_constant(text: str) -> NoReturn:
    raise ValueError(f"{text[:30]} is no number that Handoff writes")


def _check_plain(value: Any, level: int = 1) -> None:
    if level > MOST_LEVELS:
        raise ValueError(f"nested more than {MOST_LEVELS} levels deep")
    if isinstance(value, str):
        value.encode()  # half of a surrogate pair, as "\ud800", is text that no file can be written from
    elif isinstance(value, dict | list):
        for each in [*value, *value.values()] if isinstance(value, dict) else value:
            _check_plain(each, level + 1)


def read_json(path: Path, make: Callable[[Any], T], remedy: str = ANEW) -> T:
    """What `make` makes of the content of a JSON file that Handoff wrote; it raises ValueError or the like at another.

    Raises:
        BadTable: the file is missing, damaged or of another shape, and what to do.
    """
    try:
        data = json.loads(
            path.read_text(encoding="utf-8"), parse_int=_number, parse_float=_number, parse_constant=_no_constant
        )
        _check_plain(data)
        return make(data)
    except HandoffError as error:
        raise BadTable(f"{path}: {error} {remedy}") from error
    except (OSError, ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
        raise BadTable(f"{path}: cannot be read ({type(error).__name__}: {error}). {remedy}") from error


@dataclass(frozen=True)
class InvocationFile:
    """What one measuring job wrote: its own record, the plan it followed, and its transfers."""

    invocation: Row
    plan: dict[str, Any]
    transfers: list[Row]


def write_invocation(path: Path, record: InvocationFile) -> None:
    """Write timings/<kind>/<strategy>/block~<b>.csv: a first line of JSON, then the transfers as CSV.

    The first line starts with '# ', so a table reader skips it (pandas: skiprows=1). It holds the
    invocation's own record, the plan it followed, and the digest of both and of the lines below:
    whoever reads the file knows whether it is whole.
    """
    body = to_csv(TIMINGS, record.transfers)
    invocation = {name: record.invocation.get(name) for name in INVOCATIONS.names[1:]}
    head = {
        "schema_version": SCHEMA_VERSION,
        "sha256": _digest(invocation, record.plan, body),
        "invocation": invocation,
        "plan": record.plan,
    }
    write_atomically(path, f"# {json.dumps(head, ensure_ascii=False)}\n{body}")


def _digest(invocation: Mapping[str, Any], plan: Mapping[str, Any], body: str) -> str:
    return hashlib.sha256(f"{json.dumps([invocation, plan], sort_keys=True)}\n{body}".encode()).hexdigest()


def read_invocation(path: Path) -> InvocationFile:
    """Read what write_invocation wrote, and prove that it is whole.

    Raises:
        BadTable: missing, cut short, edited, or of another major version.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        raise BadTable(f"{path}: cannot be read ({error})") from error
    return parse_invocation(text, str(path))


def parse_invocation(text: str, where: str) -> InvocationFile:
    """The same of its text; `where` names it in the error."""
    head_line, _, body = text.partition("\n")
    try:
        head = json.loads(head_line.removeprefix("# "))
        invocation, plan, digest = dict(head["invocation"]), dict(head["plan"]), head["sha256"]
        version, found = str(head["schema_version"]), _digest(invocation, plan, body)
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise BadTable(f"{where}: its first line is damaged ({error})") from error
    check_version(version, where)
    if found != digest:
        raise BadTable(f"{where}: the lines do not fit the digest in its first line; it was cut short or edited")
    invocation["schema_version"] = version
    return InvocationFile(invocation, plan, parse_csv(TIMINGS, body, where))
