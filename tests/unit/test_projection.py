"""A projection is arithmetic that can be checked by hand, says of itself that it is one, and refuses what is none."""

from __future__ import annotations

import dataclasses
import json
import math
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from example_run import MIB, array, example, example_plan, example_rows, write_run
from hypothesis import given, settings
from hypothesis import strategies as st

pytest.importorskip("simpy", reason="optional: envs/projection.in")


from handoff import projection
from handoff.figures import projection as figure
from handoff.figures.drawing import plot_apart
from handoff.projection import Network, Question, parse_bandwidth, parse_time
from handoff.records import Row, parse_csv, to_csv
from handoff.scenarios import Plan, Scenario
from handoff.simulation import MOST_HAND_OVERS, RELAYS, TOPOLOGIES, CannotProject, Cluster, Parts, simulate

ROOT = Path(__file__).parents[2]

sys.path.append(str(ROOT / "tests" / "answers"))
import measure_projection  # noqa: E402

PARTS = Parts(
    publish_s=0.003, pickle_s=0.005, move_s=0.002, wake_s=0.0001, unpickle_s=0.004, attach_s=0.001, task_s=0.010,
    reply_s=0.0005, contention=0.2, payload_bytes=1e6,
)  # fmt: skip
NOTHING = Parts(payload_bytes=1e6)
"""Costs nothing anywhere, so that what is left is the network's."""

ARENA, PICKLE, THREADS = "process_spawn-arena", "pool_spawn-pickle", "threads-reference"


def time(parts: Parts, nodes: int = 1, workers: int = 1, network: Network | None = None, *how: str) -> float:
    return simulate(parts, Cluster(nodes, workers, network or Network()), *how).total_s


# What can be computed by hand.


@pytest.mark.parametrize("how", [("map",), ("broadcast", "node"), ("broadcast", "worker"), ("broadcast", "tree")])
def test_one_worker_on_one_node_takes_its_parts(how: tuple[str, ...]) -> None:
    assert time(PARTS, 1, 1, Network(1.0, 10.0), *how) == pytest.approx(PARTS.total_s)


@pytest.mark.parametrize("workers", [1, 2, 7])
def test_the_sender_serves_one_worker_after_another(workers: int) -> None:
    alone = dataclasses.replace(PARTS, contention=0.0, publish_s=0.0)
    assert alone.reply_s < alone.pickle_s + alone.move_s
    queue = workers * (alone.pickle_s + alone.move_s)
    assert time(alone, 1, workers) == pytest.approx(queue + alone.hindered_s + alone.reply_s)


def test_a_broadcast_is_published_once_and_a_map_once_a_worker() -> None:
    published = Parts(publish_s=1.0, task_s=0.1)
    assert time(published, 1, 4) == pytest.approx(4.1)
    assert time(published, 1, 4, None, "broadcast") == pytest.approx(1.1)


@pytest.mark.parametrize("workers", [1, 2, 5])
@pytest.mark.parametrize("share", [0.0, 0.3, 1.0])
def test_workers_that_begin_together_follow_the_law_of_contention(workers: int, share: float) -> None:
    """T (1 - c + c w), Gunther's law, which the share was fitted with."""
    together = Parts(task_s=2.0, contention=share)
    assert time(together, 1, workers) == pytest.approx(2.0 * (1 - share + share * workers))


def test_a_task_of_a_given_length_hinders_nobody() -> None:
    assert time(Parts(apart_s=2.0, contention=1.0), 1, 8) == pytest.approx(2.0)


@pytest.mark.parametrize("topology", TOPOLOGIES)
@pytest.mark.parametrize("nodes, workers", [(2, 1), (4, 8)])
def test_a_saturated_uplink_is_bytes_over_bandwidth(nodes: int, workers: int, topology: str) -> None:
    network = Network(1e7, 0.0, topology)
    away = (nodes - 1) * workers
    assert time(NOTHING, nodes, workers, network) == pytest.approx(away * 1e6 / 1e7)
    assert time(NOTHING, nodes, workers, network, "broadcast", "worker") == pytest.approx(away * 1e6 / 1e7)
    # Once a node, however many workers share it.
    assert time(NOTHING, nodes, workers, network, "broadcast", "node") == pytest.approx((nodes - 1) * 1e6 / 1e7)


def test_latency_is_paid_there_and_back_once_and_not_a_payload() -> None:
    assert time(NOTHING, 5, 3, Network(math.inf, 0.25)) == pytest.approx(0.5)


def test_with_an_infinite_network_a_node_away_costs_no_byte() -> None:
    """The network moves the payload instead of the channel, whose wake-up alone is left."""
    remote_alone = dataclasses.replace(PARTS, publish_s=0.0, move_s=0.0)
    assert time(remote_alone, 2, 1) == pytest.approx(
        max(2 * PARTS.pickle_s, PARTS.pickle_s + PARTS.wake_s) + PARTS.hindered_s + PARTS.reply_s
    )


@pytest.mark.parametrize("nodes, rounds", [(1, 0), (2, 1), (3, 2), (4, 2), (8, 3), (9, 4)])
def test_a_tree_over_a_switch_takes_a_round_a_doubling(nodes: int, rounds: int) -> None:
    assert time(NOTHING, nodes, 2, Network(1e6), "broadcast", "tree") == pytest.approx(rounds)
    shared = Network(1e6, 0.0, "shared")
    assert time(NOTHING, nodes, 2, shared, "broadcast", "tree") == pytest.approx(nodes - 1)


def test_the_caller_takes_one_reply_after_another() -> None:
    assert time(Parts(task_s=1.0, reply_s=0.5), 1, 4) == pytest.approx(3.0)


def test_with_a_gate_replies_wait_for_the_last_worker() -> None:
    """As when measuring: what comes in one after another is answered at once, and taken one after another."""
    parts = Parts(move_s=1.0, reply_s=0.5)
    assert time(parts, 1, 4) == pytest.approx(4.5)
    assert simulate(parts, Cluster(1, 4), gate=True).total_s == pytest.approx(6.0)
    assert simulate(PARTS, Cluster(1, 1), gate=True).total_s == pytest.approx(PARTS.total_s)


def test_what_takes_the_time_is_named() -> None:
    slow = Cluster(4, 2, Network(1e3))
    assert simulate(PARTS, slow).bound == "the network"
    assert simulate(dataclasses.replace(PARTS, publish_s=9.0), Cluster(1, 2)).bound == "publishing"
    assert simulate(dataclasses.replace(PARTS, pickle_s=9.0), Cluster(1, 2)).bound == "the channel"
    assert simulate(dataclasses.replace(PARTS, task_s=9.0), Cluster(1, 2)).bound == "the workers"
    assert simulate(dataclasses.replace(PARTS, reply_s=9.0), Cluster(1, 2)).bound == "the replies"


# Laws.

SOME_TIME = st.sampled_from([0.0, 1e-5, 1e-3, 0.02, 0.5])
SOME_PARTS = st.builds(
    Parts, publish_s=SOME_TIME, pickle_s=SOME_TIME, move_s=SOME_TIME, wake_s=SOME_TIME, unpickle_s=SOME_TIME,
    attach_s=SOME_TIME, task_s=SOME_TIME, apart_s=SOME_TIME, reply_s=SOME_TIME,
    contention=st.sampled_from([0.0, 0.1, 0.6, 1.0]), payload_bytes=st.sampled_from([1.0, 1e5, 1e9]),
)  # fmt: skip
SOME_HOW = st.sampled_from([("map", "node"), *(("broadcast", relay) for relay in RELAYS)])
SOME_NETWORK = st.builds(
    Network, st.sampled_from([1e6, 1e9, math.inf]), st.sampled_from([0.0, 1e-4, 0.1]), st.sampled_from([*TOPOLOGIES])
)
FEW = st.integers(1, 9)


@settings(deadline=None, max_examples=60)
@given(SOME_PARTS, SOME_HOW, SOME_NETWORK, FEW, FEW)
def test_more_nodes_workers_or_bytes_never_end_sooner_and_the_same_is_the_same(
    parts: Parts, how: tuple[str, str], network: Network, nodes: int, workers: int
) -> None:
    base = time(parts, nodes, workers, network, *how)
    nearly = base * (1 - 1e-9)
    assert time(parts, nodes, workers, network, *how) == base
    assert time(parts, nodes, workers + 1, network, *how) >= nearly
    # One node alone may be beside the point: its channel moves what a network moves for the others.
    if nodes > 1:
        assert time(parts, nodes + 1, workers, network, *how) >= nearly
    assert time(dataclasses.replace(parts, payload_bytes=2e9), nodes, workers, network, *how) >= nearly
    wider = dataclasses.replace(network, bandwidth=3 * network.bandwidth)
    assert time(parts, nodes, workers, wider, *how) <= base * (1 + 1e-9)


# From a run.


def run_with_scatter() -> tuple[Plan, list[Row]]:
    """The invented run of two sizes, with `send` to one worker and `scatter` and `broadcast` to two."""
    asked = (PICKLE, ARENA, THREADS)
    plan = example_plan(strategies=asked)
    payloads = [array(64 * 2**10, "64KiB"), array(4 * MIB, "4MiB")]
    scenarios = [Scenario(each, "read", "send", 1, strategies=asked) for each in payloads]
    scenarios += [
        Scenario(each, "read", pattern, 2, strategies=asked)
        for each in payloads
        for pattern in ("scatter", "broadcast")
    ]
    plan = dataclasses.replace(plan, scenarios=tuple(scenarios))
    return plan, example_rows(plan)[1]


def test_the_parts_of_a_run_add_up_to_its_median() -> None:
    plan, timings = run_with_scatter()
    scenario, observed = projection.choose(plan), projection.by_pair(timings)
    assert scenario.payload.id == "array-4MiB"
    for name in (PICKLE, ARENA, THREADS):
        known = projection.measured(plan, observed, scenario, name)
        assert known is not None
        rows = projection.compared(observed[scenario.id, name])
        blocks = projection.medians(rows, "total_s").values()
        assert known.parts.total_s == pytest.approx(sorted(blocks)[len(blocks) // 2], rel=0.03)
        assert time(known.of(1)[0]) == pytest.approx(known.parts.total_s)
    # The example's threads get references, and their payload would still have to travel.
    assert known.parts.payload_bytes == 4 * MIB


def test_what_is_predicted_from_scatter_does_not_look_at_broadcast() -> None:
    plan, timings = run_with_scatter()
    scenario = projection.choose(plan)
    other = [row | {"task_s": 99.0, "total_s": 99.0} if row["pattern"] == "broadcast" else row for row in timings]
    told = [
        projection.measured(plan, projection.by_pair(rows), scenario, ARENA, told_by=("scatter",))
        for rows in (timings, other)
    ]
    assert told[0] == told[1]
    assert told[0] is not None
    assert set(told[0].hindrance) == {2}


def test_contention_is_what_was_measured_with_that_many_workers() -> None:
    hindrance = {2: {("scatter", 1): 1.5, ("scatter", 2): 1.5}, 4: {("scatter", 1): 2.2}}
    assert projection.contention(hindrance, 1) == (0.0, "")
    assert projection.contention(hindrance, 2) == (pytest.approx(0.5), "")
    assert projection.contention(hindrance, 4)[0] == pytest.approx(0.4)
    assert projection.contention(hindrance, 8) == (pytest.approx(0.4), "contention as of 4 workers")
    assert projection.contention({2: {("send", 1): 0.9}}, 2)[0] == 0.0
    share, note = projection.contention({}, 8)
    assert share == 0.0
    assert "no transfer with several workers" in note


def test_with_four_counts_the_law_of_the_costs_is_fitted() -> None:
    law = {count: {("send", block): 1 + 0.25 * (count - 1) for block in range(6)} for count in (2, 3, 4)}
    share, note = projection.contention(law, 16)
    assert share == pytest.approx(0.25, abs=0.01)
    assert note == "contention fitted to 1, 2, 3, 4 workers"


@pytest.mark.parametrize(
    "works, nbytes, expected",
    [
        ({1024: 1.0}, 512, 0.5),
        ({1024: 1.0, 4096: 4.0}, 2048, 2.0),
        ({1024: 1.0, 4096: 2.0}, 16384, 4.0),
        ({1024: 1.0, 4096: 64.0}, 8192, 128.0),
        ({1024: 2.0, 4096: 1.0}, 8192, 1.0),
    ],
)
def test_work_on_other_bytes_is_read_off_the_sizes_that_were_sent(
    works: dict[int, float], nbytes: int, expected: float
) -> None:
    assert projection.alone(works, nbytes) == pytest.approx(expected)


def question(**changes: Any) -> Question:
    return dataclasses.replace(Question(2, 8, Network(1e9, 2e-5)), **changes)


def test_every_row_says_that_it_is_a_projection() -> None:
    plan, timings = run_with_scatter()
    _, rows, left_out = projection.project(plan, timings, question(shape="broadcast"))
    written = parse_csv(projection.PROJECTIONS, to_csv(projection.PROJECTIONS, rows), "projection.csv")
    assert {row["what"] for row in written} == {"projection"}
    assert [row["nodes"] for row in written if row["strategy"] == ARENA] == [1, 2, 4, 8]
    assert [row["nodes"] for row in written if row["strategy"] == THREADS] == [1]
    assert left_out == [f"At one node alone: {THREADS} stays inside one process, and so on one node."]
    lines = projection.said(rows)
    assert len(lines) == len(rows)
    assert all(line.startswith("projection: ") for line in lines)


def test_a_task_of_a_given_length_takes_the_place_of_the_measured_one() -> None:
    plan, timings = run_with_scatter()
    _, rows, _ = projection.project(plan, timings, question(nodes=1, workers=1, task_s=5.0), strategies=[ARENA])
    assert rows[0]["task"] == "5.00 s"
    assert 5.0 < float(str(rows[0]["total_s"])) < 5.1


def test_the_figure_says_that_it_is_a_projection(tmp_path: Path) -> None:
    plan, timings = run_with_scatter()
    scenario, rows, _ = projection.project(plan, timings, question())
    said = projection.question_said(scenario, question())
    plot_apart(figure.TITLE, lambda: figure.draw(rows, said), tmp_path / "p.svg")
    picture = (tmp_path / "p.svg").read_text(encoding="utf-8")
    assert "Projection: how the time would grow" in picture
    assert "nobody has measured it" in picture
    assert "stroke-dasharray" in picture
    table = json.loads((tmp_path / "p.json").read_text(encoding="utf-8"))
    assert {row[0] for row in table["rows"]} == {"projection"}
    assert len(table["rows"]) == len(rows)
    assert (tmp_path / "p.png").read_bytes().startswith(b"\x89PNG")


def test_the_figure_of_a_single_time_can_be_drawn(tmp_path: Path) -> None:
    plan, timings = run_with_scatter()
    _, rows, _ = projection.project(plan, timings, question(nodes=1), strategies=[THREADS])
    plot_apart(figure.TITLE, lambda: figure.draw(rows, "One."), tmp_path / "p.svg")
    assert THREADS in (tmp_path / "p.svg").read_text(encoding="utf-8")


# The check against a pattern that nothing was taken from.


def test_the_check_says_how_far_it_is_off_and_where_it_fails() -> None:
    plan, timings = run_with_scatter()
    found = measure_projection.check(plan, example_rows(plan)[0], timings)
    assert {(each.strategy, each.workers) for each in found} == {(name, 2) for name in (PICKLE, ARENA, THREADS)}
    assert len(found) == 6
    far = [dataclasses.replace(each, predicted_s=2 * each.measured_s) for each in found[:1]]
    near = [dataclasses.replace(each, predicted_s=1.1 * each.measured_s) for each in found[1:]]
    said = measure_projection.said([*far, *near], plan.blocks, {})
    assert "6 predictions, 6 blocks. Off by 10 % in the median and by 100 % at worst" in said
    assert f"- {found[0].strategy}, 1 of 2: 64 KiB to 2 workers (2.00)" in said
    assert "No prediction is off by more than 25 %." in measure_projection.said(near, plan.blocks, {})
    with pytest.raises(CannotProject, match="can be compared"):
        measure_projection.said([], 10, {})


def test_the_page_has_a_place_for_the_check() -> None:
    page = (ROOT / "docs" / "projection.md").read_text(encoding="utf-8")
    assert "a new table" in measure_projection.readme.fill(page, {measure_projection.PART: "a new table"})


# Mistakes.


@pytest.mark.parametrize(
    "wrong, told",
    [
        (lambda: Cluster(0, 1), "0 nodes"),
        (lambda: Cluster(1, 0), "0 workers"),
        (lambda: Cluster(MOST_HAND_OVERS, 2), "Take fewer"),
        (lambda: Network(0.0), "above 0"),
        (lambda: Network(math.nan), "above 0"),
        (lambda: Network(1.0, -1.0), "latency"),
        (lambda: Network(1.0, 0.0, "ring"), "switch, shared"),
        (lambda: Parts(task_s=-1.0), "task_s is -1"),
        (lambda: Parts(task_s=math.inf), "finite"),
        (lambda: Parts(contention=1.5), "a share"),
        (lambda: simulate(PARTS, Cluster(1, 1), "gather"), "map, broadcast"),
        (lambda: simulate(PARTS, Cluster(1, 1), "broadcast", "ring"), "node, worker, tree"),
        (lambda: parse_bandwidth("12.5GB"), "12.5GB/s"),
        (lambda: parse_bandwidth("100Gbit/s"), "is not a bandwidth"),
        (lambda: parse_time("20"), "20us, 100ms, 2s or 5min"),
        (lambda: parse_time("-1s"), "is not a time"),
        (lambda: projection.choose(example_plan(), "array-4MB"), "Did you mean 'array-4MiB'?"),
        (lambda: projection.project(*run_with_scatter(), question(), strategies=["process_spawn-arrena"]), ARENA),
        (lambda: projection.project(*run_with_scatter(), question(nodes=0)), "0 nodes"),
        (lambda: projection.project(run_with_scatter()[0], [], question()), "nothing to project"),
    ],
)
def test_what_is_impossible_is_told_in_one_sentence(wrong: Any, told: str) -> None:
    with pytest.raises(CannotProject) as caught:
        wrong()
    assert told in str(caught.value)
    assert "\n" not in str(caught.value)


def test_units() -> None:
    assert parse_bandwidth("12.5GB/s") == 12.5e9
    assert parse_bandwidth("1MiB/s") == MIB
    assert [parse_time(text) for text in ("20us", "100ms", "2 s", "5min")] == pytest.approx([2e-5, 0.1, 2.0, 300.0])


def command(folder: Path, *options: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, str(ROOT / "scripts" / "project_cluster.py"), "--run", str(folder), *options],
        text=True, capture_output=True, check=False, timeout=100,
    )  # fmt: skip


def test_the_command_writes_a_table_a_figure_and_an_answer(tmp_path: Path) -> None:
    write_run(example(), tmp_path)
    out = tmp_path / "out" / "projection.csv"
    options = ("--workers", "4", "--nodes", "6", "--payload", "array-4MiB", "--out", str(out))
    ended = command(tmp_path, *options, "--bandwidth", "12.5GB/s", "--shape", "broadcast", "--relay", "tree")
    assert ended.returncode == 0, ended.stderr
    assert "projection: 6 nodes x 4 workers: process_spawn-arena: " in ended.stdout
    rows = projection_rows(out)
    assert {row["what"] for row in rows} == {"projection"}
    assert {row["nodes"] for row in rows} == {1, 2, 4, 6}
    assert sorted(path.suffix for path in out.parent.iterdir()) == [".csv", ".json", ".png", ".svg"]
    again = command(tmp_path, *options, "--bandwidth", "12.5GB/s", "--shape", "broadcast", "--relay", "tree")
    assert again.stdout == ended.stdout
    wrong = command(tmp_path, *options, "--bandwidth", "fast")
    assert wrong.returncode == 1
    assert wrong.stderr.count("\n") == 1
    assert "'fast' is not a bandwidth" in wrong.stderr


def projection_rows(path: Path) -> list[Row]:
    return parse_csv(projection.PROJECTIONS, path.read_text(encoding="utf-8"), str(path))
