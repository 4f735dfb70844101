"""A ShareableList: for a few numbers or short texts. Each is packed and unpacked by itself, which takes its time."""

import multiprocessing
from concurrent.futures import ProcessPoolExecutor
from multiprocessing.shared_memory import ShareableList

import numpy as np


def work(data: np.ndarray) -> float:
    return float(data.sum())  # your function


def work_on_list(name: str, shape: tuple[int, ...], dtype: np.dtype) -> float:
    shared = ShareableList(name=name)
    try:
        return work(np.array(list(iter(shared)), dtype).reshape(shape))
    finally:
        shared.shm.close()


if __name__ == "__main__":
    payload = np.arange(1_000_000, dtype=np.float64)  # your data; a million numbers are far too many for this
    shared = ShareableList(payload.reshape(-1).tolist())
    try:
        with ProcessPoolExecutor(2, mp_context=multiprocessing.get_context("spawn")) as executor:
            print(executor.submit(work_on_list, shared.shm.name, payload.shape, payload.dtype).result())
    finally:
        shared.shm.close()
        shared.shm.unlink()
