"""A shared-memory segment for any payload: pickle 5 hands out the large buffers, which are copied there once."""

import multiprocessing
import pickle
import sys
from concurrent.futures import ProcessPoolExecutor
from multiprocessing.shared_memory import SharedMemory
from typing import Any

import numpy as np

# The owner removes the segment. From Python 3.13 on, workers say so; before, they share the owner's tracker.
NOT_MINE = {"track": False} if sys.version_info >= (3, 13) else {}


def work(data: np.ndarray) -> float:
    return float(data.sum())  # your function; it must not keep data, whose memory goes with the segment


def put(payload: object) -> tuple[SharedMemory, list[tuple[int, int]]]:
    buffers: list[pickle.PickleBuffer] = []
    head = pickle.dumps(payload, protocol=5, buffer_callback=buffers.append)
    places, end = [], 0
    parts = [memoryview(head), *(buffer.raw() for buffer in buffers)]
    for part in parts:
        places.append((end, end + part.nbytes))
        end += -(-part.nbytes // 64) * 64  # arrays begin at multiples of 64 bytes
    segment = SharedMemory(create=True, size=end)  # a full /dev/shm ends the program with SIGBUS below
    memory: Any = segment.buf
    for (start, stop), part in zip(places, parts, strict=True):
        memory[start:stop] = part
    return segment, places


def work_on_segment(name: str, places: list[tuple[int, int]]) -> float:
    segment = SharedMemory(name, **NOT_MINE)
    memory: Any = segment.buf
    head, *buffers = [memory[start:stop] for start, stop in places]
    result = work(pickle.loads(head, buffers=buffers))
    del head, buffers  # nobody may look into the segment any more
    segment.close()
    return result


if __name__ == "__main__":
    payload = np.arange(1_000_000, dtype=np.float64)  # your data
    segment, places = put(payload)
    try:
        with ProcessPoolExecutor(2, mp_context=multiprocessing.get_context("spawn")) as executor:
            print(executor.submit(work_on_segment, segment.name, places).result())
    finally:
        segment.close()
        segment.unlink()
