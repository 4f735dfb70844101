"""A file in memory (/dev/shm) for any payload: pickle 5 hands out the large buffers, and the worker maps them."""

import mmap
import multiprocessing
import pickle
import tempfile
from concurrent.futures import ProcessPoolExecutor
from typing import Any

import numpy as np


def work(data: np.ndarray) -> float:
    return float(data.sum())  # your function


def put(payload: object, file: Any) -> list[tuple[int, int]]:
    buffers: list[pickle.PickleBuffer] = []
    head = pickle.dumps(payload, protocol=5, buffer_callback=buffers.append)
    places = []
    for part in (head, *(buffer.raw() for buffer in buffers)):
        file.seek(-(-file.tell() // 64) * 64)  # arrays begin at multiples of 64 bytes
        places.append((file.tell(), file.tell() + file.write(part)))
    file.flush()
    return places


def work_on_file(path: str, places: list[tuple[int, int]]) -> float:
    with open(path, "rb") as file:
        # ACCESS_COPY instead if work writes into data: a private copy, page by page as it is written.
        memory = memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))
    head, *buffers = [memory[start:stop] for start, stop in places]
    return work(pickle.loads(head, buffers=buffers))


if __name__ == "__main__":
    payload = np.arange(1_000_000, dtype=np.float64)  # your data
    context = multiprocessing.get_context("spawn")
    # Files here are memory: they must fit into it. This one goes at the end.
    with tempfile.NamedTemporaryFile(dir="/dev/shm") as file, ProcessPoolExecutor(2, mp_context=context) as executor:
        places = put(payload, file)
        print(executor.submit(work_on_file, file.name, places).result())
