"""Print what the instrument itself costs on this machine: a null payload, 64 MiB by threads, a busy task.

Each figure is a ratio or a difference inside one process, with an exact interval over alternating rounds.
"""

from __future__ import annotations

import argparse

from handoff.measure import tax
from handoff.statistics import hodges_lehmann, signed_rank_interval


def summary(values: list[float], unit: float = 1.0) -> str:
    """Estimate and interval, as text."""
    interval = signed_rank_interval([value * unit for value in values])
    bounds = f"{interval[0]:.3f} to {interval[1]:.3f}" if interval else "too few rounds for an interval"
    return f"{hodges_lehmann(values) * unit:.3f} ({bounds}; {len(values)} rounds)"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=30, help="alternations of ours and the bare loop")
    given = parser.parse_args()
    for strategy in ("threads-reference", "process_spawn-pickle5", "pool_spawn-pickle"):
        extra = tax.null_payload(strategy, given.rounds)
        print(f"null payload, {strategy}: {summary(extra, 1e6)} µs a call above a bare submit")
    print(f"64 MiB, threads-reference over a plain loop: ratio {summary(tax.threads_on_large(given.rounds))}")
    print(f"busy task of 100 ms: reproduced within {tax.busy_error() * 1e3:.3f} ms (the worst of 10)")


if __name__ == "__main__":
    main()
