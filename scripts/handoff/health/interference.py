"""What else went on while jobs measured: which jobs it disturbed, and whether a verdict hangs on them."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from statistics import median
from typing import Final, NamedTuple

from handoff import statistics
from handoff.contest import standing
from handoff.disturbances import DISTURBANCES, Disturbance
from handoff.health.material import HealthWarning, Job, Key, Material, job_of, warning
from handoff.records import Row
from handoff.scenarios import Plan, Scenario
from handoff.summaries import Blocks, BlockValues, taking_part
from handoff.words import counted, number, percent, ratio

MANY: Final = 0.25
"""Where every fourth job was disturbed, the run was not alone on the machine."""

CLOCK_VARIES: Final = 0.15
"""Less is a turbo at work."""


def jobs_hit(by: Disturbance, invocations: Iterable[Row]) -> dict[Job, float]:
    """The jobs that this disturbance hit, each with how much of it, in the table's order."""
    rows = [(job_of(row), row, amount) for row in invocations if (amount := by.amount(row)) is not None]
    amounts: dict[tuple[str, str], list[float]] = defaultdict(list)
    for job, _, amount in rows:
        amounts[job.kind, job.strategy].append(amount)
    usual = {key: median(those) for key, those in amounts.items()}
    return {job: amount for job, row, amount in rows if by.hit(row, usual[job.kind, job.strategy])}


class Twofold(NamedTuple):
    """A verdict against the reference, and what it is when disturbed jobs are left out."""

    scenario: Scenario
    strategy: str
    verdict: str
    without: str
    """'' where too few blocks are left to see it."""
    ratio: float
    """The estimate from what is left; nan if nothing is."""
    blocks: int
    """That are left."""

    @property
    def hangs(self) -> bool:
        """Whether the verdict hangs on those jobs."""
        return self.without not in ("", self.verdict)


def _without(blocks: Blocks, kind: str, strategy: str, jobs: Collection[Job]) -> Blocks:
    return {key: value for key, value in blocks.items() if Job(kind, strategy, *key) not in jobs}


def twofold(plan: Plan, values: BlockValues, jobs: Collection[Job]) -> list[Twofold]:
    """The verdict on every candidate with and without these jobs, in the plan's order.

    A ratio is left out with either of its jobs. With too few left for an interval, a verdict stands as long as all
    of them lie on its side; one that was unclear before cannot be looked at, nor any with fewer than two.

    Fewer blocks decide less: of ten, six are left with an interval that is their whole range. That a verdict becomes
    unclear is therefore none of the jobs' doing while the estimate stays on its side.
    """
    zone = math.log1p(plan.tie_zone)
    found = []
    for scenario in plan.scenarios:
        kind, reference = scenario.payload.kind, values.get((scenario.id, plan.reference), {})
        for strategy in taking_part(plan, scenario):
            mine = values.get((scenario.id, strategy.id), {})
            ratios = statistics.paired_log_ratios(mine, reference)
            if strategy.role != "candidate" or strategy.id == plan.reference or not ratios:
                continue
            left = statistics.paired_log_ratios(
                _without(mine, kind, strategy.id, jobs), _without(reference, kind, plan.reference, jobs)
            )
            verdict = statistics.verdict(ratios, zone, plan.level)
            enough = statistics.signed_rank_rank(len(left), plan.level) or (verdict != "unclear" and len(left) > 1)
            without = standing(left, zone, plan.level) if enough else ""
            centre = statistics.hodges_lehmann(left) if left else math.nan
            if without == "unclear" and statistics.side(centre, centre, zone) == verdict:
                without = ""
            found.append(Twofold(scenario, strategy.id, verdict, without, math.exp(centre), len(left)))
    return found


def _hangs(each: Twofold, reference: str, jobs: Collection[Job]) -> HealthWarning:
    kind, compared = each.scenario.payload.kind, (each.strategy, reference)
    keys = {job.key for job in jobs if job.kind == kind and job.strategy in compared}
    at = f" at a ratio of {ratio(each.ratio)}" if 0 < each.ratio < math.inf else ""
    return warning(
        "disturbed",
        f"The verdict on {each.strategy}, {each.verdict}, hangs on disturbed jobs: without them it is "
        f"{each.without}{at} ({counted(each.blocks, 'block')} left).",
        "Something else went on in some of its blocks, or of the reference's.",
        "Measure again under another run name when the machine is quiet.",
        sure=True,
        scenario=each.scenario,
        strategy=each.strategy,
        keys=sorted(keys),
    )


def _blocks(jobs: Iterable[Job]) -> list[str]:
    """Blocks as the workflow names them, each once: 'array 3'."""
    return [f"{kind} {block}" for kind, block in sorted({(job.kind, job.block) for job in jobs})]


def _said(by: Disturbance, hit: Mapping[Job, float]) -> str:
    """'other programs used more than 10 % of a core in 2 (at most 34 %; array 3, frame 1)'."""
    names = _blocks(hit)
    where = ", ".join(names) if len(names) <= 4 else counted(len(names), "block")
    worst = f"at most {percent(max(hit.values()), 2)}; " if by.per_second else ""
    return f"{by.said} in {len(hit)} ({worst}{where})"


def _hanging_said(both: Sequence[Twofold]) -> str:
    others, unknown = sum(each.hangs for each in both), sum(not each.without for each in both)
    if unknown == len(both):
        return "Too few blocks are left without them to see whether a verdict hangs on them."
    said = f"Without them {counted(others, 'verdict')} would be another" if others else "No verdict hangs on them"
    return f"{said}; for {unknown} of {len(both)} too few blocks are left to see it." if unknown else f"{said}."


def disturbed(of: Material) -> list[HealthWarning] | None:
    """Jobs during which something else went on, and the verdicts that are others without them."""
    if all(by.amount(row) is None for by in DISTURBANCES for row in of.invocations):
        return None
    hits = {by: hit for by in DISTURBANCES if (hit := jobs_hit(by, of.invocations))}
    jobs = {job for hit in hits.values() for job in hit}
    if not jobs:
        return []
    both = twofold(of.plan, of.values, jobs)
    hanging = [_hangs(each, of.plan.reference, jobs) for each in both if each.hangs]
    run = warning(
        "disturbed",
        f"Of {counted(len(of.invocations), 'measuring job')} {len(jobs)} {'was' if len(jobs) == 1 else 'were'} "
        f"disturbed: {'; '.join(_said(by, hit) for by, hit in hits.items())}. {_hanging_said(both)}",
        "Something else used the machine, or slowed it down, while they ran.",
        f"To be rid of it, {'; '.join(dict.fromkeys(by.remedy for by in hits))}.",
        sure=bool(hanging) or len(jobs) > MANY * len(of.invocations),
    )
    run["blocks"] = _blocks(jobs)
    return [run, *hanging]


def frequency(of: Material) -> list[HealthWarning] | None:
    """The cores' clock differs from block to block, which is a warning, or from a job's beginning to its end."""
    clocks = [
        (job_of(row), before, after) for row in of.invocations
        if (before := number(row, "megahertz_before")) and (after := number(row, "megahertz_after"))
    ]  # fmt: skip
    if not clocks:
        return None
    # Each kind for itself: blocks of another one have other work to do, and another clock with it.
    by_kind: dict[str, dict[Key, list[float]]] = defaultdict(lambda: defaultdict(list))
    for job, _, after in clocks:
        by_kind[job.kind][job.key].append(after)
    middles = [[median(those) for those in by_block.values()] for by_block in by_kind.values()]
    slowest, fastest = max(((min(those), max(those)) for those in middles), key=lambda ends: ends[1] / ends[0])
    inside = median(after / before for _, before, after in clocks)
    between = fastest / slowest - 1 > CLOCK_VARIES
    if not between and abs(inside - 1) <= CLOCK_VARIES:
        return []
    return [warning(
        "frequency",
        f"The cores' clock was {slowest:,.0f} MHz in one block and {fastest:,.0f} MHz in another."
        if between else f"The cores' clock after a job was {percent(inside, 2)} of that before it, at the median.",
        "A governor that saves power, or a turbo that depends on the heat and on how many cores work.",
        "Run sudo cpupower frequency-set --governor performance; let the machine cool down; plug a laptop in.",
        sure=between,
    )]  # fmt: skip
