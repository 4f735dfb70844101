"""The kind `sparse_matrix`: a scipy matrix in compressed rows (CSR), as text and recommendation models use them."""

from __future__ import annotations

import hashlib
import zipfile
from pathlib import Path
from typing import Any, Final

import numpy as np
from scipy import sparse

from handoff.payloads import PayloadError, array, cuts

FACTS = {
    "about": "a scipy sparse matrix in compressed rows (CSR), 10 of 1000 places in a row taken",
    "extension": "npz",
    "options": {},
    "needs": ("scipy", "numpy"),
    "types": ("scipy.csr_array", "scipy.csr_matrix"),
    "hazard": "it is three arrays, each handed over by itself; ways for arrays do not know it",
}

COLUMNS, TAKEN = 1000, 10
ROW_BYTES: Final = TAKEN * (8 + 4) + 4
"""A row's values, their columns, and where the row begins."""

Matrix = Any


def make(size: int, seed: int) -> Matrix:
    """A matrix of floats whose three arrays take about `size` bytes, of at least one row."""
    rows = max(1, round(size / ROW_BYTES))
    values = array.random_numbers(rows * TAKEN, "float64", (seed, 0))
    # One place in each tenth of the row: sorted, and none twice.
    tenth = COLUMNS // TAKEN
    drawn = (array.random_words(rows * TAKEN, (seed, 1)) % np.uint64(tenth)).astype(np.int32).reshape(rows, TAKEN)
    places = drawn + np.arange(0, COLUMNS, tenth, dtype=np.int32)
    begins = np.arange(0, rows * TAKEN + 1, TAKEN, dtype=np.int32 if rows * TAKEN < 2**31 else np.int64)
    return sparse.csr_array((values, places.reshape(-1), begins), shape=(rows, COLUMNS))


def _arrays(payload: Matrix) -> tuple[Any, Any, Any]:
    return payload.data, payload.indices, payload.indptr


def nbytes(payload: Matrix) -> int:
    """The bytes of its three arrays."""
    return sum(int(held.nbytes) for held in _arrays(payload))


def digest(payload: Matrix) -> str:
    """SHA-256 over shape, type and the values with their places in order; a stored zero counts as one."""
    if not payload.has_canonical_format:
        payload = payload.copy()
        payload.sum_duplicates()
    hashed = hashlib.sha256(f"{type(payload).__name__} {payload.shape} {array.digest(payload.data)}".encode())
    for places in (payload.indices, payload.indptr):
        # In 32 bits or 64: scipy takes whichever will do.
        hashed.update(places.astype(np.int64).data)
    return hashed.hexdigest()


def checksum(payload: Matrix) -> int:
    """That of its values, and the sums of the two arrays of places, modulo 2**64."""
    values, *places = _arrays(payload)
    sums = [array.checksum(values), *(int(held.sum(dtype=np.int64)) for held in places)]
    return sum((2 * place + 1) * found for place, found in enumerate(sums)) % 2**64


def total(payload: Matrix) -> int | float:
    """The sum of its values."""
    return array.total(payload.data)


def loop(payload: Matrix) -> int | float:
    """The sum of its first LOOPED values, added up one by one in Python."""
    return array.loop(payload.data)


def stamp(payload: Matrix, number: int) -> bool:
    """Write the number over the first value."""
    return array.stamp(payload.data, number)


def overwrite(payload: Matrix, number: int) -> bool:
    """Flip low bits of every value, as array.overwrite does; their places stay."""
    return array.overwrite(payload.data, number)


def split(payload: Matrix, parts: int) -> list[Matrix]:
    """Its rows; scipy copies them."""
    return [payload[cut] for cut in cuts(payload.shape[0], parts)]


def copy(payload: Matrix) -> Matrix:
    """A copy of all three arrays."""
    return payload.copy()


def write(payload: Matrix, path: Path) -> None:
    """Write scipy's own .npz file, uncompressed."""
    sparse.save_npz(path, payload, compressed=False)


def read(path: Path) -> Matrix:
    """The matrix of that file, in private memory with every page touched.

    Raises:
        PayloadError: the file is damaged.
    """
    try:
        return sparse.load_npz(path)
    except (OSError, ValueError, KeyError, EOFError, MemoryError, zipfile.BadZipFile) as error:
        raise PayloadError(f"{path}: cannot be read as a sparse matrix ({error})") from error


def holds(obj: object) -> bool:
    """Whether it is a sparse matrix in compressed rows."""
    return isinstance(obj, sparse.csr_array | sparse.csr_matrix)
