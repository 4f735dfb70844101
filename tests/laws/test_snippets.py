"""Every strategy has a snippet: a whole program that runs as it stands, prints the right result and leaves nothing."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
import sysconfig
import time
from pathlib import Path

import pytest
from optional import marks

from handoff import strategies

SNIPPETS = Path(__file__).parents[2] / "scripts" / "handoff" / "snippets"
SHARED = Path("/dev/shm")
RESULT = float(sum(range(1_000_000)))
"""What each snippet's work gives for its payload."""

FURTHER = sorted(SNIPPETS.glob("for_*/*.py"))
"""Of strategies whose code differs with what is handed over."""

ALL = [strategy.id for strategy in strategies.TABLE]


def snippet(strategy: str) -> Path:
    return SNIPPETS / f"{strategy.replace('-', '_')}.py"


def segments() -> set[str]:
    """Names in /dev/shm as Python's own modules, joblib, Open MPI and Ray make them; others are not our business."""
    made = ("psm_", "tmp", "joblib_memmapping_folder_", "sm_segment.", "osc_sm", "plasma")
    return {path.name for path in SHARED.iterdir() if path.name.startswith(made)}


def environment(folder: Path) -> dict[str, str]:
    """As in an activated environment; Open MPI asks root, whom a container runs as, twice."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    asked = ("OMPI_ALLOW_RUN_AS_ROOT", "PRTE_ALLOW_RUN_AS_ROOT")
    return {
        **kept, **{f"{name}{end}": "1" for name in asked for end in ("", "_CONFIRM")},
        "PATH": f"{sysconfig.get_path('scripts')}:{os.environ['PATH']}",
        "TMPDIR": str(folder), "PYTHONDONTWRITEBYTECODE": "1",
    }  # fmt: skip


def left_over(before: set[str]) -> set[str]:
    """New names that stay: other tests on this machine make some, and remove them again."""
    end = time.monotonic() + 10
    while (names := segments() - before) and time.monotonic() < end:
        time.sleep(0.2)
    return names


def test_every_strategy_has_a_snippet_and_every_snippet_a_strategy() -> None:
    assert sorted(path.name for path in SNIPPETS.glob("*.py")) == sorted(snippet(name).name for name in ALL)


@pytest.mark.parametrize("strategy", [pytest.param(s.id, marks=marks(s)) for s in strategies.TABLE])
def test_it_runs_prints_the_result_and_leaves_nothing(strategy: str, tmp_path: Path) -> None:
    code = snippet(strategy)
    before = segments()
    ended = subprocess.run(
        [sys.executable, str(code)],
        cwd=tmp_path, env=environment(tmp_path), text=True, capture_output=True, timeout=60, check=False,
    )  # fmt: skip
    assert (ended.stdout, ended.stderr, ended.returncode) == (f"{RESULT}\n", "", 0)
    assert list(tmp_path.iterdir()) == []
    assert not left_over(before)


@pytest.mark.parametrize("code", FURTHER, ids=lambda code: f"{code.parent.name}/{code.stem}")
def test_a_further_one_is_of_a_strategy_and_runs_as_well(code: Path, tmp_path: Path) -> None:
    assert code.name in [snippet(name).name for name in ALL]
    text = code.read_text(encoding="utf-8")
    assert "  # your function" in text
    assert "  # your data" in text
    before = segments()
    ended = subprocess.run(
        [sys.executable, str(code)],
        cwd=tmp_path, env=environment(tmp_path), text=True, capture_output=True, timeout=60, check=False,
    )  # fmt: skip
    assert (ended.stdout, ended.stderr, ended.returncode) == (f"{RESULT}\n", "", 0)
    assert list(tmp_path.iterdir()) == []
    assert not left_over(before)


@pytest.mark.parametrize("strategy", ALL)
def test_it_can_be_pasted_anywhere(strategy: str) -> None:
    text = snippet(strategy).read_text(encoding="utf-8")
    tree = ast.parse(text)
    modules = {
        (node.module or "") if isinstance(node, ast.ImportFrom) else alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.Import | ast.ImportFrom)
        for alias in node.names
    }
    packages = {name.partition(".")[0] for name in modules} - sys.stdlib_module_names
    # pandas or numpy is the payload's own; what else is imported, the strategy's facts have to name.
    assert packages <= {"numpy", "pandas", *strategies.find(strategy).needs}
    assert ast.get_docstring(tree)
    assert 'if __name__ == "__main__":' in text
    assert "def work(data:" in text
    assert "# your function" in text
    # Its folder comes first on sys.path, there as here.
    assert snippet(strategy).stem not in sys.stdlib_module_names


def test_the_unsafe_ones_say_so() -> None:
    for strategy in strategies.TABLE:
        warned = "WARNING" in snippet(strategy.id).read_text(encoding="utf-8")
        assert warned != strategy.safe
