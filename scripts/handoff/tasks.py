"""The built-in tasks: what is done with a payload where it arrives. scenarios.TASKS says what each is for.

A task may have several implementations, one a library, with one result: each gets the payload in that library's form.
scenarios.TASK_LIBRARIES says which there are, and a transport's facts in which form the payload arrives.

Standard library only. A built-in task's result is compared with == between the sender and each worker, so it is
a number that does not depend on how the payload lies in memory. A user's own function may be a task, too: load() finds
it, and what it returns is compared by its digest.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any, Final

from handoff import own_functions, payloads
from handoff.payloads.converted import Converted

Task = Callable[[Any], Any]
"""Takes the payload. A built-in one returns a small number; a user's own, whatever it likes."""

BUSY_NS: Final = 100_000_000
"""Wall time of the task `busy`."""


def noop(payload: Any) -> None:
    """Return at once: the payload is never looked at."""


def busy(payload: Any) -> int:
    """Spin for BUSY_NS of wall time; the result is that target."""
    end = time.perf_counter_ns() + BUSY_NS
    while time.perf_counter_ns() < end:
        pass
    return BUSY_NS


class UnfitPayload(Exception):
    """The task cannot be done with this payload: why, in words."""


def _by_library(implementations: Mapping[str, Task]) -> Task:
    """The task that looks which library's object it got."""

    def run(payload: Any) -> Any:
        held, library = payload, type(payload).__module__.partition(".")[0]
        if isinstance(payload, Converted):
            held, library = payload.held, payload.library
        if library not in implementations:
            raise UnfitPayload(f"it is written for {' and '.join(implementations)}, and this is of {library}")
        return implementations[library](held)

    return run


def _to_group(types: Mapping[str, str], text: tuple[str, ...], whole: str) -> tuple[str, str]:
    """The last column of text and the first of whole numbers; types are the names of the columns' types."""
    keys = [name for name, kind in types.items() if kind in text]
    values = [name for name, kind in types.items() if kind == whole]
    if not keys or not values:
        raise UnfitPayload("group_sum needs a column of text to group by, and one of 64-bit whole numbers to add up")
    return keys[-1], values[0]


def _squares(sums: Any) -> int:
    """One number for all groups, in whatever order they come; whole numbers that are too large begin anew."""
    return int((sums * sums).sum())


def _group_sum_pandas(frame: Any) -> int:
    key, value = _to_group({name: kind.name for name, kind in frame.dtypes.items()}, ("str", "string"), "int64")
    return _squares(frame.groupby(key, sort=False)[value].sum().to_numpy())


def _group_sum_polars(frame: Any) -> int:
    import polars as pl

    key, value = _to_group({name: str(kind) for name, kind in frame.schema.items()}, ("String",), "Int64")
    sums = frame.lazy().group_by(key).agg(pl.col(value).sum()).filter(pl.col(key).is_not_null()).collect()
    return _squares(sums[value].to_numpy())


group_sum: Final = _by_library({"pandas": _group_sum_pandas, "polars": _group_sum_polars})


_TASKS: Final[dict[str, Task]] = {
    "read": payloads.checksum,
    "sum": payloads.total,
    "loop": payloads.loop,
    "noop": noop,
    "busy": busy,
    "group_sum": group_sum,
}


def load(name: str, home: str = "") -> Task:
    """The built-in task of that name; or the user's function `module:function`, imported from the folder `home`.

    Raises:
        LookupError: there is none. Importing a user's module may raise anything.
    """
    if own_functions.is_own(name):
        return own_functions.load(name, home)
    if name not in _TASKS:
        raise LookupError(f"{name!r} is not a task; there are: {', '.join(_TASKS)}")
    return _TASKS[name]
