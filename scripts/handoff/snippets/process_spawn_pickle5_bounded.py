"""Processes, pickle protocol 5, and pipes that are read in small pieces: what Python 3.14 does, for older ones."""

import io
import multiprocessing
import os
import sys
from concurrent.futures import ProcessPoolExecutor
from multiprocessing.connection import Connection
from multiprocessing.reduction import ForkingPickler
from typing import Any

import numpy as np

Pipe: Any = Connection
usual = Pipe._recv


def dumps(obj: object, protocol: int | None = None) -> memoryview:
    buffer = io.BytesIO()
    ForkingPickler(buffer, 5).dump(obj)
    return buffer.getbuffer()


def receive(connection: Connection, size: int) -> Any:
    # Python asks for all that is missing, and makes room for it, at each read: a pipe gives 64 KiB.
    return usual(connection, size, lambda descriptor, wanted: os.read(descriptor, min(wanted, 65536)))


# multiprocessing has no option for either. Workers import this file too, and have it so.
if sys.version_info < (3, 14):
    ForkingPickler.dumps = dumps  # type: ignore[method-assign]
    Pipe._recv = receive


def work(data: np.ndarray) -> float:
    return float(data.sum())  # your function


if __name__ == "__main__":
    payload = np.arange(1_000_000, dtype=np.float64)  # your data
    with ProcessPoolExecutor(2, mp_context=multiprocessing.get_context("spawn")) as executor:
        print(executor.submit(work, payload).result())
