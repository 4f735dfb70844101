"""A copy of scripts/ with transports that no user should have, and measurements with them."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]


def copied_library(folder: Path, transports: Mapping[str, str], executors: Iterable[str]) -> Path:
    """A copy in which these transports, name -> source, stand in the table under each of the executors."""
    copy = folder / "scripts"
    shutil.copytree(ROOT / "scripts", copy, ignore=shutil.ignore_patterns("__pycache__", ".*"))
    for name, source in transports.items():
        (copy / "handoff" / "transports" / f"{name}.py").write_text(source, "utf-8")
    lines = "".join(f'    Strategy("{executor}-{name}"),\n' for executor in executors for name in transports)
    table = copy / "handoff" / "strategies.py"
    head, mark, rest = table.read_text("utf-8").partition("TABLE: Final = (\n")
    assert mark, "the table of strategies begins otherwise than this test thinks"
    table.write_text(f"{head}{mark}{lines}{rest}", "utf-8")
    return copy


def measured(
    library: Path, folder: Path, strategies: Sequence[str], scenarios: Iterable[tuple[int, str, Sequence[str]]],
    limit: float = 0, seconds: float = 0.001, summarize: bool = False,
) -> dict[str, Any]:  # fmt: skip
    """`outcomes` of one invocation of each strategy, by the supervisor and with real processes, and their `summary`.

    Scenarios are an array's bytes, a pattern and the candidates that take part beside the floors. `limit` is the
    time limit in seconds, 0 for the usual one; `seconds` is the slice for each scenario's transfers. A summary needs
    the floors and the sentinel of `inline` among the strategies.
    """
    order = {
        "folder": str(folder), "strategies": strategies, "scenarios": list(scenarios), "limit": limit,
        "seconds": seconds, "summarize": summarize,
    }  # fmt: skip
    done = subprocess.run(
        [sys.executable, str(ROOT / "tests" / "unit" / "naughty_transports.py"), json.dumps(order)],
        env=os.environ | {"PYTHONPATH": str(library)}, capture_output=True, text=True, check=False, timeout=110,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found
