"""Print what the instrument itself costs on this machine: a null payload, 64 MiB by threads, a busy task.

Each figure is a ratio or a difference inside one process, with an exact interval over alternating rounds.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from handoff.measure import tax
from handoff.measure.places import machine_lock
from handoff.mistakes import step
from handoff.records import write_atomically
from handoff.statistics import hodges_lehmann, signed_rank_interval

EXECUTORS = ("threads", "process_spawn", "pool_spawn")


def figure(values: list[float], unit: float = 1.0) -> dict[str, Any]:
    """Estimate, interval and number of rounds."""
    interval = signed_rank_interval([value * unit for value in values])
    return {"estimate": hodges_lehmann(values) * unit, "interval": interval, "rounds": len(values)}


def said(found: dict[str, Any]) -> str:
    """The same as text."""
    ends = found["interval"]
    bounds = f"{ends[0]:.3f} to {ends[1]:.3f}" if ends else "too few rounds for an interval"
    return f"{found['estimate']:.3f} ({bounds}; {found['rounds']} rounds)"


def measure(rounds: int, out: Path | None) -> None:
    """Measure all of them, say each as it is known, and write them down."""
    found: dict[str, Any] = {"null_payload_us": {}, "null_payload_reuse_us": {}}
    for name in EXECUTORS:
        found["null_payload_us"][name] = each = figure(tax.null_payload(name, rounds), 1e6)
        print(f"null payload, {name}: {said(each)} µs a call above a bare submit", flush=True)
        found["null_payload_reuse_us"][name] = each = figure(tax.null_payload_reused(name, rounds), 1e6)
        print(f"null payload, {name}, reuse: {said(each)} µs a call above a bare submit", flush=True)
    found["threads_64mib_ratio"] = figure(tax.threads_on_large(rounds))
    print(f"64 MiB, threads-reference over a plain loop: ratio {said(found['threads_64mib_ratio'])}", flush=True)
    found["busy_task_error_us"] = tax.busy_error() * 1e6
    print(f"busy task of 100 ms: reproduced within {found['busy_task_error_us'] / 1e3:.3f} ms (the worst of 10)")
    if out:
        write_atomically(out, json.dumps(found, indent=1) + "\n")


@step
def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=30, help="alternations of ours and the bare loop")
    parser.add_argument("--out", type=Path, help="a JSON file to write the figures to, too")
    given = parser.parse_args()
    with machine_lock():
        measure(given.rounds, given.out)


if __name__ == "__main__":
    main()
