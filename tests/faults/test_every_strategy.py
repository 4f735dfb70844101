"""Each strategy, struck while it transfers: a row says what happened, the next scenario goes on, nothing is left.

One measuring job meets all faults, a scenario each. What is seen becomes the first table of docs/reliability.md:
`HANDOFF_THOROUGH=1 HANDOFF_WRITE=1 python -m pytest tests/faults` writes it anew.
"""

from __future__ import annotations

import os
import re
import signal
import sys
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import pytest
from victims import THOROUGH, MeasuringJob, in_shared_memory, page_of, renew_page

from handoff.strategies import executor_facts, expand, find

sys.path.insert(0, str(Path(__file__).parents[1] / "laws"))
from optional import marks, missing

FAULTS = {
    "worker killed": ("worker", signal.SIGKILL),
    "worker segfaults": ("worker", signal.SIGSEGV),
    "worker told to end": ("worker", signal.SIGTERM),
    "worker stopped": ("worker", signal.SIGSTOP),
    "sender killed": ("sender", signal.SIGKILL),
    "sender segfaults": ("sender", signal.SIGSEGV),
    "sender told to end": ("sender", signal.SIGTERM),
    "sender stopped": ("sender", signal.SIGSTOP),
}
OF_SUPERVISOR = {"supervisor told to end": signal.SIGTERM, "supervisor killed": signal.SIGKILL}
PAUSED = "supervisor stopped, then continued"
COLUMNS = (*FAULTS, PAUSED, *OF_SUPERVISOR)
ALL = [strategy.id for strategy in expand(["all"])]
# The first of each transport and executor: those behind it need more, as a framework or a newer Python.
FIRST = {part: name for name in reversed(ALL) for part in ((1, find(name).transport), (2, find(name).executor))}
STRATEGIES = ALL if THOROUGH else [name for name in ALL if name in FIRST.values()]
LIMIT_S = 15.0
"""For each measured process: whoever is stopped is ended by it."""

FRAMEWORK_LIMIT_S = 45.0
"""The same where a framework starts: Ray takes up to 17 s on two busy cores."""

AT_ONCE = 3
"""Jobs: most of the time they wait."""

NO_WORKERS = "its workers are threads"


def is_framework(strategy: str) -> bool:
    """Its executor is an optional package's."""
    return bool(executor_facts(find(strategy).executor).needs)


def limit_of(strategy: str) -> float:
    return FRAMEWORK_LIMIT_S if is_framework(strategy) else LIMIT_S


def faults_of(strategy: str) -> list[str]:
    processes = executor_facts(find(strategy).executor).processes
    return [fault for fault, (whom, _) in FAULTS.items() if processes or whom == "sender"]


def struck(strategy: str, folder: Path) -> dict[str, str]:
    """What each fault led to: that of a scenario's rows, and that the last scenario was measured in peace."""
    faults = faults_of(strategy)
    # Where each transfer has a pool of its own, a blow often meets workers that have done their work, or none.
    seconds = 6 if strategy.endswith("-initializer") else 2
    job = MeasuringJob(strategy, folder, seconds=seconds, scenarios=len(faults) + 1, limit=limit_of(strategy))
    for number, fault in enumerate(faults):
        strike(job, number, *FAULTS[fault])
    job.wait_for_transfers(len(faults))
    os.kill(job.process.pid, signal.SIGSTOP)
    time.sleep(0.5)
    os.kill(job.process.pid, signal.SIGCONT)
    assert job.ended() == 0
    record = job.result()
    found = dict.fromkeys(FAULTS, NO_WORKERS)
    for scenario, fault in zip(job.scenarios, (*faults, PAUSED), strict=True):
        rows = [row for row in record.transfers if row["scenario"] == scenario.id]
        (status,) = {row["status"] for row in rows}
        if status == "ok":
            assert all(row["digest_ok"] == 1 for row in rows)
            found[fault] = "`ok`"
        else:
            assert all(row["total_s"] is None for row in rows)
            (signs,) = {tuple(re.findall(r"SIG\w+|time limit", str(row["reason"]))) for row in rows}
            found[fault] = ", ".join([f"`{status}`", *signs])
    assert found[PAUSED] == "`ok`"
    assert job.left() == []
    return found


def strike(job: MeasuringJob, scenario: int, whom: str, number: signal.Signals) -> None:
    """As the scenario's transfers have begun; again if the worker was one that had just done its work."""
    job.wait_for_transfers(scenario)
    sender = job.sender
    while job.sender == sender:
        for victim in job.workers[-1:] if whom == "worker" else [sender]:
            with suppress(ProcessLookupError):
                os.kill(victim or 0, number)
        time.sleep(0.05)


def unsupervised(strategy: str, folder: Path, number: signal.Signals) -> str:
    """What is left when the supervisor goes."""
    job = MeasuringJob(strategy, folder, limit=limit_of(strategy))
    job.wait_for_transfers(0)
    os.kill(job.process.pid, number)
    assert job.ended() != 0
    assert not job.out.exists()  # no half a result: the same command measures it again
    assert job.journal.read_text(encoding="utf-8").count('"event": "row"')
    job.sweep()  # after SIGKILL nobody was left to do it: the next job does
    assert job.left() == []
    return "measured again"


def everything(strategy: str, folder: Path) -> dict[str, str]:
    seen = struck(strategy, folder / "struck")
    for fault, number in OF_SUPERVISOR.items():
        seen[fault] = unsupervised(strategy, folder / number.name, number)
    return seen


@pytest.fixture(scope="module")
def seen(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Future]]:
    """Of each strategy whose test was chosen: some are struck at once, and the tests wait for them in turn."""
    here = [item for item in request.session.items if item.path == request.path]
    chosen = [item.callspec.params["strategy"] for item in here if hasattr(item, "callspec")]
    chosen = [each for each in chosen if not missing(find(each))]
    before = in_shared_memory()
    with ThreadPoolExecutor(AT_ONCE) as pool:
        yield {each: pool.submit(everything, each, tmp_path_factory.mktemp("job")) for each in chosen}
    # Also what bears no name of ours, which no job can be told to have left while others run beside it.
    assert in_shared_memory() - before == set()


@pytest.mark.faults
@pytest.mark.timeout(1200)  # it may wait for all that come before it
@pytest.mark.parametrize("strategy", [pytest.param(each, marks=marks(find(each))) for each in STRATEGIES])
def test_each_fault_is_a_row_and_leaves_nothing(strategy: str, seen: dict[str, Future[dict[str, str]]]) -> None:
    found = seen[strategy].result()
    for fault in faults_of(strategy):
        whom, number = FAULTS[fault]
        wanted = {"`timeout`, time limit"} if number == signal.SIGSTOP else {f"`crashed`, {number.name}"}
        if is_framework(strategy) and whom == "worker" and number != signal.SIGSTOP:
            wanted.add("`crashed`")  # a framework starts its workers itself, and need not tell how they ended
        assert found[fault] in wanted, fault


MADE_BY = "tests/faults/test_every_strategy.py"


@pytest.mark.faults
@pytest.mark.timeout(1200)
def test_the_page_says_so(seen: dict[str, Future[dict[str, str]]]) -> None:
    """Of strategies that were not struck this time, the page keeps what it says."""
    told = {line.split("`")[1]: line for line in page_of(MADE_BY).splitlines() if line.startswith("| `")}
    for strategy in ALL:
        absent = missing(find(strategy))
        if strategy in seen and not seen[strategy].exception():
            told[strategy] = _line(strategy, [seen[strategy].result()[fault] for fault in COLUMNS])
        elif absent and "Python" in absent:
            told[strategy] = _line(strategy, [absent])
    lines = [f"| strategy | {' | '.join(COLUMNS)} |", "|---" * (len(COLUMNS) + 1) + "|"]
    renew_page(MADE_BY, "\n".join([*lines, *(told[strategy] for strategy in ALL if strategy in told)]))
    assert sorted(told) == sorted(ALL), "some were never struck: HANDOFF_THOROUGH=1 HANDOFF_WRITE=1"


def _line(strategy: str, cells: list[str]) -> str:
    return f"| `{strategy}` | {' | '.join(cells)} |"
