"""What the user's function does with its payload, and what that rules out. It is called here, so only in a child."""

from __future__ import annotations

import functools
import os
import pickle
import statistics
import sys
import threading
from collections.abc import Callable, Iterator
from typing import Any, Final

from handoff import outofband, payloads
from handoff.mistakes import one_line
from handoff.probes.calling import CallFailed, Started, Trial, now_s, same
from handoff.probes.finding import Finding, said
from handoff.words import counted, ratio, seconds, shortened, size

HOLDS, RELEASES = 1.3, 1.7
"""Speed-ups of two threads below and above which it is said that the GIL is held, and let go of."""

CALLS: Final = 5
"""Of which the median is what a call takes."""

ROUND_S: Final = 0.02
"""So long each of two threads computes at least: starting one takes some 50 µs."""

ROUNDS: Final = 3
LARGE_RESULT: Final = 2**20


def probe_pickling(run: Callable[[Any], Any]) -> Iterator[Finding]:
    """Whether it can be sent to a process by name, as pickle does, or in some other way; it is not called."""
    try:
        pickle.dumps(run)
    except Exception as error:
        why = said(error)
    else:
        yield Finding(
            "function", "pickled_by_name", "It is pickled by its name.", "Every worker that can import it can run it."
        )
        return
    try:
        import cloudpickle
    except ImportError:
        how, consequence = "", "cloudpickle, which is not installed, may be able to"
    else:
        try:
            cloudpickle.dumps(run)
            how, consequence = "only cloudpickle can", "loky, joblib, Dask and Ray use it; a Pool does not"
        except Exception:
            how, consequence = "nor can cloudpickle", "only threads and fork can run it"
    yield Finding(
        "function", "cloudpickle_only" if how.startswith("only") else "function_not_picklable",
        f"pickle cannot take it ({why})" + (f"; {how}." if how else "."),
        f"{consequence[0].upper()}{consequence[1:]}. Write it as a plain function, by def, at the top of its module."
        if not consequence.startswith("cloudpickle")
        else f"Write it as a plain function, by def, at the top of its module; {consequence}.",
        "obstacle",
    )  # fmt: skip


def probe_call(trial: Trial, mark: str = "") -> Iterator[Finding]:
    """One call: does it raise, write into its payload, start threads or processes, and what does it return?"""
    before, started = payloads.digest(trial.payload), Started()
    begun = now_s()
    try:
        with started.watched(mark):
            trial.result = trial.call(trial.payload)
        trial.works = True
    except CallFailed as failed:
        yield raised(failed.error)
    trial.seconds = now_s() - begun
    trial.litters = bool(started.processes or started.threads_left)
    yield from _started(started)
    if payloads.digest(trial.payload) != before:
        trial.spoil()
        yield Finding(
            "function", "writes_input", "It writes into its payload.",
            "With threads it changes the caller's own, and read-only ways fail; others give it a copy. "
            "Have it copy what it changes, or say needs: {writable: true}.", "warning",
        )  # fmt: skip
    if trial.works:
        yield from _returned(trial.result)


def raised(error: BaseException) -> Finding:
    """The finding of an exception that the function raised."""
    if isinstance(error, SystemExit):
        return exits(f"status {shortened(one_line(str(error.code)), 40)}")
    if isinstance(error, MemoryError):
        return Finding(
            "function", "out_of_memory", f"It needs more memory than is available here ({said(error)}).",
            "It cannot be measured with this payload; take a smaller one.", "obstacle",
        )  # fmt: skip
    return Finding(
        "function", "raises", f"It raises {said(error)}.",
        "There is no result to compare and no time to tell; make it work on this payload first.", "obstacle",
    )  # fmt: skip


def exits(how: str) -> Finding:
    """The finding of a function that ends Python."""
    return Finding(
        "function", "exits", f"It called exit ({how}).",
        "A worker ends by that, and the caller of a Pool waits for ever: have it return or raise.", "obstacle",
    )  # fmt: skip


def _started(started: Started) -> Iterator[Finding]:
    if started.threads:
        stay = f", {started.threads_left:,} of which stay" if started.threads_left else ""
        yield Finding(
            "function", "starts_threads", f"It starts {counted(started.threads, 'thread')}{stay}.",
            "They share the cores with your workers" + (
                ", and a process with live threads must not be forked." if started.threads_left else "."
            ),
            "warning", {"threads": started.threads, "threads_left": started.threads_left},
        )  # fmt: skip
    if started.processes:
        left = f", {started.processes_left:,} of which outlive the call" if started.processes_left else ""
        yield Finding(
            "function", "starts_processes", f"It starts {counted(started.processes, 'process', 'processes')}{left}.",
            "Workers of a Pool may start none by multiprocessing (they are daemons)"
            + ("; here they are ended, in your program you have to." if started.processes_left else "."),
            "warning", {"processes": started.processes, "processes_left": started.processes_left},
        )  # fmt: skip


def _returned(result: Any) -> Iterator[Finding]:
    kind = "nothing" if result is None else f"a {type(result).__module__}.{type(result).__qualname__}".replace(
        "builtins.", ""
    )  # fmt: skip
    try:
        nbytes = len(pickle.dumps(result, protocol=5))
    except Exception as error:
        yield Finding(
            "function", "result_not_picklable", f"It returns {kind}, which cannot be pickled ({said(error)}).",
            "No process can send it back: return numbers, arrays or frames instead.", "obstacle",
        )  # fmt: skip
        return
    large = nbytes >= LARGE_RESULT
    yield Finding(
        "function", "returns", f"It returns {kind} of {size(nbytes)}.",
        "The way back costs as the way there does: measure the pattern return, too." if large
        else "The way back costs next to nothing.",
        "warning" if large else "note", {"result_bytes": nbytes},
    )  # fmt: skip


def probe_repeated(trial: Trial) -> Iterator[Finding]:
    """How long a call takes, and whether the next one has the same result; as many calls as fit the limit."""
    times: list[float] = []
    equal = True
    begun = now_s()
    while len(times) < CALLS and (not times or now_s() - begun + max(times) < trial.limit_s):
        payload = trial.input()
        start = now_s()
        try:
            result = trial.call(payload, how="when it was called again")
        except CallFailed as failed:
            yield Finding(
                "function", "raises_later", f"It works once; called again, it raises {said(failed.error)}.",
                "Whatever it keeps between calls must not depend on how many there were.", "obstacle",
            )  # fmt: skip
            trial.works = False
            return
        times.append(now_s() - start)
        equal = equal and same(result, trial.result)
    trial.seconds = statistics.median(times)
    yield Finding(
        "function", "takes", f"A call takes {seconds(trial.seconds)} (median of {counted(len(times), 'call')}).",
        "What handing the payload over and starting workers cost must be less than the calls that it saves.",
        "note", {"call_s": trial.seconds, "calls": len(times)},
    )  # fmt: skip
    if not equal:
        yield Finding(
            "function", "differs", "The results of two calls with the same payload are not equal, or tell no equality.",
            "Whether a way delivers right cannot be told from the result. A fixed seed would help.", "warning",
        )  # fmt: skip


def probe_read_only(trial: Trial) -> Iterator[Finding]:
    """Whether it works where the payload lies in memory that may not be written."""
    head, buffers = outofband.take_apart(trial.payload)
    if not buffers:
        return
    payload = outofband.put_together(head, [memoryview(bytes(buffer)) for buffer in buffers])
    try:
        result = trial.call(payload, how="on a payload that may not be written into")
    except CallFailed as failed:
        yield Finding(
            "function", "needs_writable", f"On a read-only payload it raises {said(failed.error)}.",
            "Ways that share one copy read-only are out: say needs: {writable: true}, or have it copy what it changes.",
            "obstacle",
        )  # fmt: skip
    else:
        # In the end whoever writes where it may not is stopped, so an equal result is one from reading alone.
        if trial.writes or same(result, trial.result):
            yield Finding(
                "function", "read_only", "It works on a read-only payload.", "All workers may share one copy of it."
            )


def probe_two_threads(trial: Trial, cores: int | None = None) -> Iterator[Finding]:
    """Does it let go of the GIL? Two threads' calls against as many one after another."""
    if trial.litters:
        return
    cores = cores or len(os.sched_getaffinity(0))
    each = max(1, round(ROUND_S / max(trial.seconds, 1e-7)))
    one_round = 4 * each * trial.seconds
    if cores < 2 or one_round > trial.limit_s:
        why = "there is one core only" if cores < 2 else f"a call takes {seconds(trial.seconds)}"
        yield Finding(
            "function", "gil_not_tried", f"Whether it lets go of the GIL was not tried: {why}.",
            "The threads' own times tell.",
        )  # fmt: skip
        return
    rounds = ROUNDS if ROUNDS * one_round <= trial.limit_s else 1
    inputs = [trial.input() for _ in range(2)]
    pairs = []
    try:
        for _ in range(rounds):
            serial = trial.guarded(
                functools.partial(_timed, trial.run, inputs, each, False),
                2 * each,
                "when it was called again and again",
            )
            pairs.append((serial, trial.guarded(
                functools.partial(_timed, trial.run, inputs, each, True), 2 * each, "when two threads called it at once"
            )))  # fmt: skip
    except CallFailed as failed:
        yield Finding(
            "function", "raises_in_threads", f"Called again and again by two threads, it raises {said(failed.error)}.",
            "Threads are out, whatever their time.", "obstacle",
        )  # fmt: skip
        return
    yield gil_verdict(*min(pairs, key=lambda pair: pair[1]))


def _timed(run: Callable[[Any], Any], inputs: list[Any], each: int, at_once: bool) -> float:
    """Seconds for so many calls with each of the inputs, in a thread each or one after another in one thread."""
    errors: list[BaseException] = []

    process = os.getpid()

    def work(mine: list[Any]) -> None:
        try:
            for payload in mine:
                for _ in range(each):
                    run(payload)
                    if os.getpid() != process:
                        os._exit(0)  # a copy that the call has forked would fork in turn
        except BaseException as error:  # a thread's would be printed and forgotten
            errors.append(error)

    parts = [[payload] for payload in inputs] if at_once else [inputs]
    threads = [threading.Thread(target=work, args=(part,), daemon=True) for part in parts]
    begun = now_s()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    taken = now_s() - begun
    if errors:
        raise errors[0]
    return taken


def gil_verdict(serial_s: float, threaded_s: float, has_gil: bool | None = None) -> Finding:
    """What the times of the same calls, one after another and by two threads at once, say of the GIL."""
    if has_gil is None:
        has_gil = getattr(sys, "_is_gil_enabled", lambda: True)()
    speed_up = serial_s / max(threaded_s, 1e-9)
    facts = {"speed_up": speed_up, "serial_s": serial_s, "threaded_s": threaded_s}
    measured = f"two threads are {ratio(speed_up)} times as fast as one"
    if speed_up > RELEASES:
        what = "It lets go of the GIL" if has_gil else "This Python has no GIL"
        return Finding(
            "function", "releases_gil", f"{what}: {measured}.",
            "Threads would do, and they need no hand-over at all.", "note", facts,
        )  # fmt: skip
    if speed_up < HOLDS:
        what = "It holds the GIL" if has_gil else "Threads do not help, though there is no GIL"
        return Finding(
            "function", "holds_gil", f"{what}: {measured}.",
            "Threads take turns; only processes use several cores.", "note", facts,
        )  # fmt: skip
    return Finding(
        "function", "gil_unclear", f"Whether it lets go of the GIL, one cannot tell: {measured}.",
        "The measured times of threads decide.", "note", facts,
    )  # fmt: skip
