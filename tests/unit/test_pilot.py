"""How many transfers pay, and the clock's own limits."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest

from handoff.measure import clock
from handoff.measure.pilot import FEWEST, pilot_files, transfers_that_pay, wanted_transfers
from handoff.records import InvocationFile, write_invocation


def simulated(within: float, between: float, blocks: int = 400, transfers: int = 20) -> list[list[float]]:
    random = np.random.default_rng(1)
    luck = random.normal(0, between, size=(blocks, 1))
    return np.exp(random.normal(0, within, size=(blocks, transfers)) + luck).tolist()  # type: ignore[no-any-return]


@pytest.mark.parametrize("within, between, expected", [(0.1, 0.1, 10.0), (0.2, 0.1, 20.0), (0.1, 0.2, 5.0)])
def test_the_number_is_the_one_of_kalibera_and_jones(within: float, between: float, expected: float) -> None:
    """sqrt(c2 / c1 * T1^2 / T2^2) with c2 / c1 = 100."""
    assert transfers_that_pay(simulated(within, between), 0.01, 1.0) == pytest.approx(expected, rel=0.15)


def test_where_invocations_are_alike_only_repeating_counts() -> None:
    assert transfers_that_pay([[1.0, 1.2, 0.8]] * 3, 0.01, 1.0) == math.inf


@pytest.mark.parametrize("blocks", [[], [[1.0, 2.0]], [[1.0], [1.1], [1.2]]])
def test_too_little_says_nothing(blocks: list[list[float]]) -> None:
    assert transfers_that_pay(blocks, 0.01, 1.0) == math.inf


def test_steady_transfers_cost_no_repetition() -> None:
    assert transfers_that_pay([[1.0, 1.0], [2.0, 2.0], [3.0, 3.0]], 0.5, 1.0) == 1.0


def pilot(folder: Path, block: int, totals: list[float], status: str = "ok") -> Path:
    rows = [
        {"invocation": f"c/{block}", "scenario": "s", "warm": int(n > 0), "instrumented": 0, "total_s": total,
         "prepare_s": 0.001, "release_s": 0.0, "status": status, "batch": 1}
        for n, total in enumerate(totals)
    ]  # fmt: skip
    path = folder / f"block~{block}.csv"
    write_invocation(path, InvocationFile({"started_ns": 0, "ended_ns": 2 * 10**9}, {}, rows))  # type: ignore[arg-type]
    return path


def test_the_pilot_reads_the_first_blocks(tmp_path: Path) -> None:
    """Only steady transfers count: the first of each is far off."""
    files = [pilot(tmp_path, b, [9.0, *(0.01 * b * x for x in (1, 1.1, 0.9, 1.05))]) for b in (1, 2, 3)]
    assert wanted_transfers(files) == {"s": FEWEST}


def test_a_damaged_or_missing_or_failed_pilot_says_nothing(tmp_path: Path) -> None:
    files = [pilot(tmp_path, b, [1.0, 1.1, 1.2]) for b in (1, 2)]
    assert wanted_transfers([*files, tmp_path / "block~3.csv"]) == {}
    (tmp_path / "block~3.csv").write_text("# {", "utf-8")
    assert wanted_transfers([*files, tmp_path / "block~3.csv"]) == {}
    assert wanted_transfers([*files, pilot(tmp_path, 3, [1.0, 1.1], "crashed")]) == {}
    assert wanted_transfers([]) == {}


def test_a_marked_strategy_has_the_pilot_of_the_one_it_is_compared_with(tmp_path: Path) -> None:
    out = tmp_path / "array" / "threads-reference@slow10" / "block~4.csv"
    files = pilot_files(out, "threads-reference@slow10", 4)
    assert files == [tmp_path / "array" / "threads-reference" / f"block~{number}.csv" for number in (1, 2, 3)]
    assert pilot_files(out, "threads-reference@slow10", 3) == []


def test_a_pause_of_this_process_is_no_cost_of_a_reading(monkeypatch: pytest.MonkeyPatch) -> None:
    readings = iter([50 * n + (4_000_000 if n > 100 else 0) for n in range(clock.READINGS)])
    monkeypatch.setattr("handoff.measure.clock.time.perf_counter_ns", lambda: next(readings))
    assert clock.look() == (50, 50)


def test_a_coarse_clock_shows_what_it_costs(monkeypatch: pytest.MonkeyPatch) -> None:
    """Steps of a millisecond, ten readings in each."""
    readings = iter([1_000_000 * (n // 10) for n in range(clock.READINGS)])
    monkeypatch.setattr("handoff.measure.clock.time.perf_counter_ns", lambda: next(readings))
    seen = clock.look()
    assert (seen.resolution, seen.overhead) == (1_000_000, pytest.approx(100_000, rel=0.01))


def test_this_host_s_clock_is_fine_enough() -> None:
    seen = clock.look()
    assert seen.resolution > 0
    assert seen.overhead > 0
    assert seen.batch(1e9) == 1


@pytest.mark.parametrize(
    "resolution, overhead, transfer, expected",
    [(1, 50.0, 1_000, 1), (1, 50.0, 500, 2), (1000, 50.0, 1_000, 10), (1, 1000.0, 3_000, 7), (10**6, 1.0, 1, 1000)],
)
def test_short_transfers_are_batched(resolution: int, overhead: float, transfer: float, expected: int) -> None:
    """Until they last ten steps of the clock, and twenty readings."""
    assert clock.Clock(resolution, overhead).batch(transfer) == expected
