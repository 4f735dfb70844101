"""Measures transports that misbehave; copied_library.py starts it on a copy of the library that has them.

Argument: what to measure, as JSON (see copied_library.measured). Prints what became of it as JSON.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from invented_times import plan_of

from handoff.measure import places, supervisor
from handoff.payloads.generation import generate
from handoff.records import INVOCATIONS, TIMINGS, Row
from handoff.scenarios import Payload, Scenario
from handoff.strategies import find
from handoff.summaries import summarize, taking_part


class OwnPlaces(places.Places):
    """Under another name than a measurement's: a run that measures meanwhile must not sweep them."""

    def __init__(self, token: str, disk: Path) -> None:
        super().__init__(token, disk)
        self.prefix = f"test-of-handoff-{token}"
        self.shared, self.disk = places.SHARED / self.prefix, disk / self.prefix
        self.control = places.SHARED / f"{self.prefix}-control"


def scenario_of(folder: Path, size: int, pattern: str, strategies: Sequence[str]) -> Scenario:
    """A scenario of one worker, with its payload made."""
    payload = Payload(f"array-{size}B", "array", size, (("dtype", "float64"), ("content", "random")))
    generate(payload, 1, folder / payload.file, folder / payload.description)
    return Scenario(payload, "read", pattern, 1, strategies=tuple(strategies))


def run(strategy: str, scenarios: Sequence[Scenario], folder: Path, seconds: float) -> dict[str, Any]:
    """The outcome of one invocation, and what still lies in memory after it."""
    own = OwnPlaces(f"{folder.parent.name}-{os.getpid()}", folder / "scratch")
    outcome = supervisor.Supervisor(find(strategy), folder, own, seconds, False, 1).run(scenarios)
    left = [str(path) for path in places.SHARED.iterdir() if path.name.startswith(own.prefix)]
    return {**asdict(outcome), "still_there": left}


def summary(outcomes: Mapping[str, dict[str, Any]], scenarios: Sequence[Scenario]) -> list[Row]:
    """The rows of summary.csv, these invocations being all of one block."""
    invocations, timings = [], []
    for strategy, outcome in outcomes.items():
        key: Row = {"invocation": strategy, "block": 1, "strategy": strategy, "kind": "array"}
        known = {name: outcome[name] for name in INVOCATIONS.names if name in outcome and name != "swept"}
        swept = " ".join(outcome["swept"])
        invocations.append({**dict.fromkeys(INVOCATIONS.names), **known, **key, "campaign": "c1", "swept": swept})
        timings += [{**dict.fromkeys(TIMINGS.names), **row, **key} for row in outcome["rows"]]
    return summarize(invocations, timings, plan_of(*scenarios, blocks=1))


def main() -> None:
    order = json.loads(sys.argv[1])
    folder = Path(order["folder"])
    scenarios = [scenario_of(folder, *asked) for asked in order["scenarios"]]
    if order["limit"]:
        supervisor.time_limit = lambda *_: order["limit"]
    plan = plan_of(*scenarios, blocks=1)
    outcomes = {}
    for strategy in order["strategies"]:
        own = [scenario for scenario in scenarios if find(strategy) in taking_part(plan, scenario)]
        outcomes[strategy] = run(strategy, own, folder, order["seconds"])
    rows = summary(outcomes, scenarios) if order["summarize"] else []
    print(json.dumps({"outcomes": outcomes, "summary": rows}))


if __name__ == "__main__":
    main()
