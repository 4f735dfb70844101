"""A user's own question: from his data and his function to a run that answers it, and to the answer on a terminal.

The run is an ordinary one, with a config of its own inside its folder; what is special is that only those strategies
are in it that can carry what the payload turned out to be, and that who is far behind is not measured again.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import yaml

from handoff import breakdown, probes
from handoff.contest import unmet
from handoff.figures.run import Run, words
from handoff.measure.supervisor import obstacle
from handoff.own_functions import is_own
from handoff.payloads import read_description
from handoff.report import answers
from handoff.scenarios import FILES, Plan, Scenario, slug
from handoff.strategies import Strategy, find
from handoff.words import number, text

NOT_WORTH_IT: Final = ("manager", "shareable_list")
"""Transports that are measured to show what not to do: many times slower than the rest with anything that is large."""

LARGE: Final = 100_000
"""Bytes from which on that is so."""

FAST: Final[Mapping[str, Any]] = {"blocks": 1, "effort": "adaptive", "race_out": 1.5}
"""How a question is measured: one block of everything, then more of those that may still win."""


@dataclass(frozen=True)
class Question:
    """What the user says on the command line; '' for what he leaves to the config."""

    payload: str = ""
    """A file, `module:function`, or `module:function(argument)`."""
    task: str = ""
    pattern: str = ""
    workers: str = ""

    @property
    def run(self) -> str:
        """The run's name: each question has a folder of its own."""
        function, _, argument = self.payload.rstrip(")").partition("(")
        what = Path(self.payload).stem if not is_own(function) else f"{function.rpartition(':')[2]} {argument}"
        how = self.task.rpartition(":")[2]
        return "-".join(["mine", *(slug(part) for part in (what, how, self.pattern, self.workers) if part.strip())])[
            :90
        ]


def asked(question: Question, base: Mapping[str, Any]) -> dict[str, Any]:
    """The config of the question: the user's mine.yaml, with what he says on the command line instead of its scenarios.

    It is not checked yet.
    """
    config: dict[str, Any] = {**base, **FAST}
    if not (question.payload or question.task):
        return config
    entry: dict[str, Any] = dict(base["scenarios"][0]) if base.get("scenarios") else {}
    if question.payload:
        entry["payload"] = _payload(question.payload)
    if question.task:
        entry["task"] = question.task
    entry["pattern"] = question.pattern or "send"
    entry["workers"] = int(question.workers) if question.workers.isdecimal() else question.workers or "max"
    return {**config, "run": question.run, "scenarios": [entry]}


def _payload(said: str) -> dict[str, Any]:
    if Path(said).suffix in FILES or not is_own(said):
        return {"file": said}
    function, bracket, argument = said.partition("(")
    return {"function": function, **({"argument": yaml.safe_load(argument.rstrip(")"))} if bracket else {})}


HOPELESS: Final = ("raises", "exits", "crashes", "never_returns", "out_of_memory", "not_loaded")
"""Findings of a function that no way of handing over can make work: a few ways show it as well as all."""

SHOWING: Final = ("threads-reference", "process_spawn-pickle5")

WRITING: Final = ("writes_input", "needs_writable")


def told_by_probes(config: Mapping[str, Any], found: Sequence[probes.Entry]) -> dict[str, Any]:
    """The config with what the probes say of the function: whether it writes into its payload, whether it works."""
    codes = {finding.code for entry in found for finding in entry.findings if finding.about == "function"}
    changed = dict(config)
    if codes.intersection(WRITING):
        changed["needs"] = {**config.get("needs", {}), "writable": True}
    if all(any(f.about == "function" and f.code in HOPELESS for f in entry.findings) for entry in found) and found:
        changed["strategies"] = list(SHOWING)
        changed["effort"] = "fixed"
    return changed


def where_it_goes(run: Run) -> list[str]:
    """For each scenario, of what a transfer of the reference is made."""
    said = []
    for scenario in run.plan.scenarios:
        if found := run.breakdown(scenario, run.plan.reference):
            what = "your function" if scenario.function else f"the task {scenario.task}"
            parts = f"{breakdown.said(found, what)} {breakdown.start_said(found)}".rstrip()
            said.append(f"{words(scenario)}, by {run.plan.reference}: {parts}")
    return [f"{line[:1].upper()}{line[1:]}" for line in said]


def code_of(run: Run, recommended: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """The name of a file -> the program to paste that is in it, for each way that is recommended somewhere."""
    sizes = {text(row, "scenario"): int(number(row, "payload_bytes") or 0) for row in run.summary}
    found = answers.snippets(recommended, run.plan.scenarios, sizes)
    names = ["use_this.py", *(f"use_this_{count}.py" for count in range(2, len(found) + 1))]
    return {name: f"{snippet.code}\n" for name, snippet in zip(names, found, strict=False)}


def config_text(config: Mapping[str, Any], about: str) -> str:
    """The config as a file's text."""
    return f"# {about}\n{yaml.safe_dump(dict(config), sort_keys=False, allow_unicode=True, width=120)}"


_TWIN: Final = "it is the same as another way, with files on disk instead of in memory"


@dataclass(frozen=True)
class Choice:
    """Which strategies are measured, and why the others are not."""

    measured: tuple[str, ...]
    left_out: Mapping[str, str]
    """Strategy -> why, in words."""


def choose(plan: Plan, candidates: Iterable[Strategy], folder: Path) -> Choice:
    """Those of the candidates that can do at least one of the plan's scenarios, as far as can be known before.

    folder: the run's; its payloads must have been described. The reference is always among them, and so is letting
    the worker load the payload by itself, where it comes from a file.
    """
    candidates = list(candidates)
    twins = {strategy.id for strategy in candidates}
    from_file = [find("process_spawn-load_in_worker")] if any(p.path for p in plan.payloads.values()) else []
    measured: list[str] = []
    left_out: dict[str, str] = {}
    for strategy in dict.fromkeys([*candidates, find(plan.reference), *from_file]):
        twin = strategy.id.removesuffix("disk") + "tmpfs"
        if strategy.storage == "disk" and twin in twins and strategy.id != plan.reference:
            left_out[strategy.id] = f"{_TWIN}, {twin}"
            continue
        why = {_obstacle(plan, scenario, strategy, folder) for scenario in plan.scenarios}
        if "" in why or strategy.id == plan.reference:
            measured.append(strategy.id)
        else:
            left_out[strategy.id] = min(why)
    return Choice(tuple(measured), left_out)


def _obstacle(plan: Plan, scenario: Scenario, strategy: Strategy, folder: Path) -> str:
    # What cannot be recommended anyway is not worth the time; who does not ask for safety wants to see what is unsafe.
    if (why := unmet(strategy, scenario, plan.needs)) and (strategy.safe or plan.needs["safe"]):
        return why
    large = read_description(scenario.payload, folder / "payloads").nbytes >= LARGE
    if strategy.transport in NOT_WORTH_IT and large:
        return "it is many times slower than the others with anything but small payloads"
    status, reason = obstacle(strategy, scenario, folder / "payloads", folder / "payloads")
    return f"{status}: {reason}" if status else ""


_CAUSES: Final = {
    "unsupported: needs": "they need something that is not installed",
    "it is not safe": "they are not safe",
    "it needs": "they need what you do not have or allow",
    _TWIN: "they are others with files on disk instead of in memory",
    "it is many times": "they are many times slower with anything but small payloads",
    "skipped": "there is too little room for them",
    "": "they cannot do it with this payload",
}
"""How a reason begins, and what is said of all strategies that have such a one."""


def left_out_said(choice: Choice) -> str:
    """How many strategies are not measured, by cause, in one sentence; '' if none is left out."""
    causes = [
        next(said for start, said in _CAUSES.items() if why.startswith(start)) for why in choice.left_out.values()
    ]
    counts = "; ".join(f"{causes.count(cause)} because {cause}" for cause in dict.fromkeys(causes))
    return f"{len(choice.measured)} strategies are measured. Left out: {counts}." if causes else ""


def seconds_left(deadline: float, now: float, spent: Sequence[tuple[float, float]], reserve: float) -> float:
    """Seconds of measuring that still fit before the deadline.

    spent: for each start of the workflow so far, its seconds on the clock and of measuring: the workflow takes some
    for itself. reserve: seconds that the report will take.
    """
    wall, measuring = (sum(values) for values in zip(*spent, strict=True)) if spent else (0.0, 0.0)
    share = measuring / wall if wall else 1.0
    return max(0.0, deadline - now - reserve) * share
