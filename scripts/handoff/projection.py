"""Past one machine, on paper: from a run's measured phases to what more workers and nodes would take.

Every row says that it is a projection. docs/projection.md has the assumptions, and how far predictions of a pattern
that nothing was taken from are off.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import median
from typing import Final, TypeAlias

import numpy as np

from handoff import costs, simulation
from handoff.records import SCHEMA_VERSION, Column, Row, Table
from handoff.scenarios import ConfigError, Plan, Scenario, parse_size
from handoff.simulation import CannotProject, Cluster, Network, Outcome, Parts
from handoff.strategies import executor_facts, find, nearest, transport_facts
from handoff.summaries import compared, medians
from handoff.words import counted, seconds, size

PROJECTION: Final = "projection"

TOLD_BY: Final = ("send", "scatter", "broadcast")
"""Patterns with several workers that may tell how much workers hinder each other."""

BEFORE_START: Final = ("inherit", "initializer", "raw_array")
"""Transports that publish before their workers start, which then have it from their parent: on its host alone."""

PROJECTIONS: Final = Table(
    "projection.csv",
    "one strategy on so many nodes: computed, never measured",
    (
        Column("schema_version", str, "", "version of this table's form"),
        Column("what", str, "", "'projection' in every row: nobody has measured it"),
        Column("strategy", str, "", "the strategy's id"),
        Column("payload", str, "", "the payload's id"),
        Column("payload_bytes", int, "bytes", "what goes over the network for one payload"),
        Column("task", str, "", "the task's name, or the length that was given"),
        Column("shape", str, "", "map: each worker its own payload; broadcast: one for all"),
        Column("relay", str, "", "how a broadcast leaves the sender's node: node, worker or tree; empty for a map"),
        Column("network", str, "", "switch or shared"),
        Column("bandwidth_bytes_per_s", float, "bytes/s", "of one link"),
        Column("latency_s", float, "s", "of the network, one way"),
        Column("nodes", int, "count", "nodes, with the sender's own"),
        Column("workers", int, "count", "workers on each node"),
        Column("total_s", float, "s", "until the sender has the last reply"),
        Column("publish_s", float, "s", "of that, the sender was publishing"),
        Column("channel_s", float, "s", "the busiest channel was pickling and moving"),
        Column("network_s", float, "s", "the busiest link was carrying"),
        Column("workers_s", float, "s", "a node's workers would be at work, if all began at once"),
        Column("replies_s", float, "s", "the sender was taking replies"),
        Column("bound", str, "", "which of these five is the longest"),
        Column("contention", float, "share", "of a worker's time that others on its node cannot overlap, as measured"),
        Column("note", str, "", "what was not measured and had to be assumed"),
    ),
)

Observed: TypeAlias = Mapping[tuple[str, str], Sequence[Row]]
"""(scenario, strategy) -> its rows of timings.csv."""


@dataclass(frozen=True)
class Measured:
    """What a run tells of one strategy and payload."""

    strategy: str
    scenario: Scenario
    """One worker, one payload sent to it."""
    parts: Parts
    """Without contention, which depends on the number of workers."""
    hindrance: Mapping[int, Mapping[tuple[str, int], float]]
    """Number of workers -> how many times as long each one's work took as alone, a value a pattern and block."""
    note: str = ""

    def of(self, workers: int) -> tuple[Parts, str]:
        """The parts for so many workers on a node, and what had to be assumed for them."""
        share, said = contention(self.hindrance, workers)
        return replace(self.parts, contention=share), "; ".join(filter(None, (self.note, said)))


def contention(hindrance: Mapping[int, Mapping[tuple[str, int], float]], workers: int) -> tuple[float, str]:
    """The share of a worker's time that others cannot overlap, for so many workers; and what was assumed.

    Measured with that number: w workers take 1 + contention (w - 1) times as long as one (costs.contention). Of others,
    the law is fitted where it has counts enough, else the nearest smaller count that was measured tells, or the
    smallest one. It is not costs.csv's own, which is of whole transfers: what waits for the sender is in it, and here
    the sender's queue is simulated.
    """
    if workers == 1:
        return 0.0, ""
    known = {count: median(values.values()) for count, values in hindrance.items() if count > 1 and values}
    if not known:
        return 0.0, "contention taken as 0: no transfer with several workers of this payload was measured"
    if workers not in known:
        fitted = costs.contention({1: {("", 0): 1.0}, **hindrance}, shared=False)
        if fitted.share is not None:
            return min(1.0, max(0.0, fitted.share.value)), f"contention fitted to {_listed(fitted.counts)} workers"
    count = max((each for each in known if each <= workers), default=min(known))
    said = "" if count == workers else f"contention as of {count} workers"
    return min(1.0, max(0.0, (known[count] - 1) / (count - 1))), said


def _listed(counts: Iterable[int]) -> str:
    return ", ".join(map(str, counts))


def by_pair(timings: Iterable[Row]) -> Observed:
    """All transfers by scenario and strategy."""
    found: dict[tuple[str, str], list[Row]] = {}
    for row in timings:
        found.setdefault((str(row["scenario"]), str(row["strategy"])), []).append(row)
    return found


def _alike(plan: Plan, scenario: Scenario, pattern: str) -> list[Scenario]:
    """Warm scenarios of that pattern with the same task, kind and options, of any size and number of workers."""

    def key(each: Scenario) -> tuple[object, ...]:
        of_payload = (each.payload.kind, each.payload.options, each.payload.path, each.payload.maker)
        return (*of_payload, each.task, each.writes)

    return [
        each for each in plan.scenarios
        if each.pattern == pattern and not each.cold and key(each) == key(scenario)
    ]  # fmt: skip


def senders(plan: Plan) -> list[Scenario]:
    """Those that a projection starts from: one payload, sent to one warm worker."""
    return [each for each in plan.scenarios if each.pattern == "send" and each.workers == 1 and not each.cold]


def choose(plan: Plan, payload: str = "") -> Scenario:
    """The scenario to project, by its payload's id; by default the largest payload.

    Raises:
        CannotProject: none was sent to one worker, or not that one.
    """
    possible = sorted(senders(plan), key=lambda each: each.payload.size)
    if not possible:
        raise CannotProject("this run has no scenario with pattern send and workers 1, which a projection starts from.")
    found = [each for each in possible if not payload or each.payload.id == payload]
    if not found:
        names = sorted({each.payload.id for each in possible})
        raise CannotProject(
            f"payload {payload!r} was not sent to one worker in this run.{nearest(payload, names)} "
            f"There are: {', '.join(names)}."
        )
    return found[-1]


def _phases(rows: Sequence[Row]) -> dict[str, dict[int, float]]:
    steady = compared(rows)
    names = ("publish", "dispatch", "attach", "task", "reply", "total")
    return {name: medians(steady, f"{name}_s") for name in names}


def _parts(rows: Sequence[Row]) -> tuple[Parts, str] | None:
    """One worker's hand-over; None without a transfer that tells. Medians over blocks.

    They are scaled to add up to the median total, which medians of phases alone need not do. Pickling and unpickling
    are as instrumented transfers told, at most what dispatching took: there they happen.
    """
    phases = {name: median(values.values()) for name, values in _phases(rows).items() if values}
    if len(phases) < 6 or not phases["total"]:
        return None
    probed = [row for row in rows if row["status"] == "ok" and row["instrumented"]]
    told = [medians(probed, column) for column in ("serialize_s", "deserialize_s")]
    pickle_s, unpickle_s = (median(values.values()) if values else 0.0 for values in told)
    dispatch = max(0.0, phases["dispatch"])
    shrink = min(1.0, dispatch / (pickle_s + unpickle_s)) if pickle_s + unpickle_s else 1.0
    pickle_s, unpickle_s = shrink * pickle_s, shrink * unpickle_s
    publish, attach, task, reply = (max(0.0, phases[name]) for name in ("publish", "attach", "task", "reply"))
    scale = phases["total"] / (publish + dispatch + attach + task + reply or phases["total"])
    moved = [number for row in compared(rows) for name in ("bytes_moved", "payload_bytes") if (number := row[name])]
    parts = Parts(
        publish_s=scale * publish, pickle_s=scale * pickle_s, unpickle_s=scale * unpickle_s,
        move_s=scale * max(0.0, dispatch - pickle_s - unpickle_s), attach_s=scale * attach, task_s=scale * task,
        reply_s=scale * reply, payload_bytes=float(moved[0]) if moved else 0.0,
    )  # fmt: skip
    unknown = "no instrumented transfer: what the worker unpickles is taken for the channel's" if not any(told) else ""
    return parts, unknown


def _work(rows: Sequence[Row]) -> dict[int, float]:
    """What the worker that ends last does itself: attach and task, in seconds, by block."""
    phases = _phases(rows)
    return {
        block: phases["attach"][block] + task for block, task in phases["task"].items() if block in phases["attach"]
    }


def alone(works: Mapping[float, float], nbytes: float) -> float:
    """The seconds of one worker's work on so many bytes, from those of a few sizes: size -> seconds, all above 0.

    Straight lines between logarithms; beyond the ends the last one goes on, as long as it grows no faster than bytes.
    """
    sizes, times = (np.log(np.array(values, dtype=float)) for values in zip(*sorted(works.items()), strict=True))
    at = math.log(nbytes)
    if len(sizes) == 1:
        return float(math.exp(times[0] + at - sizes[0]))
    if at < sizes[0] or at > sizes[-1]:
        end, next_ = (0, 1) if at < sizes[0] else (-1, -2)
        slope = float(np.clip((times[next_] - times[end]) / (sizes[next_] - sizes[end]), 0.0, 1.0))
        return float(math.exp(times[end] + slope * (at - sizes[end])))
    return float(math.exp(np.interp(at, sizes, times)))


def measured(
    plan: Plan, observed: Observed, scenario: Scenario, strategy: str, told_by: Sequence[str] = TOLD_BY
) -> Measured | None:
    """What a strategy's hand-over is made of, from `scenario` (see choose); None where it was not measured there.

    `told_by` are the patterns from which it may be known how workers hinder each other. Of a scattered payload each
    worker gets a part, whose time alone is read off a curve over the sizes that were sent to one worker.
    """
    found = _parts(observed.get((scenario.id, strategy), ()))
    if found is None:
        return None
    parts, note = found
    works: dict[float, float] = {}
    wakes = [parts.move_s]
    for each in _alike(plan, scenario, "send"):
        if each.workers == 1 and (other := _parts(observed.get((each.id, strategy), ()))):
            wakes.append(other[0].move_s)
            works[other[0].payload_bytes] = other[0].attach_s + other[0].task_s
    works = {nbytes: work for nbytes, work in works.items() if nbytes and work > 0}
    hindrance: dict[int, dict[tuple[str, int], float]] = {}
    for pattern in told_by if parts.payload_bytes in works else ():
        for each in _alike(plan, scenario, pattern):
            if each.workers > 1 and each.payload == scenario.payload:
                base = alone(works, parts.payload_bytes / (each.workers if pattern == "scatter" else 1))
                for block, work in _work(observed.get((each.id, strategy), ())).items():
                    hindrance.setdefault(each.workers, {})[pattern, block] = work / base
    return Measured(strategy, scenario, replace(parts, wake_s=min(wakes)), hindrance, note)


def obstacle(strategy: str, nodes: int) -> str:
    """Why it cannot leave its host; '' if it can, or need not."""
    line = find(strategy)
    if nodes == 1:
        return ""
    if not executor_facts(line.executor).processes:
        return f"{strategy} stays inside one process, and so on one node"
    if line.transport in BEFORE_START:
        return f"{strategy} gives workers what their parent has, on its own host"
    if transport_facts(line.transport).from_file:
        return f"{strategy} lets each worker read a file, which is the file system's matter"
    return ""


def node_counts(most: int) -> list[int]:
    """1, 2, 4, ... and the last: what a table and a figure show."""
    return sorted({most, *(2**power for power in range(most.bit_length()) if 2**power <= most)})


@dataclass(frozen=True)
class Question:
    """What is projected."""

    workers: int
    """On each node."""
    nodes: int
    network: Network
    shape: str = "map"
    relay: str = "node"
    task_s: float | None = None
    """Instead of the measured task: of such a length, and of no need of memory that others could hinder."""


def rows(known: Measured, asked: Question) -> list[Row]:
    """The rows of projection.csv of one strategy, one a number of nodes; a way that stays on its host has one node.

    Raises:
        CannotProject: what is asked for is impossible.
    """
    parts, note = known.of(asked.workers)
    if asked.task_s is not None:
        parts = replace(parts, task_s=0.0, apart_s=asked.task_s)
    found = []
    for nodes in node_counts(asked.nodes):
        if not obstacle(known.strategy, nodes):
            outcome = simulation.simulate(parts, Cluster(nodes, asked.workers, asked.network), asked.shape, asked.relay)
            found.append(_row(known, asked, parts, nodes, outcome, note))
    return found


def _row(known: Measured, asked: Question, parts: Parts, nodes: int, outcome: Outcome, note: str) -> Row:
    bandwidth = asked.network.bandwidth
    return {
        "schema_version": SCHEMA_VERSION, "what": PROJECTION, "strategy": known.strategy,
        "payload": known.scenario.payload.id, "payload_bytes": int(parts.payload_bytes),
        "task": known.scenario.task if asked.task_s is None else seconds(asked.task_s),
        "shape": asked.shape, "relay": asked.relay if asked.shape == "broadcast" else "",
        "network": asked.network.topology, "bandwidth_bytes_per_s": bandwidth if math.isfinite(bandwidth) else None,
        "latency_s": asked.network.latency_s, "nodes": nodes, "workers": asked.workers, "total_s": outcome.total_s,
        "publish_s": outcome.publish_s, "channel_s": outcome.channel_s, "network_s": outcome.network_s,
        "workers_s": outcome.workers_s, "replies_s": outcome.replies_s, "bound": outcome.bound,
        "contention": parts.contention, "note": note,
    }  # fmt: skip


def said(found: Sequence[Row]) -> list[str]:
    """A line for each number of nodes and strategy, the fastest first."""
    lines = []
    for row in sorted(found, key=lambda row: (row["nodes"], row["total_s"])):
        note = f" ({row['note']})" if row["note"] else ""
        where = f"{counted(int(str(row['nodes'])), 'node')} x {counted(int(str(row['workers'])), 'worker')}"
        lines.append(
            f"{PROJECTION}: {where}: {row['strategy']}: {seconds(float(str(row['total_s'])))}, "
            f"mostly {row['bound']}{note}"
        )
    return lines


def question_said(known: Scenario, asked: Question) -> str:
    """What all of it is about, in one sentence."""
    task = f"the task {known.task}" if asked.task_s is None else f"a task of {seconds(asked.task_s)}"
    how = simulation.RELAYS[asked.relay] if asked.shape == "broadcast" else simulation.SHAPES["map"]
    kind = "broadcast" if asked.shape == "broadcast" else "map"
    between = f"{size(asked.network.bandwidth)}/s and {seconds(asked.network.latency_s)} a link"
    shared = ", shared by all nodes" if asked.network.topology == "shared" else ""
    return f"A {kind} of {known.payload.id} with {task}: {how}. Between nodes {between}{shared}."


def parse_bandwidth(text: str) -> float:
    """Bytes a second of '12.5GB/s'.

    Raises:
        CannotProject: it is no such thing.
    """
    try:
        if not text.endswith("/s"):
            raise ConfigError("bandwidth", "")
        return float(parse_size(text.removesuffix("/s")))
    except ConfigError as error:
        raise CannotProject(
            f"{text!r} is not a bandwidth. It is a size a second in bytes, as 12.5GB/s (what is sold as 100 Gbit/s) "
            "or 117MiB/s."
        ) from error


def parse_time(text: str) -> float:
    """Seconds of '20us', '100ms', '2s' or '5min'.

    Raises:
        CannotProject: it is no such thing.
    """
    found = re.fullmatch(r"([0-9]{1,9}(?:\.[0-9]{1,9})?) ?(us|µs|ms|s|min)", text)
    if not found:
        raise CannotProject(f"{text!r} is not a time. A time is a number and a unit: 20us, 100ms, 2s or 5min.")
    return float(found[1]) * {"us": 1e-6, "µs": 1e-6, "ms": 1e-3, "s": 1.0, "min": 60.0}[found[2]]


def project(
    plan: Plan, timings: Iterable[Row], asked: Question, payload: str = "", strategies: Sequence[str] = ()
) -> tuple[Scenario, list[Row], list[str]]:
    """What is projected from, the rows of projection.csv, and in words which strategies are not in them, or not whole.

    By default of all candidates that were measured there.

    Raises:
        CannotProject: there is no such scenario or strategy, or what is asked for is impossible.
    """
    Cluster(asked.nodes, asked.workers, asked.network)
    scenario, observed = choose(plan, payload), by_pair(timings)
    candidates = [
        each.id for each in plan.known(scenario.strategies)
        if each.role == "candidate" and plan.takes_part(scenario, each)
    ]  # fmt: skip
    for name in strategies:
        if name not in candidates:
            raise CannotProject(
                f"{name!r} takes no part in {scenario.id}.{nearest(name, candidates)} "
                f"There are: {', '.join(candidates)}."
            )
    found: list[Row] = []
    timeless, bound = [], []
    for name in dict.fromkeys(strategies or candidates):
        known = measured(plan, observed, scenario, name)
        if known is None:
            timeless.append(name)
            continue
        found += rows(known, asked)
        if reason := obstacle(name, asked.nodes):
            bound.append(f"At one node alone: {reason}.")
    if not found:
        raise CannotProject(f"no strategy that was asked for has a time in {scenario.id}; there is nothing to project.")
    without = [f"Left out, without a time in {scenario.id}: {', '.join(timeless)}."] if timeless else []
    return scenario, found, [*bound, *without]
