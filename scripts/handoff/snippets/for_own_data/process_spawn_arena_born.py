"""An array that is made in an arena, one shared file that workers map once: only its place is sent."""

import mmap
import multiprocessing
import os
import tempfile
from concurrent.futures import ProcessPoolExecutor

import numpy as np

SIZE = 64 * 2**20  # room for all that is made there
arena = memoryview(b"")  # the worker's, from map_arena on


def work(data: np.ndarray) -> float:
    return float(data.sum())  # your function


def map_arena(path: str) -> None:
    global arena
    with open(path, "rb") as file:
        arena = memoryview(mmap.mmap(file.fileno(), SIZE, access=mmap.ACCESS_READ))


def work_on_arena(start: int, shape: tuple[int, ...], dtype: np.dtype) -> float:
    return work(np.ndarray(shape, dtype, arena, start))


if __name__ == "__main__":
    context = multiprocessing.get_context("spawn")
    with tempfile.NamedTemporaryFile(dir="/dev/shm") as file:
        os.posix_fallocate(file.fileno(), 0, SIZE)  # an error if /dev/shm is full, and no SIGBUS later
        own = mmap.mmap(file.fileno(), SIZE)
        source = np.arange(1_000_000, dtype=np.float64)  # your data
        payload = np.ndarray(source.shape, source.dtype, own, 0)  # a next array begins behind it, at a multiple of 64
        # It saves this copy to make them here from the beginning: many functions have out=.
        np.copyto(payload, source)
        with ProcessPoolExecutor(2, mp_context=context, initializer=map_arena, initargs=(file.name,)) as executor:
            print(executor.submit(work_on_arena, 0, payload.shape, payload.dtype).result())
