"""Where the time of one hand-over goes: pickling, moving, unpickling, the task, the reply; and what can be gained.

Pure functions of rows; no input, no output.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Final

from handoff.records import Row
from handoff.scenarios import PATTERNS, Scenario
from handoff.summaries import compared, medians
from handoff.words import counted, percent, ratio, seconds

BOTTLENECK: Final = 0.9
"""From which share of the time on the task itself is what there is to speed up."""

WORTH_SAYING: Final = 0.005
"""A smaller share is no percent, and is not told."""

PHASES: Final = ("publish", "dispatch", "attach", "task", "reply")


@dataclass(frozen=True)
class Breakdown:
    """Of what the median transfer is made. Seconds, medians over blocks; the parts need not add up to the total."""

    serialize_s: float | None
    """Pickling inside the executor's channel; None where no instrumented transfer told."""
    deserialize_s: float | None
    move_s: float
    """Publish, dispatch and attach without those two: copying, and waiting for the other side."""
    task_s: float
    reply_s: float
    total_s: float
    start_s: float | None
    """Until every worker had answered, once and before the first transfer: no part of the total."""
    n: int
    """Blocks."""
    task_low: float
    """The task's share of the total in the block where it is smallest, and largest."""
    task_high: float

    @property
    def task_share(self) -> float:
        return min(1.0, self.task_s / self.total_s)

    @property
    def handing_over_s(self) -> float:
        """All but the task."""
        return max(0.0, self.total_s - self.task_s)

    @property
    def at_most(self) -> float:
        """How many times as fast it would be if handing over took no time: 1 over the task's share.

        It is Amdahl's law (AFIPS 1967) for a part that is sped up without limit, and a bound while the task takes as
        long: where the data come to lie, in cache or in pages of another process, can make the task itself quicker.
        """
        return 1 / self.task_share if self.task_share else math.inf


def breakdown(scenario: Scenario, rows: Sequence[Row], starts: Iterable[float] = ()) -> Breakdown | None:
    """Of one strategy; None if no transfer succeeded.

    rows: all of timings.csv of that scenario and strategy. starts: start_s of its invocations.

    Phases are taken along the worker that finishes last. What is told of all workers together counts there with one
    worker's part: they unpickle at the same time, while the sender pickles for one after another. Where the payload
    comes back, it does so in the reply, which then counts as moving. Of many calls (`reuse`) the phases are those of
    the last one: the calls before it on the same worker are the task's time, too.
    """
    steady = compared(rows, 0 if scenario.cold else 1)
    phases = {phase: medians(steady, f"{phase}_s") for phase in (*PHASES, "total")}
    blocks = [block for block in phases["total"] if all(block in phases[phase] for phase in PHASES)]
    if not blocks:
        return None
    pattern = PATTERNS[scenario.pattern]
    probed = [row for row in rows if row["status"] == "ok" and row["instrumented"]]
    pickling, unpickling = (
        median(found.values()) if (found := medians(probed, column)) else None
        for column in ("serialize_s", "deserialize_s")
    )
    rounds = math.ceil(scenario.calls / scenario.workers) if pattern.calls else 1

    def over_blocks(*names: str) -> float:
        return median(sum(phases[name][block] for name in names) for block in blocks)

    task = {block: min(phases["total"][block], rounds * phases["task"][block]) for block in blocks}
    before = median(task[block] - phases["task"][block] for block in blocks)
    moving = over_blocks("publish", "dispatch", "attach", *(["reply"] if pattern.back else [])) - before
    parts = pickling or 0.0, (unpickling or 0.0) / scenario.workers
    # Probes disturb what they look at: what they tell cannot be more than the phases that it is a part of.
    shrink = min(1.0, max(0.0, moving) / sum(parts)) if sum(parts) else 1.0
    shares = [task[block] / phases["total"][block] for block in blocks if phases["total"][block]]
    known = list(starts)
    return Breakdown(
        serialize_s=None if pickling is None else shrink * parts[0],
        deserialize_s=None if unpickling is None else shrink * parts[1],
        move_s=max(0.0, moving - shrink * sum(parts)),
        task_s=median(task.values()),
        reply_s=0.0 if pattern.back else over_blocks("reply"),
        total_s=over_blocks("total"),
        start_s=median(known) if known else None,
        n=len(blocks),
        task_low=min(shares, default=0.0),
        task_high=max(shares, default=0.0),
    )


def _whole(share: float) -> str:
    return f"{100 * share:.0f} %"


def said(found: Breakdown, task: str = "the task") -> str:
    """What takes the time, and what could be gained at most; whether handing over is the problem at all.

    task: what the task is called, 'your function' for one of the user's own.
    """
    if not found.total_s:
        return "Nothing here takes any time."
    low, high = (f"{100 * share:.0f}" for share in (found.task_low, found.task_high))
    spread = f" ({low} to {high} % over {counted(found.n, 'block')})" if found.n > 1 else ""
    if found.task_share >= BOTTLENECK:
        gain = found.at_most - 1
        most = f"make it more than {percent(gain, 2)} faster" if gain >= 0.0005 else "make it faster"
        return (
            f"Handing the data over is not your problem: of {seconds(found.total_s)}, {task} itself takes "
            f"{_whole(found.task_share)}{spread}; while it takes as long, no way of handing over can {most}."
        )
    shares = {
        "pickling": found.serialize_s, "moving": found.move_s, "unpickling": found.deserialize_s,
        task: found.task_s, "the reply": found.reply_s,
    }  # fmt: skip
    told = [
        (name, f"{_whole(spent / found.total_s)}{spread if name == task else ''}")
        for name, spent in shares.items()
        if spent is not None and spent / found.total_s >= WORTH_SAYING
    ]
    if not told:
        return f"Of {seconds(found.total_s)}, no part stands out."
    (first, share), *others = told
    parts = ", ".join([f"{first} takes {share}", *(f"{name} {share}" for name, share in others)])
    handing_over = f"{100 - round(100 * found.task_share)} % is the hand-over"
    if found.task_share < WORTH_SAYING:
        return f"Of {seconds(found.total_s)}, {parts}: {task} takes next to nothing of it."
    return (
        f"Of {seconds(found.total_s)}, {parts}: {handing_over}. "
        f"If that took no time, and the task as long as now, it would be {ratio(found.at_most)} times as fast."
    )


def start_said(found: Breakdown) -> str:
    """What comes before, once; '' where it is not known or nothing."""
    return f"Starting the workers took {seconds(found.start_s)} before, once." if found.start_s else ""


def share_for_task(handing_over_s: float, task_s: float) -> float:
    """The share of handing over in a call whose task takes so long, if it takes as long whatever the task does."""
    return handing_over_s / (handing_over_s + task_s)
