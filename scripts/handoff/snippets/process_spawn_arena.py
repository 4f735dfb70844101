"""An arena: pickle 5 hands out the large buffers, which are copied into one shared file that is used again."""

import mmap
import multiprocessing
import os
import pickle
import tempfile
from concurrent.futures import ProcessPoolExecutor

import numpy as np

SIZE = 64 * 2**20  # room for the buffers of one payload
arena = memoryview(b"")  # the worker's, from map_arena on


def work(data: np.ndarray) -> float:
    return float(data.sum())  # your function; copy what it keeps: the next payload comes to the same place


def put(payload: object, arena: mmap.mmap) -> tuple[bytes, list[tuple[int, int]]]:
    buffers: list[pickle.PickleBuffer] = []
    head, places, end = pickle.dumps(payload, protocol=5, buffer_callback=buffers.append), [], 0
    for raw in (buffer.raw() for buffer in buffers):
        arena[end : end + raw.nbytes] = raw  # an error if SIZE is too small
        places.append((end, raw.nbytes))
        end += -(-raw.nbytes // 64) * 64  # arrays begin at multiples of 64 bytes
    return head, places


def map_arena(path: str) -> None:
    global arena
    with open(path, "rb") as file:
        arena = memoryview(mmap.mmap(file.fileno(), SIZE, access=mmap.ACCESS_READ))


def work_on_arena(head: bytes, places: list[tuple[int, int]]) -> float:
    return work(pickle.loads(head, buffers=[arena[start : start + length] for start, length in places]))


if __name__ == "__main__":
    context = multiprocessing.get_context("spawn")
    with tempfile.NamedTemporaryFile(dir="/dev/shm") as file:
        os.posix_fallocate(file.fileno(), 0, SIZE)  # an error if /dev/shm is full, and no SIGBUS later
        own = mmap.mmap(file.fileno(), SIZE)
        with ProcessPoolExecutor(2, mp_context=context, initializer=map_arena, initargs=(file.name,)) as executor:
            for start in (0, 1):
                payload = np.arange(start, 1_000_000, dtype=np.float64)  # your data
                result = executor.submit(work_on_arena, *put(payload, own)).result()  # before the next put
        print(result)
