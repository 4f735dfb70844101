"""LMDB: a key-value store in one file in memory, whose values the worker reads where they lie."""

import multiprocessing
import pickle
import tempfile
from concurrent.futures import ProcessPoolExecutor

import lmdb
import numpy as np

SIZE = 2**30  # room for all that is in the store at once; the file takes what is used
store: lmdb.Environment  # the worker's, from open_store on


def work(data: np.ndarray) -> float:
    return float(data.sum())  # your function; it must not keep data, whose pages are used again


def open_store(path: str) -> lmdb.Environment:
    global store
    store = lmdb.open(path, map_size=SIZE, subdir=False, sync=False, readahead=False)
    return store


def put(key: str, payload: object) -> int:
    buffers: list[pickle.PickleBuffer] = []
    head = pickle.dumps(payload, protocol=5, buffer_callback=buffers.append)
    with store.begin(write=True) as transaction:
        for number, part in enumerate([head, *(buffer.raw() for buffer in buffers)]):
            transaction.put(f"{key}/{number}".encode(), part)
    return 1 + len(buffers)


def work_on_value(key: str, parts: int) -> float:
    with store.begin(buffers=True) as transaction:  # the pages stay as they are while it is open
        head, *buffers = (transaction.get(f"{key}/{number}".encode()) for number in range(parts))
        return work(pickle.loads(head, buffers=buffers))


if __name__ == "__main__":
    payload = np.arange(1_000_000, dtype=np.float64)  # your data
    context = multiprocessing.get_context("spawn")
    with tempfile.TemporaryDirectory(dir="/dev/shm") as folder:
        path = f"{folder}/store"
        with open_store(path), ProcessPoolExecutor(2, context, initializer=open_store, initargs=(path,)) as executor:
            parts = put("payload", payload)
            print(executor.submit(work_on_value, "payload", parts).result())
