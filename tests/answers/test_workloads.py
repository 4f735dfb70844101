"""The questions that answers are tried with: unlike, the same for a seed, and runnable; and how regret is counted."""

from __future__ import annotations

from itertools import islice
from typing import Any

import pytest
from measure_regret import Regret, said
from workloads import Workload, workloads

from handoff import payloads

TRIED = [each for each in islice(workloads(7), 20) if "100,000,000" not in each.about]


def module(workload: Workload) -> dict[str, Any]:
    names: dict[str, Any] = {}
    exec(compile(workload.text, workload.name, "exec"), names)
    return names


def test_a_seed_gives_the_same_and_another_one_others() -> None:
    first, again, other = (list(islice(workloads(seed), 30)) for seed in (1, 1, 2))
    assert first == again
    assert [each.about for each in first] != [each.about for each in other]


def test_the_first_dozen_is_unlike() -> None:
    about = [each.about for each in islice(workloads(1), 12)]
    assert len(set(about)) == 12
    assert len({each.partition(" of ")[0] for each in about}) == 7


@pytest.mark.parametrize("workload", TRIED, ids=lambda workload: workload.about)
def test_it_gives_the_same_data_and_result_each_time(workload: Workload) -> None:
    data, again = (module(workload)["make"]() for _ in range(2))
    assert payloads.digest(data) == payloads.digest(again)
    before = payloads.digest(data)
    results = [payloads.digest(module(workload)["work"](each)) for each in (data, again)]
    assert results[0] == results[1]
    assert payloads.digest(data) == before


def test_regret_is_what_is_certain() -> None:
    def of(ratio: float, low: float, high: float) -> Regret:
        return Regret("w", "a thing", "x", "decided", "y", ratio, low, high, 10, 60)

    assert of(1.04, 0.98, 1.09).regret == 0
    assert of(1.2, 1.1, 1.3).regret == pytest.approx(0.1)
    text = said([of(1.04, 0.98, 1.09), of(1.2, 1.1, 1.3), of(1.0, 1.0, 1.0)])
    assert "Regret of 3: median 0.0%, worst 10.0%. Price of simplicity: median 4.0%, worst 4.0%." in text
