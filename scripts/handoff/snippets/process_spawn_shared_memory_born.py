"""An array that is made in a shared-memory segment from the beginning: nothing is copied, only its name is sent."""

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
    segment = SharedMemory(create=True, size=8_000_000)  # a full /dev/shm ends the program with SIGBUS below
    try:
        payload = np.ndarray(1_000_000, np.float64, segment.buf)
        # Your data, made in place: payload[...] = values would copy them, where many functions have out=.
        payload.fill(1)
        payload[0] = 0
        np.cumsum(payload, out=payload)
        with ProcessPoolExecutor(2, mp_context=multiprocessing.get_context("spawn")) as executor:
            print(executor.submit(work_on_segment, segment.name, payload.shape, payload.dtype).result())
        del payload  # its memory goes with the segment
    finally:
        segment.close()
        segment.unlink()
