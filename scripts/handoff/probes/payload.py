"""What the payload is made of, as far as it decides what handing it over costs."""

from __future__ import annotations

import pickle
from collections.abc import Iterator
from typing import Any, Final

from handoff import payloads
from handoff.probes.finding import Finding, said
from handoff.words import counted, percent, ratio, size

DRAGS: Final = 1.5
"""From so many times its own size on, a payload is said to drag along what it is a part of."""

MOSTLY: Final = 0.9
"""Share of the bytes from which on they go out of band, or in band, for practical purposes."""

LEAST_BYTES: Final = 4096
"""Below this, a pickle's own head is most of it, and shares say nothing."""


PICKLED: Final = Finding(
    "payload", "is_a_pickle", "Its file is a pickle, which runs whatever code its writer put there as it is read.",
    "Take only one that you trust; other programs and later versions of its classes may not read it.", "warning",
)  # fmt: skip


def probe_payload(payload: Any, own_file: bool = False) -> Iterator[Finding]:
    """Everything that is known without the function. own_file: it is read from a file of the user's."""
    nbytes = payloads.nbytes(payload)
    yield Finding(
        "payload", "kind", f"It is of the kind {payloads.kind_of(payload)}{_extent(payload)} and takes {size(nbytes)}.",
        "Ways that do not carry this kind are left out.", "note", {"payload_bytes": nbytes},
    )  # fmt: skip
    if own_file:
        yield Finding(
            "payload", "from_file", "It comes from a file, which each worker can read itself.",
            "load_in_worker is among the candidates: pass the path, and nothing else moves.",
        )  # fmt: skip
    yield from _contiguity(payload)
    yield from _object_columns(payload)
    yield from _kept_parent(payload, nbytes)
    yield from _pickled(payload, nbytes)


def _library(payload: Any) -> str:
    return type(payload).__module__.partition(".")[0]


def is_frame(payload: Any) -> bool:
    """Whether it is a pandas.DataFrame; pandas is not imported for that."""
    return _library(payload) == "pandas" and type(payload).__name__ == "DataFrame"


def is_table(payload: Any) -> bool:
    """Whether it is a pyarrow.Table."""
    return _library(payload) == "pyarrow" and type(payload).__name__ == "Table"


def _is_array(payload: Any) -> bool:
    return _library(payload) == "numpy" and hasattr(payload, "flags") and bool(getattr(payload, "ndim", 0))


def _extent(payload: Any) -> str:
    if is_frame(payload) or is_table(payload):
        return f" with {counted(len(payload), 'row')} in {counted(payload.shape[1], 'column')}"
    return (
        f" of shape {tuple(payload.shape)}, {payload.dtype}" if _is_array(payload) and not payload.dtype.names else ""
    )


def _contiguity(payload: Any) -> Iterator[Finding]:
    if _is_array(payload) and not (payload.flags.c_contiguous or payload.flags.f_contiguous):
        yield Finding(
            "payload", "strided", "Its values do not lie side by side in memory.",
            "Every way copies them together first. If it is handed over more than once, do so yourself, once.",
            "warning", {"payload_bytes": payload.nbytes}, "payload = numpy.ascontiguousarray(payload)",
        )  # fmt: skip


def _object_columns(payload: Any) -> Iterator[Finding]:
    if is_frame(payload):
        places = [place for place, dtype in enumerate(payload.dtypes) if dtype.name == "object"]
        if not places:
            return
        each = payload.memory_usage(index=False, deep=True).to_numpy()
        share, whole, what = float(each[places].sum() / max(1, each.sum())), len(each), "columns"
    elif _is_array(payload) and payload.dtype.hasobject:
        places, share, whole, what = [0], 1.0, 1, "arrays"
    else:
        return
    yield Finding(
        "payload", "object_columns",
        f"{len(places)} of its {whole:,} {what} {'holds' if len(places) == 1 else 'hold'} Python objects: "
        f"{percent(share, 2)} of its bytes.",
        "Each object is pickled by itself, and no memory can be shared. Give the column a type of its own.",
        "warning", {"object_columns": len(places), "columns": whole, "object_share": share},
        'frame[column] = frame[column].astype("category")  # or "string[pyarrow]", or a number type'
        if what == "columns" else "",
    )  # fmt: skip


def _root_bytes(array: Any) -> tuple[int, int]:
    """Identity and bytes of the memory that an array is a view into."""
    while getattr(array, "base", None) is not None and hasattr(array.base, "nbytes"):
        array = array.base
    return id(array), array.nbytes


def _kept_parent(payload: Any, nbytes: int) -> Iterator[Finding]:
    """Memory that stays because this is a view into it; pickling numpy's and pandas' views leaves it behind."""
    if is_table(payload):
        held = payload.get_total_buffer_size()
    elif is_frame(payload):
        import numpy as np

        columns = [payload.iloc[:, place] for place, dtype in enumerate(payload.dtypes) if isinstance(dtype, np.dtype)]
        held = sum(dict(_root_bytes(column.to_numpy(copy=False)) for column in columns).values())
        nbytes = sum(column.to_numpy(copy=False).nbytes for column in columns)
    elif _is_array(payload):
        held = _root_bytes(payload)[1]
    else:
        return
    if nbytes and held > DRAGS * nbytes:
        yield Finding(
            "payload", "keeps_parent",
            f"It is a part of something {ratio(held / nbytes)} times as large ({size(held)}), which stays in memory.",
            "Where the whole is not needed, keep a copy of the part and let go of the whole.",
            "warning", {"parent_bytes": held, "factor": held / nbytes}, "part = part.copy()"
            if not is_table(payload) else "part = part.take(list(range(len(part))))",
        )  # fmt: skip


def _pickled(payload: Any, nbytes: int) -> Iterator[Finding]:
    """What pickle protocol 5 (PEP 574) makes of it: how much goes beside its stream, uncopied, and how much within."""
    buffers: list[pickle.PickleBuffer] = []
    try:
        head = len(pickle.dumps(payload, protocol=5, buffer_callback=buffers.append))
        beside = sum(memoryview(buffer).nbytes for buffer in buffers)
    except MemoryError:
        raise
    except Exception as error:
        yield Finding(
            "payload", "not_picklable", f"It cannot be pickled ({said(error)}).",
            "Only threads, and children that inherit it by fork, can use it as it is. Hand over what it is made from.",
            "obstacle",
        )  # fmt: skip
        return
    facts: dict[str, float] = {
        "payload_bytes": nbytes, "buffers": len(buffers), "out_of_band_bytes": beside, "in_band_bytes": head,
        "factor": (head + beside) / max(1, nbytes),
    }  # fmt: skip
    if nbytes >= LEAST_BYTES and head + beside > DRAGS * nbytes and not _holds_objects(payload):
        yield Finding(
            "payload", "drags_parent",
            f"Pickled it takes {size(head + beside)}, {ratio(facts['factor'])} times what it holds: what it is a part "
            "of goes along.",
            "Copy the part before it is handed over.", "warning", facts,
        )  # fmt: skip
    if nbytes < LEAST_BYTES:
        return
    share = beside / max(1, head + beside)
    if share >= MOSTLY:
        yield Finding(
            "payload", "out_of_band",
            f"{percent(share, 2)} of it can go beside pickle's stream, uncopied, in {counted(len(buffers), 'buffer')}.",
            "Ways by pickle protocol 5 and shared memory save copies.", "note", facts,
        )  # fmt: skip
    else:
        rest = f"; the rest beside it in {counted(len(buffers), 'buffer')}" if buffers else ": nothing beside it"
        yield Finding(
            "payload", "in_band",
            f"{percent(1 - share, 2)} of it goes through pickle's stream, value by value or copied"
            f"{rest}.",
            "Protocol 5 and shared memory save little here; another form of the data (arrays, Arrow) would."
            if share < 1 - MOSTLY else "Protocol 5 and shared memory save copies of a part of it alone.",
            "note" if share >= 1 - MOSTLY else "warning", facts,
        )  # fmt: skip


def _holds_objects(payload: Any) -> bool:
    """Whether its pickle may be larger than itself because of Python's own objects."""
    if is_frame(payload):
        return any(dtype.name == "object" for dtype in payload.dtypes)
    return payloads.kind_of(payload) in ("objects", "object_array", "numbers_list")
