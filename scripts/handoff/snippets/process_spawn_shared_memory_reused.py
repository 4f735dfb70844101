"""One shared-memory segment for all arrays, one after another: mapped once, its pages warm from then on."""

import multiprocessing
import sys
from concurrent.futures import ProcessPoolExecutor
from multiprocessing.shared_memory import SharedMemory

import numpy as np

SIZE = 64 * 2**20  # room for the largest array
# The owner removes the segment. From Python 3.13 on, workers say so; before, they share the owner's tracker.
NOT_MINE = {"track": False} if sys.version_info >= (3, 13) else {}
segment: SharedMemory  # the worker's, from open_segment on


def work(data: np.ndarray) -> float:
    return float(data.sum())  # your function; copy what it keeps: the next array comes to the same place


def open_segment(name: str) -> None:
    global segment
    segment = SharedMemory(name, **NOT_MINE)


def work_on_segment(shape: tuple[int, ...], dtype: np.dtype) -> float:
    return work(np.ndarray(shape, dtype, segment.buf))


if __name__ == "__main__":
    own = SharedMemory(create=True, size=SIZE)  # a full /dev/shm ends the program with SIGBUS below
    context = multiprocessing.get_context("spawn")
    try:
        with ProcessPoolExecutor(2, mp_context=context, initializer=open_segment, initargs=(own.name,)) as executor:
            for start in (0, 1):
                payload = np.arange(start, 1_000_000, dtype=np.float64)  # your data
                np.copyto(np.ndarray(payload.shape, payload.dtype, own.buf), payload)  # an error if SIZE is too small
                call = executor.submit(work_on_segment, payload.shape, payload.dtype)
                result = call.result()  # before the next array goes there
        print(result)
    finally:
        own.close()
        own.unlink()
