"""How far a run is, and how long it will still take: one line for each finished job.

The Snakefile leaves results/<run>/progress.json with what is to be done and what it is expected to take;
each job adds a line to progress.log. The time left scales what is expected by what was seen.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

from handoff.measure.supervisor import Outcome
from handoff.words import shortened, spoken_time

if TYPE_CHECKING:
    from handoff.measure.job import Order

LONGEST_REASON: Final = 60
"""Characters of a failure's reason that stand in a job's line."""


def finished(order: Order, outcome: Outcome, seconds: float) -> None:
    """Say that a job has finished, with the time left where it is known."""
    folder = order.payloads.parent
    place = _place(folder, order, seconds)
    # One line, whatever an exception said; all of it stands in the job's table.
    why = shortened(" ".join(outcome.fail_reason.split()), LONGEST_REASON)
    trouble = "" if outcome.status == "ok" else f" [{outcome.status}: {why}]"
    print(f"{place}block {order.block}, {order.kind}, {order.strategy}: {seconds:.1f} s{trouble}", file=sys.stderr)


def _place(folder: Path, order: Order, seconds: float) -> str:
    """'37/252, 3 min left: ', or '' outside a run."""
    try:
        plan = json.loads((folder / "progress.json").read_text(encoding="utf-8"))
        if plan["campaign"] != order.campaign:
            return ""
        expected = plan["expected_s"]
        with (folder / "progress.log").open("a+", encoding="utf-8") as log:
            log.write(json.dumps([order.out.relative_to(folder).as_posix(), seconds]) + "\n")
            log.flush()
            log.seek(0, os.SEEK_SET)
            done = dict(json.loads(line) for line in log)
        hoped = sum(expected.get(name, 0.0) for name in done)
        left = sum(value for name, value in expected.items() if name not in done)
        factor = sum(done.values()) / hoped if hoped else 1.0
    except (OSError, ValueError, LookupError, TypeError, AttributeError):  # a damaged one costs the words, not the job
        return ""
    time_left = f", about {spoken_time(left * factor)} left" if left else ""
    return f"{len(done)}/{len(expected)}{time_left}: "
