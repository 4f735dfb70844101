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
    source = np.arange(1_000_000, dtype=np.float64)  # your data
    segment = SharedMemory(create=True, size=source.nbytes)  # a full /dev/shm ends the program with SIGBUS below
    try:
        payload = np.ndarray(source.shape, source.dtype, segment.buf)
        # It saves this copy to make them here from the beginning: many functions have out=.
        np.copyto(payload, source)
        with ProcessPoolExecutor(2, mp_context=multiprocessing.get_context("spawn")) as executor:
            print(executor.submit(work_on_segment, segment.name, payload.shape, payload.dtype).result())
        del payload  # its memory goes with the segment
    finally:
        segment.close()
        segment.unlink()
