"""A shared-memory segment: the array is copied into it once, and the worker uses it there."""

import multiprocessing
import sys
from concurrent.futures import ProcessPoolExecutor
from multiprocessing.shared_memory import SharedMemory

import numpy as np

# The owner removes the segment. From Python 3.13 on, workers say so; before, they share the owner's tracker.
NOT_MINE = {"track": False} if sys.version_info >= (3, 13) else {}


def work(data: np.ndarray) -> float:
    return float(data.sum())  # your function; it must not keep data, whose memory goes with the segment


def work_on_segment(name: str, shape: tuple[int, ...], dtype: np.dtype) -> float:
    segment = SharedMemory(name, **NOT_MINE)
    try:
        return work(np.ndarray(shape, dtype, segment.buf))
    finally:
        segment.close()


if __name__ == "__main__":
    payload = np.arange(1_000_000, dtype=np.float64)  # your data
    segment = SharedMemory(create=True, size=payload.nbytes)  # a full /dev/shm ends the program with SIGBUS below
    try:
        np.copyto(np.ndarray(payload.shape, payload.dtype, segment.buf), payload)
        with ProcessPoolExecutor(2, mp_context=multiprocessing.get_context("spawn")) as executor:
            print(executor.submit(work_on_segment, segment.name, payload.shape, payload.dtype).result())
    finally:
        segment.close()
        segment.unlink()
