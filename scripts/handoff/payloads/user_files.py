"""A user's own file as payload. It is read where it lies, never copied; shorter payloads can be made of it."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from handoff.payloads import PayloadError, kind_of, load, nbytes


def read(path: Path) -> Any:
    """The payload in the file.

    A .pkl is unpickled, which runs whatever code its writer put there: it must be the user's own file.

    Raises:
        PayloadError: the file is missing, unreadable, damaged, empty or of no known type.
    """
    if path.suffix not in _READERS:
        raise PayloadError(f"{path}: is of no known type; known are {', '.join(_READERS)}")
    try:
        if not path.stat().st_size:
            raise PayloadError(f"{path}: is empty; it should hold the data to hand over")
        with path.open("rb"):
            pass
    except OSError as error:
        raise PayloadError(f"{path}: cannot be read ({error.strerror}); give a file that you may read") from error
    payload = _READERS[path.suffix](path)
    if (kind_of(payload) == "array" and not payload.nbytes) or (_is_frame(payload) and not payload.size):
        raise PayloadError(f"{path}: is empty (its shape is {payload.shape}); it should hold the data to hand over")
    return payload


def _npy(path: Path) -> Any:
    try:
        return load("array").read(path)
    except PayloadError as error:
        if "allow_pickle" in str(error):
            raise PayloadError(
                f"{path}: its array holds Python objects; save it as numbers (array.astype(float)), "
                "or the objects as a .pkl"
            ) from error
        raise


def _npz(path: Path) -> dict[str, Any]:
    """The arrays by their names."""
    import numpy as np

    try:
        with np.load(path, allow_pickle=False) as file:
            return {name: file[name] for name in file.files}
    except Exception as error:  # a damaged archive can raise anything
        raise PayloadError(f"{path}: cannot be read as numpy's arrays ({error}); was it written completely?") from error


def _feather(path: Path) -> Any:
    from pyarrow import feather

    try:
        table = feather.read_table(path, memory_map=False, use_threads=False)
        return _one_nan(table.to_pandas(use_threads=False))
    except Exception as error:
        raise PayloadError(f"{path}: cannot be read as Feather ({error}); was it written completely?") from error


def _arrow(path: Path) -> Any:
    return load("arrow_table").read(path)


def _parquet(path: Path) -> Any:
    from pyarrow import parquet

    try:
        # pandas.read_parquet starts threads that stay, and a process with live threads must not be forked.
        with parquet.ParquetFile(path, pre_buffer=False) as file:
            return _one_nan(file.read(use_threads=False).to_pandas(use_threads=False))
    except Exception as error:  # a KeyError, say, where what pandas wrote beside the columns is damaged
        raise PayloadError(f"{path}: cannot be read as Parquet ({error}); was it written completely?") from error


def _csv(path: Path) -> Any:
    import pandas as pd

    try:
        return pd.read_csv(path)
    except Exception as error:  # pandas promises nothing about other files than CSV
        raise PayloadError(f"{path}: cannot be read as CSV ({error}); it should be text with a header line") from error


def _pkl(path: Path) -> Any:
    try:
        with path.open("rb") as file:
            payload = pickle.load(file)  # nosec B301 # the user's own file, and docs/security.md says so
    except Exception as error:  # a damaged or foreign pickle can raise anything
        raise PayloadError(
            f"{path}: cannot be unpickled ({type(error).__name__}: {error}); "
            "it should be a whole pickle whose classes can be imported here"
        ) from error
    return _one_nan(payload) if _is_frame(payload) else payload


def _is_frame(payload: Any) -> bool:
    return kind_of(payload) in ("frame", "text_frame")


def _one_nan(frame: Any) -> Any:
    """The frame with one and the same NaN everywhere.

    A NaN has many bit patterns (0/0 has its sign set) that no user tells apart. Ways that store it as a
    null make numpy's own of it again; data that all ways give back alike can be compared bit by bit.
    """
    import numpy as np

    for place, dtype in enumerate(frame.dtypes):
        if isinstance(dtype, np.dtype) and dtype.kind == "f":
            values = frame.iloc[:, place].to_numpy()
            if (missing := np.isnan(values)).any():
                frame.isetitem(place, np.where(missing, dtype.type(np.nan), values))
    return frame


_READERS: Final[dict[str, Callable[[Path], Any]]] = {
    ".npy": _npy, ".npz": _npz, ".parquet": _parquet, ".feather": _feather, ".arrow": _arrow, ".csv": _csv,
    ".pkl": _pkl,
}  # fmt: skip


def write_shorter(path: Path, size: int, out: Path) -> None:
    """Write the first rows of a file, about `size` bytes of them in memory, to a file of the same type.

    Raises:
        PayloadError: it does not hold so much, or holds no rows.
    """
    payload = read(path)
    whole, rows = nbytes(payload), len(payload) if getattr(payload, "ndim", 2) else 0
    if size > whole or not rows:
        raise PayloadError(f"{path}: holds {whole:,} bytes in memory, of which no payload of {size:,} can be made")
    _write(payload[: max(1, round(rows * size / whole))], out)


def _write(payload: Any, out: Path) -> None:
    match out.suffix:
        case ".npy":
            load("array").write(payload, out)
        case ".arrow":
            load("arrow_table").write(payload, out)
        case ".csv":
            payload.to_csv(out, index=False)
        case suffix:
            import pyarrow as pa
            from pyarrow import feather, parquet

            table = pa.Table.from_pandas(payload, nthreads=1)
            if suffix == ".parquet":
                parquet.write_table(table, out)
            else:
                feather.write_feather(table, str(out), compression="uncompressed")
