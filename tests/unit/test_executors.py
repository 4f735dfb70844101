"""What the executors share: an initializer for those that have none."""

from __future__ import annotations

import multiprocessing
import os
import threading
from concurrent.futures import Executor, ProcessPoolExecutor, ThreadPoolExecutor
from pathlib import Path

import pytest

from handoff import executors


def note(folder: str, word: str) -> None:
    """An initializer that leaves a file for each time that it runs."""
    number = len(list(Path(folder).iterdir()))
    (Path(folder) / f"{os.getpid()}-{threading.get_native_id()}-{number}").write_text(word, encoding="ascii")


def fail_in_the_second(folder: str) -> None:
    try:
        (Path(folder) / "first").mkdir()
    except FileExistsError:
        raise LookupError("no such luck") from None


def spawned(workers: int) -> Executor:
    return ProcessPoolExecutor(workers, mp_context=multiprocessing.get_context("spawn"))


@pytest.mark.parametrize("made", [ThreadPoolExecutor, spawned])
def test_an_executor_without_an_initializer_gets_it_run_once_in_each_worker(
    made: type[Executor], tmp_path: Path
) -> None:
    notes = tmp_path / "notes"
    notes.mkdir()
    with made(3) as executor:  # type: ignore[call-arg]
        executors.initialize_each(executor, 3, str(tmp_path), note, (str(notes), "here"))
    found = list(notes.iterdir())
    assert len({path.name.rpartition("-")[0] for path in found}) == len(found) == 3
    assert {path.read_text(encoding="ascii") for path in found} == {"here"}
    assert list(tmp_path.iterdir()) == [notes]


def test_too_few_workers_are_an_error_and_no_hang(tmp_path: Path) -> None:
    said = r"1 of 2 workers took a call within 0\.1 s"
    with ThreadPoolExecutor(1) as executor, pytest.raises(TimeoutError, match=said):
        executors.initialize_each(executor, 2, str(tmp_path), print, (), patience=0.1)


def test_what_the_initializer_raises_is_told_and_nobody_waits_for_it(tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    with spawned(2) as executor, pytest.raises(LookupError, match="no such luck"):
        executors.initialize_each(executor, 2, str(tmp_path), fail_in_the_second, (str(folder),))
