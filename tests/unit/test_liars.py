"""Transports that look faster than they are: each is found out, by its content, by its time or by its release."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest
from copied_library import copied_library, measured

from handoff import scenarios
from handoff.flags import slow_release
from handoff.records import Row
from handoff.summaries import fastest

SOURCES = {path.stem: path.read_text("utf-8") for path in sorted((Path(__file__).parent / "liars").glob("*.py"))}
"""What each does is said in its first line."""

PATTERNS = tuple(name for name in scenarios.PATTERNS if name != "mutate_shared")
"""What needs no special promise."""

SMALL, LARGE = 2**16, 2**26
"""Bytes; of the large one, reading takes many times as long as a call to another process."""

DELIVER_SOMETHING_ELSE = ("answer_alone", "half", "prepared", "stale", "wrong_bytes", "wrong_order")
PHASES = ("publish_s", "dispatch_s", "attach_s", "task_s", "reply_s")


def strategy(liar: str) -> str:
    return f"process_spawn-{liar}"


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return copied_library(tmp_path_factory.mktemp("library"), SOURCES, ("process_spawn", "threads"))


@pytest.fixture(scope="module")
def small(library: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Outcomes by strategy: every liar that delivers something else, in every pattern."""
    liars = [strategy(liar) for liar in (*DELIVER_SOMETHING_ELSE, "stale_once")]
    folder = tmp_path_factory.mktemp("small") / "payloads"
    outcomes: dict[str, Any] = measured(library, folder, liars, [(SMALL, name, liars) for name in PATTERNS])["outcomes"]
    return outcomes


@pytest.fixture(scope="module")
def right(library: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Outcomes and summary of the liars that deliver what was sent, beside the floors."""
    floors = ["inline", "memcpy", "inline@again"]
    liars = [strategy(liar) for liar in ("deferred", "late", "lazy")]
    scenarios = [(SMALL, "send", liars[:2]), (LARGE, "send", liars[2:])]
    folder = tmp_path_factory.mktemp("right") / "payloads"
    return measured(library, folder, [*floors, *liars], scenarios, seconds=0.1, summarize=True)


def of(right: dict[str, Any], liar: str) -> Row:
    """The liar's row of summary.csv."""
    row: Row
    (row,) = (row for row in right["summary"] if row["strategy"] == strategy(liar))
    return row


# What arrives is not what was sent.


@pytest.mark.parametrize("pattern", PATTERNS)
@pytest.mark.parametrize("liar", DELIVER_SOMETHING_ELSE)
def test_who_delivers_something_else_is_invalid_and_has_no_time(small: dict[str, Any], liar: str, pattern: str) -> None:
    outcome = small[strategy(liar)]
    rows = [row for row in outcome["rows"] if row["pattern"] == pattern]
    assert len(rows) >= 2
    for row in rows:
        assert (row["status"], row["reason"]) == ("invalid", "what arrived is not what was sent")
        assert (row["digest_ok"], row["total_s"]) == (0, None)
    assert (outcome["status"], outcome["fail_phase"], outcome["still_there"]) == ("invalid", "proof", [])


@pytest.mark.parametrize(
    "liar, pattern", [("process_spawn-own_pages", "mutate_shared"), ("threads-same_pages", "mutate_private")]
)
def test_who_writes_into_other_pages_than_promised_is_invalid(
    library: Path, tmp_path: Path, liar: str, pattern: str
) -> None:
    outcome = measured(library, tmp_path / "payloads", [liar], [(SMALL, pattern, [liar])])["outcomes"][liar]
    assert len(outcome["rows"]) >= 2
    assert {(row["status"], row["total_s"]) for row in outcome["rows"]} == {("invalid", None)}


@pytest.mark.parametrize("liar, share", [("half", 0.5), ("answer_alone", 8 / SMALL), ("wrong_order", 1)])
def test_the_receiver_counts_its_bytes(small: dict[str, Any], liar: str, share: float) -> None:
    # Not of a round trip: there it is falsified twice.
    rows = [row for row in small[strategy(liar)]["rows"] if row["pattern"] != "roundtrip"]
    assert {row["bytes_received"] for row in rows} == {share * SMALL}


@pytest.mark.parametrize("pattern", PATTERNS)
def test_one_stale_transfer_has_no_time_though_the_proof_holds(small: dict[str, Any], pattern: str) -> None:
    outcome = small[strategy("stale_once")]
    first, second, *later = [row for row in outcome["rows"] if row["pattern"] == pattern]
    assert (second["status"], second["digest_ok"], second["total_s"]) == ("invalid", 1, None)
    assert second["reason"] == "the task's result is not the one that the sender gets from the same payload"
    assert all(row["status"] == "ok" and row["total_s"] > 0 for row in (first, *later))
    assert outcome["status"] == "invalid"


# What arrives is right, and what is not done shows in the times.


def test_who_answers_without_reading_is_below_the_floor_and_never_the_fastest(right: dict[str, Any]) -> None:
    """Delivery is proven: who looks at the bytes gets them. The task did not look, and was too fast for it."""
    row = of(right, "lazy")
    assert (row["status"], str(row["flags"]).split()) == ("ok", ["indicative", "below_floor"])
    assert all(each["digest_ok"] for each in right["outcomes"][strategy("lazy")]["rows"])
    assert fastest([row]) == ""


def test_what_is_put_off_until_after_the_clock_shows_as_release(right: dict[str, Any]) -> None:
    for row in right["outcomes"][strategy("deferred")]["rows"]:
        assert row["release_s"] >= 0.2
        assert math.isclose(row["total_s"], sum(row[phase] for phase in PHASES), abs_tol=1e-8)
    assert "slow_release" in str(of(right, "deferred")["flags"]).split()


def test_what_is_put_off_until_the_receiver_lets_go_is_on_the_clock(right: dict[str, Any]) -> None:
    for row in right["outcomes"][strategy("late")]["rows"]:
        assert row["total_s"] >= row["reply_s"] >= 0.05
    assert str(of(right, "late")["flags"]) == "indicative"


def transfer(release_s: float | None, total_s: float, **columns: object) -> Row:
    usual = {"status": "ok", "instrumented": 0, "warm": 1, "release_s": release_s, "total_s": total_s}
    return {**usual, **columns}  # type: ignore[dict-item]


@pytest.mark.parametrize(
    "rows, flagged",
    [
        ([transfer(0.2, 0.1), transfer(0.3, 0.1)], True),
        ([transfer(0.2, 0.3), transfer(0.3, 0.4)], False),  # less than what is on the clock
        ([transfer(0.009, 0.001), transfer(0.009, 0.001)], False),  # too short to matter
        ([transfer(0.5, 0.02), transfer(0.01, 0.02), transfer(0.01, 0.02)], False),  # once
        ([transfer(0.5, 0.02, warm=0), transfer(0.01, 0.02)], False),  # the first is not compared,
        ([transfer(0.5, 0.02, warm=0)], True),  # but in a cold pool
        ([transfer(0.5, 0.02, instrumented=1), transfer(0.01, 0.02)], False),
        ([transfer(0.5, 0.02, status="invalid")], False),
        ([transfer(None, 0.02)], False),
        ([], False),
    ],
)
def test_a_slow_release_is_long_and_longer_than_the_hand_over(rows: list[Row], flagged: bool) -> None:
    assert slow_release(rows) == flagged
