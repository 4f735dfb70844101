"""A program that uses one executor as a measured process does, and says what it saw as one line of JSON.

Arguments: the executor, 'well' or 'killed', a folder for the executor, a prefix for names, a folder for notes.
"""

from __future__ import annotations

import gc
import json
import multiprocessing
import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import BrokenExecutor
from pathlib import Path
from typing import Any

from handoff import executors, strategies
from handoff.measure import worker


def note(notes: str, own_process: bool) -> None:
    """The initializer: one file for each time that it runs in a worker."""
    if own_process:
        worker.die_with_parent()
    me = f"{os.getpid()}-{threading.get_native_id()}"
    number = sum(path.name.startswith(me) for path in Path(notes).iterdir())
    (Path(notes) / f"{me}-{number}").touch()


def meet(folder: str, workers: int) -> str:
    """Who this worker is, when all have come: else it may be the same one each time."""
    me = f"{os.getpid()}-{threading.get_native_id()}"
    (Path(folder) / me).touch()
    end = time.monotonic() + 60
    while len(list(Path(folder).iterdir())) < workers:
        if time.monotonic() > end:
            raise TimeoutError("the others did not come")
        time.sleep(0.001)
    return me


def fail(word: str) -> None:
    raise LookupError(word)


def double(text: bytes) -> bytes:
    return text * 2


def kill_oneself() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def use(executor: Any, workers: int, notes: Path) -> dict[str, Any]:
    """What holds for every executor that works."""
    meeting = notes.with_name(f"{notes.name}-meeting")
    meeting.mkdir()
    who = [future.result() for future in [executor.submit(meet, str(meeting), workers) for _ in range(workers)]]
    try:
        executor.submit(fail, "as it was said").result()
        raised = "nothing"
    except LookupError as error:
        raised = str(error)
    large = os.urandom(300_000)
    results = [future.result() for future in [executor.submit(double, large) for _ in range(2 * workers)]]
    return {
        "distinct": len(set(who)),
        "elsewhere": all(not name.startswith(f"{os.getpid()}-") for name in who),
        "noted": sorted(path.name for path in notes.iterdir()) == sorted(f"{name}-0" for name in who),
        "raised": raised,
        "large": results == [large * 2] * (2 * workers),
    }


def open_files() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def well(start: Callable[..., Any], workers: int, directory: str, notes: Path, own_process: bool) -> dict[str, Any]:
    said: dict[str, Any] = {}
    descriptors = []
    for turn in ("first", "second", "third"):  # helpers of a whole process start with the first, and stay
        folder = notes / turn
        folder.mkdir()
        with start(workers, directory, note, (str(folder), own_process)) as executor:
            said[turn] = use(executor, workers, folder)
        del executor
        gc.collect()  # a Pool refers to itself
        descriptors.append(open_files())
    return {**said, "more descriptors": descriptors[2] - descriptors[1]}


def killed(start: Callable[..., Any], workers: int, directory: str, notes: Path, own_process: bool) -> dict[str, Any]:
    with start(workers, directory, note, (str(notes), own_process)) as executor:
        use(executor, workers, notes)
        try:
            executor.submit(kill_oneself).result()
            raised, text = "nothing", ""
        except BrokenExecutor as error:
            raised, text = "BrokenExecutor", str(error)
        said = {"raised": raised, "text": text, "death": executors.death(executor)}
        # As a measured process gives up: to leave the executor would wait for workers that wait for the dead one.
        print(json.dumps(said), flush=True)
        os._exit(0)


def main() -> None:
    name, how, directory, prefix, notes = sys.argv[1:]
    multiprocessing.current_process()._config["semprefix"] = f"/{prefix}"  # type: ignore[attr-defined]
    facts = strategies.executor_facts(name)
    trial = {"well": well, "killed": killed}[how]
    said = trial(executors.load(name), 1 if facts.floor else 3, directory, Path(notes), facts.processes)
    print(json.dumps(said), flush=True)


if __name__ == "__main__":
    # Workers know its functions by the name that they import them by.
    import executor_trial

    executor_trial.main()
