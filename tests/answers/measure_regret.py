"""How far answers are from the truth: for each workload of a seed, a quick answer, and then a long run of its own.

The regret of an answer is max(0, low - 1), low being the lower end of the interval of recommended / truly best in the
long run, where the truly best is the fastest of all that may be used. The answer need not be the fastest: the price of
taking a simpler one within the tie zone is told apart, as the estimate of that ratio.

    python tests/answers/measure_regret.py --seed 1 --count 12 --folder /tmp/regret

Each takes --quick seconds, and a few minutes for the --blocks of the long run, in which all take part that were not
several times slower than the best in the quick one. What is there already is not measured again.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import statistics as basic
import subprocess
import sys
import time
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path
from typing import Any, Final

HOUSE = Path(__file__).parents[2]
sys.path[:0] = [str(HOUSE / "scripts"), str(Path(__file__).parent)]

import yaml  # noqa: E402
from workloads import Workload, workloads  # noqa: E402

from handoff import statistics  # noqa: E402
from handoff.contest import Contest, bounds  # noqa: E402
from handoff.figures.run import Run, read_run  # noqa: E402
from handoff.machine import read_machine  # noqa: E402
from handoff.report import readme  # noqa: E402
from handoff.summaries import block_values  # noqa: E402


@dataclass(frozen=True)
class Regret:
    """What came of one workload."""

    workload: str
    about: str
    recommended: str
    confidence: str
    best: str
    """Of the long run."""
    ratio: float
    """Recommended / best, the estimate: the price of simplicity, or of a mistake."""
    low: float
    high: float
    blocks: int
    seconds: float
    """What the quick answer took on the clock."""

    @property
    def regret(self) -> float:
        return max(0.0, self.low - 1)


def run_of(folder: Path) -> Run:
    return read_run(*(folder / name for name in ("plan.json", "summary.csv", "timings.csv", "invocations.csv")))


def regret(recommended: str, truth: Run) -> tuple[str, float, float, float, int]:
    """The truly best in a run of one scenario; the ratio of the recommended one to it, its interval, its blocks."""
    (scenario,) = truth.plan.scenarios
    contest = Contest(truth.plan, scenario, truth.summary, block_values(truth.invocations, truth.timings))
    ratios = contest.ratios(recommended, contest.best)
    low, high = (0.0, 0.0) if recommended == contest.best else bounds(ratios, contest.level)
    return contest.best, math.exp(statistics.hodges_lehmann(ratios)), math.exp(low), math.exp(high), len(ratios)


FAR: Final = 2.0
"""Who was so many times as slow as the best in the quick run is not the truly best."""


def in_question(quick: Run, recommended: str) -> list[str]:
    """The strategies that may be the truly best, the recommended one and the reference."""
    times = {
        str(row["strategy"]): float(str(row["median_s"])) for row in quick.summary
        if row["role"] == "candidate" and row["status"] == "ok" and row["median_s"]
    }  # fmt: skip
    near = [name for name, seconds in times.items() if seconds <= FAR * min(times.values())]
    return list(dict.fromkeys([*near, recommended, quick.plan.reference]))


def command(script: str, *arguments: str) -> None:
    subprocess.run([sys.executable, str(HOUSE / "scripts" / script), *arguments], check=True)


def tried(workload: Workload, quick_s: float, blocks: int) -> Regret:
    """The quick answer and the long run of one workload, in the working directory."""
    workload.write(Path.cwd())
    options = ["--", "--cores", "all", "--snakefile", str(HOUSE / "Snakefile")]
    question = ["--payload", f"{workload.name}:make", "--task", f"{workload.name}:work"]
    quick = Path("results", f"mine-make-work-{workload.name}")
    base = Path("base.yaml")
    settings = yaml.safe_load((HOUSE / "config" / "mine.yaml").read_text(encoding="utf-8"))
    begun = time.monotonic()
    taken = quick.with_suffix(".seconds")
    if not taken.exists():
        base.write_text(yaml.safe_dump(settings), encoding="utf-8")
        command(
            "measure_mine.py", "--configfile", str(base), "--run", quick.name, "--seconds", f"{quick_s}s", *question,
            *options,
        )  # fmt: skip
        taken.write_text(f"{time.monotonic() - begun}\n", encoding="utf-8")
    (answer,) = json.loads((quick / "recommendations.json").read_text(encoding="utf-8"))
    long = Path("results", f"long-{workload.name}")
    if not (long / "report.html").exists():
        asked = yaml.safe_load((quick / "config.yaml").read_text(encoding="utf-8"))
        able = in_question(run_of(quick), answer["recommended"])
        file = Path(f"{long.name}.yaml")
        file.write_text(yaml.safe_dump({
            **asked, "run": long.name, "seed": asked["seed"] + 1000, "effort": "fixed", "blocks": blocks,
            "strategies": able, "budget": "1h",
        }), encoding="utf-8")  # fmt: skip
        snakemake = [sys.executable, "-m", "snakemake", "--configfile", str(file), *options[1:]]
        subprocess.run(snakemake, check=True)
    found = regret(answer["recommended"], run_of(long))
    return Regret(
        workload.name, workload.about, answer["recommended"], answer["confidence"], *found,
        seconds=float(taken.read_text(encoding="utf-8")),
    )  # fmt: skip


def said(found: list[Regret]) -> str:
    """A table in Markdown, and what it comes to."""
    lines = ["| workload | recommended | confidence | best of the long run | ratio | regret | quick answer |",
             "|---|---|---|---|---|---|---|"]  # fmt: skip
    lines += [
        f"| {each.about} | {each.recommended} | {each.confidence} | {each.best} | "
        f"{each.ratio:.3f} [{each.low:.3f}, {each.high:.3f}] | {each.regret:.1%} | {each.seconds:.0f} s |"
        for each in found
    ]
    regrets = [each.regret for each in found]
    price = [each.ratio - 1 for each in found if each.regret == 0 and each.ratio > 1] or [0.0]
    lines += [
        "",
        f"Regret of {len(found)}: median {basic.median(regrets):.1%}, worst {max(regrets):.1%}. Price of simplicity: "
        f"median {basic.median(price):.1%}, worst {max(price):.1%}.",
    ]
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--count", type=int, default=12)
    parser.add_argument("--quick", type=float, default=165, help="seconds of each quick answer")
    parser.add_argument("--blocks", type=int, default=10, help="of each long run")
    parser.add_argument("--more", type=int, nargs="*", default=[], help="numbers of further workloads of the seed")
    parser.add_argument("--folder", type=Path, required=True, help="where to work")
    parser.add_argument("--page", type=Path, help="the page whose part regret is renewed")
    given = parser.parse_args()
    page = given.page and given.page.resolve()
    given.folder.mkdir(parents=True, exist_ok=True)
    os.chdir(given.folder)
    found: list[Regret] = []
    numbers = {*range(1, given.count + 1), *given.more}
    for number, workload in enumerate(islice(workloads(given.seed), max(numbers)), 1):
        if number not in numbers:
            continue
        found.append(tried(workload, given.quick, given.blocks))
        state: list[dict[str, Any]] = [asdict(each) for each in found]
        Path("regret.json").write_text(json.dumps(state, indent=1) + "\n", encoding="utf-8")
        print(said(found), flush=True)
    if page:
        (machine,) = Path("results", f"long-{found[-1].workload}", "machines").glob("*.json")
        where = f"`--seed {given.seed}`, on {readme.machine_said(read_machine(machine))}."
        readme.renew(page, {"regret": f"{said(found)}\n\n{where}"})


if __name__ == "__main__":
    main()
