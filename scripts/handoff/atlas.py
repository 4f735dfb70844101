"""The atlas: finished runs of many machines in one folder, each as it was measured, with an index of their answers.

    atlas.csv                 one row a scenario and run: what is recommended there, and on which machine
    atlas.html                all of them in one page (report/comparison.py)
    runs/<entry>/             the plan, the tables, the answers and the machine of one run

Their tables are not merged. Rows of two machines share no block, so nothing in one big table could be paired, and
whoever took a mean over it would pool machines that are not alike. An entry is a finished run like any other instead:
each script reads it, and deleting its folder takes it out again.

What comes from somebody else is believed only as far as it was checked: tables and plan are read as a step of the
workflow reads them, nothing else is copied, and no name in them becomes a path or a spreadsheet's formula.
"""

from __future__ import annotations

import hashlib
import re
import shutil
import tempfile
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from handoff.mistakes import HandoffError
from handoff.records import ATLAS, Row, write_table
from handoff.results import NEEDED, OF_THE_ENVIRONMENT, OF_THE_MACHINE, Results, differences, read_results
from handoff.terminal import plain

INDEX: Final = "atlas.csv"
PAGE: Final = "atlas.html"
ENTRIES: Final = "runs"

MOST_BYTES: Final = 2**27
"""Of one file of an entry. What is read takes about ten times as much memory, and must not take the machine down."""

CONFIDENCES: Final = ("decided", "indicative", "unclear")

_SAID: Final = 3
"""Differences that an error names."""


class CannotMerge(HandoffError):
    """A folder that does not belong into the atlas: which, why, and what to do."""


@dataclass(frozen=True)
class Entry:
    """One run of the atlas, or one that is to be added to it."""

    name: str
    """Its folder inside runs/: the run's name, its machine and its content, in signs that no path minds."""
    results: Results
    files: tuple[str, ...]
    """What of its folder belongs to it."""

    @property
    def folder(self) -> Path:
        return self.results.folder

    @property
    def machine(self) -> str:
        return next(iter(self.results.ids("machine_id")))

    @property
    def started_at(self) -> str:
        return min(self.results.ids("started_at") - {"", "None"}, default="")


def examine(folder: Path) -> Entry:
    """The finished run in that folder, fit to be an entry.

    Raises:
        BadTable: a file of it is missing or damaged, or of another major version.
        CannotMerge: its files do not say what an atlas has to know, or say what cannot be.
    """
    for name in (*NEEDED, *(path.relative_to(folder).as_posix() for path in folder.glob("machines/*.json"))):
        if (folder / name).is_file() and (found := (folder / name).stat().st_size) > MOST_BYTES:
            raise CannotMerge(f"{folder / name}: {found:,} bytes are more than the {MOST_BYTES:,} that an atlas reads.")
    results = read_results(folder)
    machines = results.ids("machine_id")
    if len(machines) != 1:
        raise CannotMerge(
            f"{folder}: its rows are of {len(machines)} machines, and rows of unlike machines are never pooled; add "
            "the run of each machine for itself."
        )
    (machine,) = machines
    if not re.fullmatch(r"[0-9a-f]{12}", machine) or machine not in results.machines:
        raise CannotMerge(
            f"{folder}: no machines/{machine}.json; an atlas has to say which machine a run was measured on."
        )
    twice = [name for name, count in Counter(_invocations(results)).items() if count > 1]
    if twice:
        raise CannotMerge(f"{folder}: invocation {twice[0]!r} stands in its invocations.csv twice.")
    _check_answers(results)
    files = (*NEEDED, f"machines/{machine}.json")
    return Entry(_name(results, machine, files), results, files)


def _invocations(results: Results) -> list[str]:
    return [str(row["invocation"]) for row in results.invocations]


def _check_answers(results: Results) -> None:
    """Each scenario has an answer, and what it recommends is a way that was measured there."""
    for scenario in {**results.scenarios, **results.answers}:
        answer = results.answers.get(scenario)
        row = results.rows.get((scenario, answer["recommended"])) if answer else None
        known = answer and answer["confidence"] in CONFIDENCES
        if not known or (answer and answer["recommended"] and (row is None or row["role"] != "candidate")):
            raise CannotMerge(
                f"{results.folder / 'recommendations.json'}: its answer in {scenario!r} is not of this run."
            )


def _name(results: Results, machine: str, files: Iterable[str]) -> str:
    """'default-7f3ce599-1a2b3c4d': the same for the same content, whoever adds it."""
    content = hashlib.sha256()
    for name in sorted(files):
        content.update(hashlib.sha256((results.folder / name).read_bytes()).digest())
    run = re.sub(r"[^A-Za-z0-9]+", "_", results.plan.run)[:40].strip("_") or "run"
    return f"{run}-{machine[:8]}-{content.hexdigest()[:8]}"


def read_atlas(atlas: Path) -> list[Entry]:
    """The entries of an atlas, the earliest measured first; none where there is no such folder yet.

    Raises:
        BadTable, CannotMerge: an entry was damaged, or does not belong there.
        CannotMerge: the folder is something else than an atlas.
    """
    others = [path for path in atlas.iterdir() if path.name not in (INDEX, PAGE, ENTRIES)] if atlas.is_dir() else []
    if others:
        raise CannotMerge(f"{atlas} holds {others[0].name!r}, so it is no atlas; give --out a folder of its own.")
    folders = [path for path in (atlas / ENTRIES).glob("*") if path.is_dir() and not path.name.startswith(".")]
    return merged([], map(examine, sorted(folders)))


def merged(known: Sequence[Entry], new: Iterable[Entry]) -> list[Entry]:
    """All of them as the entries of one atlas, the earliest measured first.

    Raises:
        CannotMerge: a run has invocations of another one, or measured something else under the same name.
    """
    entries = list(known)
    owners = {name: entry for entry in entries for name in _invocations(entry.results)}
    for entry in new:
        for name in _invocations(entry.results):
            if name in owners:
                raise CannotMerge(
                    f"{entry.folder} holds invocation {name!r}, which {owners[name].folder} holds as well; a "
                    "measurement counts once, so leave one of the two out."
                )
            owners[name] = entry
        for other in entries:
            _check_same_config(other, entry)
        entries.append(entry)
    return sorted(entries, key=lambda entry: (entry.started_at, entry.name))


def _check_same_config(other: Entry, entry: Entry) -> None:
    said = [each.said for each in differences(other.results, entry.results) if each.what == "config"]
    if said:
        more = f"; and {len(said) - _SAID} more" if len(said) > _SAID else ""
        raise CannotMerge(
            f"{entry.folder} was not measured as {other.folder} was ({'; '.join(said[:_SAID])}{more}), so they need an "
            "atlas each: another --out."
        )


def add(atlas: Path, folders: Sequence[Path]) -> tuple[list[Entry], list[str]]:
    """Add the runs in those folders to the atlas and write its index anew; its entries, and the names of new ones.

    What is there already, with the very same content, stays as it is. All is checked before anything is written, and
    each entry comes whole or not at all, so the same command may be given again after it was interrupted.

    Raises:
        BadTable, CannotMerge: an entry or a folder is not fit for it; nothing was written.
    """
    known = read_atlas(atlas)
    names = {entry.name for entry in known}
    new = [entry for entry in map(examine, folders) if entry.name not in names]
    merged(known, new)
    for entry in new:
        _copy(entry, atlas / ENTRIES)
    entries = read_atlas(atlas)
    if not entries:
        raise CannotMerge(f"{atlas} has no entry; give the folder of a finished run, as results/default.")
    write_table(atlas / INDEX, ATLAS, index(entries))
    return entries, [entry.name for entry in new]


def _copy(entry: Entry, place: Path) -> None:
    place.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=place, prefix=".") as half:
        whole = Path(half, entry.name)
        for name in entry.files:
            (whole / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(entry.folder / name, whole / name)
        whole.rename(place / entry.name)


def index(entries: Iterable[Entry]) -> list[Row]:
    """The rows of atlas.csv: by scenario, then in the entries' order."""
    rows = [row for entry in entries for row in _rows(entry)]
    order = {row["scenario"]: place for place, row in reversed(list(enumerate(rows)))}
    return sorted(rows, key=lambda row: order[row["scenario"]])


def _rows(entry: Entry) -> Iterable[Row]:
    results = entry.results
    facts = results.facts((*OF_THE_MACHINE, *OF_THE_ENVIRONMENT))
    cores = facts.get("hardware.cores", "")
    for scenario in results.scenarios:
        answer = results.answers[scenario]
        row = results.rows.get((scenario, answer["recommended"]), {})
        measured = ("n_blocks", "median_s", "ratio_to_reference", "ratio_low", "ratio_high")
        yield {
            "scenario": cell(scenario),
            "entry": entry.name,
            "run": cell(results.plan.run),
            "machine_id": entry.machine,
            "environment_id": cell(" ".join(sorted(results.ids("environment_id")))),
            "processor": cell(facts.get("hardware.processor", "")),
            "cores": int(cores) if cores.isdecimal() else None,
            "kernel": cell(facts.get("kernel.release", "")),
            "interpreter": cell(", ".join(sorted(results.ids("interpreter")))),
            "started_at": cell(entry.started_at),
            "reference": cell(results.plan.reference),
            "recommended": cell(answer["recommended"]),
            **{name: row.get(name) for name in measured},
            "confidence": answer["confidence"],
        }


def cell(text: str) -> str:
    """The text as a spreadsheet shows it and never computes it: a sign of a formula at its start gets a quote."""
    shown = plain(text)
    return f"'{shown}" if shown.lstrip().startswith(("=", "+", "-", "@")) else shown


def on_a_page(entries: Sequence[Entry]) -> list[Entry]:
    """The first entry, which the others are judged against, and those that share a scenario and strategy with it."""
    return [entry for entry in entries if not entries[0].results.rows.keys().isdisjoint(entry.results.rows)]
