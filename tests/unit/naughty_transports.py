"""Runs one invocation with a transport that misbehaves; test_supervisor.py starts it on a copy of the library.

Arguments: the strategy, a folder for payloads, the time limit in seconds. Prints the outcome as JSON.
"""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from pathlib import Path

from handoff.measure import places, supervisor
from handoff.payloads.generation import generate
from handoff.scenarios import Payload, Scenario
from handoff.strategies import find


class OwnPlaces(places.Places):
    """Under another name than a measurement's: a run that measures meanwhile must not sweep them."""

    def __init__(self, token: str, disk: Path) -> None:
        super().__init__(token, disk)
        self.prefix = f"test-of-handoff-{token}"
        self.shared, self.disk = places.SHARED / self.prefix, disk / self.prefix
        self.control = places.SHARED / f"{self.prefix}-control"


def main() -> None:
    name, folder, limit = sys.argv[1], Path(sys.argv[2]), float(sys.argv[3])
    scenarios = []
    for size in (4096, 8192):
        payload = Payload(f"array-{size}B", "array", size, (("dtype", "float64"), ("content", "random")))
        generate(payload, 1, folder / payload.file, folder / payload.description)
        scenarios.append(Scenario(payload, "read", "send", 1))
    if limit:
        supervisor.time_limit = lambda *_: limit
    own = OwnPlaces(folder.parent.name, folder / "scratch")
    outcome = supervisor.Supervisor(find(name), folder, own, 0.001, False, 1).run(scenarios)
    left = [str(path) for path in places.SHARED.iterdir() if path.name.startswith(own.prefix)]
    print(json.dumps({**asdict(outcome), "still_there": left}))


if __name__ == "__main__":
    main()
