"""How well costs that were fitted to some sizes predict others: sizes from a seed, measured in one run.

The curves are fitted to the sizes up to 64 MiB alone. Held out are sizes between them, and two beyond, of about 256
and 512 MiB. A prediction is right if it lies within 10 % of what was measured where the blocks spread by 5 % or less,
else within twice their spread; and its interval, of one block's value, should hold 90 % of the blocks.

    python tests/answers/measure_costs.py --seed 1 --folder /tmp/costs

takes about a quarter of an hour; what is there already is not measured again.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import random
import statistics as basic
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

HOUSE = Path(__file__).parents[2]
sys.path[:0] = [str(HOUSE / "scripts")]

import yaml  # noqa: E402

from handoff.cost_model import Point, fit  # noqa: E402
from handoff.figures.run import read_run  # noqa: E402
from handoff.machine import cache_sizes, read_machine  # noqa: E402
from handoff.report import readme  # noqa: E402
from handoff.summaries import block_values  # noqa: E402

KIB, MIB = 2**10, 2**20
LARGEST_FITTED = 64 * MIB

STRATEGIES = (
    "threads-reference", "pool_spawn-pickle", "process_spawn-pickle5", "process_spawn-shared_memory",
    "process_spawn-npy-tmpfs", "process_spawn-arena",
)  # fmt: skip


def sizes(seed: int) -> tuple[list[int], list[int]]:
    """Bytes to fit to, two in each fourfold step from 64 KiB to 64 MiB and two more in the last; and those held out."""
    source = random.Random(seed)

    def between(low: int, high: int) -> int:
        return round(math.exp(source.uniform(math.log(low), math.log(high))) / KIB) * KIB

    steps = [(64 * KIB * 4**n, 64 * KIB * 4 ** (n + 1)) for n in range(5)]
    fitted = [between(*step) for step in steps for _ in range(2)] + [
        between(24 * MIB, 40 * MIB),
        between(48 * MIB, 64 * MIB),
    ]
    held_out = [between(*step) for step in steps[1:]]
    return sorted(set(fitted)), sorted({*held_out, between(250 * MIB, 262 * MIB), between(500 * MIB, 520 * MIB)})


@dataclass(frozen=True)
class Check:
    """One held-out size of one strategy."""

    strategy: str
    size: int
    predicted_s: float
    measured_s: float
    spread: float
    """Of the blocks' values, as a share: the standard deviation of their logarithms."""
    extrapolated: bool
    covered: float
    """The share of the blocks that lie in the prediction's interval."""

    @property
    def off(self) -> float:
        return abs(math.log(self.predicted_s / self.measured_s))

    @property
    def right(self) -> bool:
        return self.off <= math.log1p(0.1 if self.spread <= 0.05 else 2 * self.spread)


def check(strategy: str, blocks: Mapping[int, Mapping[tuple[str, int], float]], caches: Sequence[int],
          fitted: Sequence[int], held_out: Sequence[int]) -> list[Check]:  # fmt: skip
    """blocks: size -> the values of its blocks, in seconds."""
    curve = fit([Point(size, blocks[size]) for size in fitted], caches)
    found = []
    for size in held_out:
        said, values = curve.predict(size), list(blocks[size].values())
        logs = [math.log(value) for value in values]
        inside = sum(said.low <= value <= said.high for value in values) / len(values)
        found.append(
            Check(strategy, size, said.seconds, basic.median(values), basic.stdev(logs), said.extrapolated, inside)
        )
    return found


def said(found: Sequence[Check]) -> str:
    """A table in Markdown, and what it comes to."""
    lines = ["| strategy | MiB | predicted | measured | off | spread | right | blocks in the interval |",
             "|---|---|---|---|---|---|---|---|"]  # fmt: skip
    lines += [
        f"| {each.strategy} | {each.size / MIB:.2f}{' (beyond)' if each.extrapolated else ''} | "
        f"{1e3 * each.predicted_s:.3f} ms | {1e3 * each.measured_s:.3f} ms | {math.expm1(each.off):.1%} | "
        f"{each.spread:.1%} | {'yes' if each.right else 'no'} | {each.covered:.0%} |"
        for each in found
    ]
    for name, part in (
        ("between the sizes fitted", [each for each in found if not each.extrapolated]),
        ("beyond them", [each for each in found if each.extrapolated]),
        ("in all", list(found)),
    ):
        if part:
            right, inside = (basic.fmean(values) for values in zip(*((e.right, e.covered) for e in part), strict=True))
            lines.append(f"\n{name}: {right:.0%} of {len(part)} predictions are right, intervals hold {inside:.0%}.")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--blocks", type=int, default=6)
    parser.add_argument("--folder", type=Path, required=True, help="where to work")
    parser.add_argument("--page", type=Path, help="the page whose part costs is renewed")
    given = parser.parse_args()
    page = given.page and given.page.resolve()
    given.folder.mkdir(parents=True, exist_ok=True)
    os.chdir(given.folder)
    fitted, held_out = sizes(given.seed)
    run = f"costs-{given.seed}"
    config = {
        "run": run, "seed": given.seed, "blocks": given.blocks, "strategies": list(STRATEGIES), "budget": "1h",
        "scenarios": [{"payload": {"kind": "array", "size": sorted({*fitted, *held_out})}}],
    }  # fmt: skip
    Path("costs.yaml").write_text(yaml.safe_dump(config), encoding="utf-8")
    command = ["-m", "snakemake", "--snakefile", str(HOUSE / "Snakefile"), "--cores", "all"]
    subprocess.run([sys.executable, *command, "--configfile", "costs.yaml"], check=True)
    folder = Path("results", run)
    results = read_run(*(folder / name for name in ("plan.json", "summary.csv", "timings.csv", "invocations.csv")))
    values = block_values(results.invocations, results.timings)
    (machine,) = (folder / "machines").glob("*.json")
    found: list[Check] = []
    for strategy in STRATEGIES:
        blocks = {each.payload.size: values.get((each.id, strategy), {}) for each in results.plan.scenarios}
        found += check(strategy, blocks, cache_sizes(read_machine(machine)), fitted, held_out)
    Path("costs.json").write_text(json.dumps([asdict(each) for each in found], indent=1) + "\n", encoding="utf-8")
    print(said(found))
    if page:
        where = f"`--seed {given.seed}`, on {readme.machine_said(read_machine(machine))}."
        readme.renew(page, {"costs": f"{said(found)}\n\n{where}"})


if __name__ == "__main__":
    main()
