"""A snippet with the user's own function and data in it runs as pasted, and gives what the function itself gives."""

from __future__ import annotations

import ast
import importlib.util
import pickle
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from optional import marks
from pyarrow import feather
from test_snippets import environment, left_over, segments

from handoff import strategies
from handoff.pasting import ARRAYS_ALONE, OwnData, filled

MODULE = '''\
"""What a user might have."""


def total(array):
    return float(array.sum()) + array.ndim


def put(frame):  # a name that some snippets have, too
    return f"{frame['price'].sum()} {'|'.join(list(frame['place'])[:2])}"


def rows(table):
    return table.num_rows, table.column_names


def names(objects):
    return sorted(objects), sum(len(text) for text in objects["texts"])


def make(count):
    return {"texts": [str(number) for number in range(count)]}
'''

ARRAY = np.arange(30_000, dtype=np.float64).reshape(3, 100, 100)
FRAME = pd.DataFrame({"price": np.arange(5_000) / 8, "place": [f"place {number % 7}" for number in range(5_000)]})
OBJECTS = {"texts": ["a", "", "two words"] * 1_000, "numbers": {1: 2.5}, "raw": b"\0" * 9_000}

WRITERS: dict[str, tuple[str, str, Callable[[Path], object]]] = {
    "array": ("total", "data.npy", lambda path: np.save(path, ARRAY)),
    "frame": ("put", "data.parquet", FRAME.to_parquet),
    "any": ("names", "data.pkl", lambda path: path.write_bytes(pickle.dumps(OBJECTS))),
    "arrow_table": ("rows", "data.arrow", lambda path: feather.write_feather(FRAME, path, "uncompressed")),
}
"""Kind -> the function for it, and the user's file."""

QUICK = (
    "threads-reference", "pool_spawn-pickle", "process_spawn-pickle5", "process_spawn-outofband_socket",
    "process_spawn-outofband_shared_memory", "process_spawn-npy-tmpfs", "process_spawn-shared_memory",
    "process_spawn-raw_array", "process_spawn-arena", "process_spawn-arena_born", "process_spawn-load_in_worker",
    "process_forkserver_preload-initializer",
)  # fmt: skip
"""Which of them every run of the tests pastes: of the standard library, one of each sort."""

FURTHER = [
    *((f"process_spawn-arrow{copied}-{place}", "array") for copied in ("", "_copy") for place in ("tmpfs", "disk")),
    *((f"process_spawn-{form}-{place}", "arrow_table") for form in ("arrow", "parquet") for place in ("tmpfs", "disk")),
]
"""Ways that have a snippet of their own for another kind of payload."""


def kind_for(strategy: strategies.Strategy, place: int) -> str:
    """One that the way carries; those that carry any take turns."""
    kinds = strategies.transport_facts(strategy.transport).kinds
    if strategy.base in ARRAYS_ALONE:
        return "array"
    if strategy.executor == "interpreters":
        return "any"
    if "any" in kinds:
        return ("array", "frame", "any")[place % 3]
    return "frame" if "frame" in kinds else "array"


CASES = [
    (strategy.id, kind_for(strategy, place))
    for place, strategy in enumerate(strategies.TABLE)
    if strategy.snippet.is_file()
]
"""That each strategy has a snippet is a law of test_snippets.py."""


def marked(strategy: str, kind: str) -> Any:
    slow = [] if strategy in QUICK else [pytest.mark.slow]
    return pytest.param(strategy, kind, marks=[*marks(strategies.find(strategy)), *slow])


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A user's folder, with a module and data in it."""
    folder = tmp_path / 'a user\'s "own" folder'
    folder.mkdir()
    (folder / "mine.py").write_text(MODULE, encoding="utf-8")
    for _, name, write in WRITERS.values():
        write(folder / name)
    return folder


def module(home: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location("mine", home / "mine.py")
    assert spec
    assert spec.loader
    found = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(found)
    return found


def inline(home: Path, kind: str) -> object:
    """What the function itself gives for the data."""
    payload = {"array": ARRAY, "frame": FRAME, "any": OBJECTS, "arrow_table": pa.Table.from_pandas(FRAME)}[kind]
    return getattr(module(home), WRITERS[kind][0])(payload)


def pasted(strategy: str, kind: str, home: Path) -> str:
    function, name, _ = WRITERS[kind]
    data = OwnData(kind=kind, nbytes=ARRAY.nbytes, path=str(home / name))
    return filled(strategy, f"mine:{function}", data, str(home))


def run(code: str, home: Path, tmp_path: Path) -> subprocess.CompletedProcess[str]:
    file, temporary = home / "pasted.py", tmp_path / "tmp"
    file.write_text(code, encoding="utf-8")
    temporary.mkdir()
    before = segments()
    ended = subprocess.run(
        [sys.executable, str(file)],
        cwd=tmp_path, env=environment(temporary), text=True, capture_output=True, timeout=60, check=False,
    )  # fmt: skip
    assert list(temporary.iterdir()) == []
    assert not left_over(before)
    return ended


@pytest.mark.parametrize("strategy, kind", [marked(*case) for case in (*CASES, *FURTHER)])
def test_it_gives_what_the_function_gives(strategy: str, kind: str, home: Path, tmp_path: Path) -> None:
    ended = run(pasted(strategy, kind, home), home, tmp_path)
    assert (ended.stdout, ended.stderr, ended.returncode) == (f"{inline(home, kind)}\n", "", 0)


@pytest.mark.parametrize("strategy", ["pool_spawn-pickle", "process_spawn-load_in_worker"])
def test_data_that_a_function_makes(strategy: str, home: Path, tmp_path: Path) -> None:
    data = OwnData(maker="mine:make", arguments=(50,), home=str(home))
    ended = run(filled(strategy, "mine:names", data, str(home)), home, tmp_path)
    assert (ended.stdout, ended.stderr, ended.returncode) == (f"{(['texts'], 90)}\n", "", 0)


def test_types_that_have_names_arrive_whole(home: Path, tmp_path: Path) -> None:
    np.save(home / "pairs.npy", np.array([(1, 2.5), (3, 4.5)], dtype=[("count", "i4"), ("value", "f8")]))
    (home / "mine.py").write_text("def fields(array):\n    return array['value'].tolist(), array.dtype.names\n")
    data = OwnData(kind="array", nbytes=24, path=str(home / "pairs.npy"))
    ended = run(filled("process_spawn-shared_memory", "mine:fields", data, str(home)), home, tmp_path)
    assert (ended.stdout, ended.stderr) == (f"{([2.5, 4.5], ('count', 'value'))}\n", "")


@pytest.mark.skipif(importlib.util.find_spec("ruff") is None, reason="needs ruff")
def test_nothing_in_it_is_unused_undefined_or_out_of_order(home: Path) -> None:
    for place, (strategy, kind) in enumerate((*CASES, *FURTHER)):
        (home / f"pasted_{place}.py").write_text(pasted(strategy, kind, home), encoding="utf-8")
        data = OwnData(kind=kind, path=str(home / WRITERS[kind][1]))
        (home / f"read_{place}.py").write_text(filled(strategy, "read", data), encoding="utf-8")
    ended = subprocess.run(
        [sys.executable, "-m", "ruff", "check", "--isolated", "--no-cache", "--select", "F,I", "."],
        cwd=home, text=True, capture_output=True, timeout=60, check=False,
    )  # fmt: skip
    assert ended.returncode == 0, ended.stdout


@pytest.mark.parametrize("strategy, kind", [*CASES, *FURTHER])
def test_the_sample_is_gone(strategy: str, kind: str, home: Path) -> None:
    code = pasted(strategy, kind, home)
    tree = ast.parse(code)
    assert code.startswith("# Save this beside mine.py, and run it there.\n")
    assert ast.get_docstring(tree)
    assert not [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef) and node.name == "work"]
    assert "np.arange" not in code
    assert "pd.DataFrame" not in code
    assert code.count(repr(str(home / WRITERS[kind][1]))) == 1
    assert filled(strategy) == strategies.find(strategy).snippet.read_text(encoding="utf-8"), "untouched without both"
