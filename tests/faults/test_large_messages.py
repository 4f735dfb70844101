"""Messages past the sizes at which pipes, pickles and headers have broken: 2 GiB and 4 GiB, and one byte.

What fits is measured and proven byte for byte; what does not has a `skipped` row with the arithmetic. Which it is,
the machine's memory decides; on a small one no message may be possible, and the test says so.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from victims import ROOT, THOROUGH

from handoff.payloads.generation import generate
from handoff.records import read_invocation
from handoff.scenarios import Payload, Scenario

SIZES = [2**31 + 1]
STRATEGIES = ["pool_spawn-pickle", "process_spawn-arena"]
if THOROUGH:  # ten minutes more
    SIZES += [2**32 + 1]
    STRATEGIES += [
        "threads-reference", "process_spawn-pickle4", "process_spawn-pickle5", "process_spawn-npy-tmpfs",
        "process_spawn-shared_memory", "process_fork-inherit",
    ]  # fmt: skip


@pytest.fixture(scope="module")
def scenarios(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[Scenario]]:
    folder = tmp_path_factory.mktemp("payloads")
    made = []
    for size in SIZES:
        payload = Payload(f"array-{size}B", "array", size, (("dtype", "uint8"), ("content", "random")))
        generate(payload, 1, folder / payload.file, folder / payload.description)
        made.append(Scenario(payload, "read", "send", 1))
    return folder, made


@pytest.mark.faults
@pytest.mark.timeout(900)
@pytest.mark.parametrize("strategy", STRATEGIES)
def test_they_arrive_whole_or_are_skipped(
    strategy: str, scenarios: tuple[Path, list[Scenario]], tmp_path: Path
) -> None:
    folder, wanted = scenarios
    out = tmp_path / "block~1.csv"
    subprocess.run(
        [sys.executable, str(ROOT / "scripts" / "measure_strategy.py"), "--run", "large", "--kind", "array",
         "--strategy", strategy, "--block", "9", "--seconds", "0.001", "--payloads", str(folder), "--out", str(out),
         *(f"--scenario={json.dumps(scenario.to_json())}" for scenario in wanted)],
        cwd=tmp_path, check=True,
    )  # fmt: skip
    rows = read_invocation(out).transfers
    assert {row["scenario"] for row in rows} == {scenario.id for scenario in wanted}
    for row in rows:
        if row["status"] == "ok":
            assert (row["digest_ok"], row["bytes_received"]) == (1, row["payload_bytes"])
        else:
            assert row["status"] == "skipped"
            assert "needs about" in str(row["reason"])
            assert "are available" in str(row["reason"]) or "are free in" in str(row["reason"])
    if not any(row["status"] == "ok" for row in rows):
        pytest.skip(f"this machine has too little memory for either: {rows[0]['reason']}")
