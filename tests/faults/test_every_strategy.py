"""Each strategy, struck while it transfers: a row says what happened, the next scenario goes on, nothing is left.

What is seen becomes the table of docs/reliability.md: `HANDOFF_WRITE=1 python -m pytest tests/faults` writes it anew.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from victims import ROOT, MeasuringJob

from handoff.records import InvocationFile
from handoff.strategies import executor_facts, expand, find

STRATEGIES = [strategy.id for strategy in expand(["all"])]
FAULTS = {
    "worker killed": ("worker", signal.SIGKILL),
    "worker segfaults": ("worker", signal.SIGSEGV),
    "sender killed": ("sender", signal.SIGKILL),
    "sender segfaults": ("sender", signal.SIGSEGV),
    "supervisor told to end": ("supervisor", signal.SIGTERM),
    "supervisor killed": ("supervisor", signal.SIGKILL),
}
NO_WORKERS = "its workers are threads"
PAGE = ROOT / "docs" / "reliability.md"

seen: dict[tuple[str, str], str] = {}


def strike(job: MeasuringJob, whom: str, number: signal.Signals) -> None:
    """As its transfers have begun."""
    job.wait_for(lambda: job.sender)
    if executor_facts(find(job.strategy).executor).processes:
        job.wait_for(lambda: job.workers)
    time.sleep(0.8)  # start-up is over: the rest of the time slice is transfers of 100 ms
    job.wait_for(lambda: whom != "worker" or job.workers)
    victim = {"worker": job.workers[-1:], "sender": [job.sender], "supervisor": [job.process.pid]}[whom]
    os.kill(victim[0] or 0, number)


def told(record: InvocationFile, first: str, second: str) -> str:
    """'crashed (SIGKILL), the next scenario ok', from the rows."""
    assert all(row["reason"] and row["total_s"] is None for row in record.transfers if row["status"] != "ok")
    (one,), (two,) = (
        {row["status"] for row in record.transfers if row["scenario"] == name} for name in (first, second)
    )
    return f"`{one}` ({record.invocation['signal']}), the next scenario `{two}`"


@pytest.mark.faults
@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("strategy", STRATEGIES)
def test_a_fault_is_a_row_and_leaves_nothing(strategy: str, fault: str, tmp_path: Path) -> None:
    whom, number = FAULTS[fault]
    if whom == "worker" and not executor_facts(find(strategy).executor).processes:
        seen[strategy, fault] = NO_WORKERS
        return
    job = MeasuringJob(strategy, tmp_path)
    strike(job, whom, number)
    status = job.ended()
    if whom == "supervisor":
        assert status != 0
        assert not job.out.exists()  # no half a result: the same command measures it again
        if number == signal.SIGKILL:  # nobody was left to sweep: the next job does
            job.sweep()
        seen[strategy, fault] = "no file, measured again by the same command"
    else:
        assert status == 0
        record = job.result()
        assert record.invocation["signal"] == number.name
        assert record.invocation["status"] == "crashed"
        seen[strategy, fault] = told(record, *(scenario.id for scenario in job.scenarios))
    assert job.left() == []


@pytest.fixture(scope="module", autouse=True)
def page() -> Iterator[None]:
    """After all of them, the table is what the page says."""
    yield
    if len(seen) < len(STRATEGIES) * len(FAULTS):
        return
    head, mark, _ = PAGE.read_text(encoding="utf-8").partition("<!-- made by tests/faults -->\n")
    assert mark
    text = head + mark + table()
    if os.environ.get("HANDOFF_WRITE"):
        PAGE.write_text(text, encoding="utf-8")
    assert PAGE.read_text(encoding="utf-8") == text, "docs/reliability.md is out of date: HANDOFF_WRITE=1"


def table() -> str:
    lines = [f"| strategy | {' | '.join(FAULTS)} |", "|---" * (len(FAULTS) + 1) + "|"]
    lines += [f"| `{s}` | {' | '.join(seen[s, fault] for fault in FAULTS)} |" for s in STRATEGIES]
    return "\n".join(lines) + "\n"
