"""How data may flow, as data. Standard library only."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True)
class Pattern:
    """How data flow, as data: one function makes the transfers of all of them (measure/transfers.py)."""

    about: str
    """What is timed."""
    said: str
    """The same as one says it after 'to', with {payload}, {workers} and {calls}."""
    payloads: str = "each"
    """each: every worker gets one of its own; one: all get the same; parts: one is split; held: workers have them."""
    verb: str = "use"
    """What a worker does (measure/worker.py): use, give, echo, private, shared."""
    back: bool = False
    """The caller runs the task on every payload at the end, too."""
    calls: bool = False
    """Many calls over one payload, to whichever worker is free."""

    @property
    def in_flight(self) -> bool:
        """As many payloads as workers at once; else one, or the parts of one."""
        return self.payloads in ("each", "held")

    @property
    def writes(self) -> bool:
        """The worker writes into what it got."""
        return self.verb in ("private", "shared")


PATTERNS: Final = {
    "send": Pattern(
        "each worker gets a payload of its own, all at once; until the last reply",
        "send {payload} to {workers}",
    ),
    "return": Pattern(
        "each worker holds a result; until the caller has run the task on every one",
        "return {payload} from {workers}", payloads="held", verb="give", back=True,
    ),
    "roundtrip": Pattern(
        "as send, and every payload comes back; until the caller has run the task on every one",
        "send {payload} to {workers} and back", verb="echo", back=True,
    ),
    "broadcast": Pattern(
        "one payload for all workers, each of them runs the task on it; until the last reply",
        "hand the same {payload} to {workers}", payloads="one",
    ),
    "scatter": Pattern(
        "one payload is split, each worker gets a part; until the last reply, the splitting included",
        "split {payload} over {workers}", payloads="parts",
    ),
    "reuse": Pattern(
        "one payload, `calls` calls over it, spread over the workers",
        "make {calls} over {payload} on {workers}", payloads="one", calls=True,
    ),
    "mutate_private": Pattern(
        "as send, and the task writes into what it got, which the sender's own must not show",
        "have {workers} write into a copy of {payload}", verb="private",
    ),
    "mutate_shared": Pattern(
        "as send, and the task writes into what it got; until the caller has read what was written",
        "have {workers} write into {payload}", verb="shared", back=True,
    ),
}  # fmt: skip
