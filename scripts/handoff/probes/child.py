"""The process in which the probes run: `python -m handoff.probes.child`, an order in JSON on its standard input.

It says what it is about to do and what it has found, a line of JSON each, so that nothing is lost if it dies.
"""

from __future__ import annotations

import json
import os
import resource
import sys
from collections.abc import Callable, Iterator
from dataclasses import asdict
from typing import Any, Final

from handoff import machine, payloads, tasks
from handoff.measure.usage import MARK
from handoff.measure.worker import die_with_parent
from handoff.probes.calling import Say, Trial
from handoff.probes.finding import Finding, said
from handoff.probes.function import (
    exits,
    probe_call,
    probe_pickling,
    probe_read_only,
    probe_repeated,
    probe_two_threads,
)
from handoff.probes.machine import probe_machine
from handoff.probes.order import CALLING, Order
from handoff.probes.payload import PICKLED, probe_payload
from handoff.probes.touched import probe_touched

Load = Callable[[str, str], Callable[[Any], Any]]
"""Gives the function of a task's name and the folder of its module."""

OF_A_TRIAL: Final[dict[str, Callable[[Trial], Iterator[Finding]]]] = {
    "repeated": probe_repeated, "read_only": probe_read_only, "touched": probe_touched,
    "two_threads": probe_two_threads,
}  # fmt: skip


class Child:
    """Makes the probes of an order, one after another."""

    def __init__(self, order: Order, say: Say, wait: Callable[[], object], load: Load = tasks.load) -> None:
        """wait: until what was printed so far is read, so that it is not taken for the function's."""
        self.order = order
        self.say = say
        self.wait = wait
        self.load = load
        self.payload: Any = None
        self.run_task: Callable[[Any], Any] | None = None
        self.trial: Trial | None = None

    def run(self) -> None:
        for name in self.order.probes:
            if name in CALLING and (self.run_task is None or (self.trial is None and self.payload is None)):
                continue
            self.say({"event": "probe", "name": name})
            if name == "load_function":
                self.wait()
            try:
                for finding in self._probe(name):
                    self.say({"event": "finding", "finding": asdict(finding)})
            except MemoryError as error:
                self._could_not(name, f"there is not enough memory for it ({said(error)})")
            except Exception as error:  # of somebody else's objects anything may come
                self._could_not(name, said(error))
        self.say({"event": "finished"})

    def _could_not(self, name: str, why: str) -> None:
        about = "machine" if name == "machine" else "payload" if name in ("load_payload", "payload") else "function"
        lost = name == "load_payload"
        finding = Finding(
            about, "not_loaded" if lost else "not_probed",
            f"It cannot be loaded: {why}." if lost else f"The probe {name} could not be made: {why}.",
            "Nothing can be measured with it here." if lost else "What it would have told is not known.",
            "obstacle" if lost else "note",
        )  # fmt: skip
        self.say({"event": "finding", "finding": asdict(finding)})

    def _probe(self, name: str) -> Iterator[Finding]:
        order = self.order
        match name:
            case "machine":
                shared = machine.free_room(machine.SHARED) if machine.SHARED.is_dir() else 0
                yield from probe_machine(order.nbytes, order.workers, machine.available_memory(), shared)
            case "load_payload":
                self.payload = payloads.read_source(order.source)
            case "payload" if self.payload is not None:
                if order.source.endswith(".pkl"):
                    yield PICKLED
                yield from probe_payload(self.payload, order.own_file)
            case "load_function":
                yield from self._load_function()
            case "pickling" if self.run_task is not None:
                yield from probe_pickling(self.run_task)
            case "call":
                yield from self._first_call()
            case _ if self.trial is not None and self.trial.works:
                yield from OF_A_TRIAL[name](self.trial)

    def _load_function(self) -> Iterator[Finding]:
        self.say({"event": "call", "times": 1, "how": "while its module was imported"})
        try:
            self.run_task = self.load(self.order.task, self.order.home)
        except SystemExit as error:
            yield exits(f"status {error.code}, while its module was imported")
        except Exception as error:
            yield Finding(
                "function", "not_loaded", f"{self.order.task} cannot be loaded: {said(error)}.",
                "Nothing can be measured with it; name it module:function, in a file of the folder that is searched.",
                "obstacle",
            )  # fmt: skip
        finally:
            self.say({"event": "returned"})

    def _first_call(self) -> Iterator[Finding]:
        assert self.run_task is not None
        first = [self.payload]
        self.payload = None  # the trial's alone: there may be no memory for two
        self.trial = Trial(
            self.run_task, lambda: first.pop() if first else payloads.read_source(self.order.source), self.say,
            self.order.limit_s,
        )  # fmt: skip
        yield from probe_call(self.trial, os.environ.get(MARK, ""))


def _limit(most: int) -> None:
    """No more address space than that, and no file of a dead process's memory."""
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    if most:
        resource.setrlimit(resource.RLIMIT_AS, (most if hard == resource.RLIM_INFINITY else min(most, hard), hard))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def main() -> None:
    die_with_parent()
    order = Order.from_json(sys.stdin.readline())
    os.set_inheritable(order.events, False)
    _limit(order.address_space)

    def say(event: dict[str, Any]) -> None:
        data = json.dumps(event).encode() + b"\n"
        while data:
            data = data[os.write(order.events, data) :]

    Child(order, say, sys.stdin.readline).run()
    # At once: threads that the function left would keep the process, and its exit handlers may do anything.
    os._exit(0)


if __name__ == "__main__":
    main()
