"""What is to be probed, and the probes in their order. Standard library only."""

from __future__ import annotations

import json
from collections.abc import Collection
from dataclasses import asdict, dataclass
from typing import Final

LIMIT_S: Final = 30.0
"""Seconds after which a call of the user's function is given up, unless another limit is asked for."""

PROBES: Final = (
    "machine", "load_payload", "payload", "load_function", "pickling", "call", "repeated", "read_only", "touched",
    "two_threads",
)  # fmt: skip
"""In their order: what is harmless first, two threads at once last."""

OF_THE_FUNCTION: Final = PROBES[PROBES.index("load_function") :]
CALLING: Final = PROBES[PROBES.index("call") :]
"""Those that call it: none of them is made once it has ended a process."""

OF_THE_PAYLOAD: Final = ("load_payload", "payload", *CALLING)
"""Those that need the payload itself."""


@dataclass(frozen=True)
class Order:
    """A payload and, maybe, the user's function."""

    source: str
    """'kind:path'; see payloads.read_source."""
    nbytes: int
    """What the payload takes, as described."""
    workers: int = 1
    """The most that are planned."""
    task: str = ""
    """'module:function'; '' leaves the function's probes out."""
    home: str = ""
    """The folder that its module lies in; '' for one that can be imported anyhow."""
    own_file: bool = False
    limit_s: float = LIMIT_S
    probes: tuple[str, ...] = PROBES
    events: int = -1
    """The descriptor of the pipe that takes what the child says."""
    address_space: int = 0
    """Bytes that the child may have; 0 for no limit."""

    def to_json(self) -> str:
        return json.dumps(asdict(self))

    @staticmethod
    def from_json(text: str) -> Order:
        """What to_json gave."""
        fields = json.loads(text)
        return Order(**{**fields, "probes": tuple(fields["probes"])})


def still_possible(probes: Collection[str], died_in: str, calling: bool) -> tuple[str, ...]:
    """Those of the probes that a fresh process goes on with. calling: the function was at work in the one that died."""
    after = [name for name in PROBES if name in probes and PROBES.index(name) > PROBES.index(died_in)]
    lost: tuple[str, ...] = ()
    if died_in == "load_payload":
        lost = OF_THE_PAYLOAD
    elif died_in == "load_function":
        lost = OF_THE_FUNCTION
    elif calling:
        lost = CALLING
    found = [name for name in after if name not in lost]
    # What the others work on has to be loaded anew.
    needs = [
        load for load, users in (("load_payload", OF_THE_PAYLOAD[1:]), ("load_function", OF_THE_FUNCTION[1:]))
        if load not in lost and any(name in users for name in found)
    ]  # fmt: skip
    return tuple(name for name in PROBES if name in {*found, *needs})
