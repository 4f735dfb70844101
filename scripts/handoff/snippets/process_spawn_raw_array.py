"""A RawArray: shared memory that each worker gets as it starts, and that no call can bring."""

import ctypes
import multiprocessing
from concurrent.futures import ProcessPoolExecutor
from multiprocessing.sharedctypes import RawArray

import numpy as np

data: np.ndarray  # the worker's, from take on


def work(data: np.ndarray) -> float:
    return float(data.sum())  # your function; what it writes into data, all others see


def take(raw: ctypes.Array[ctypes.c_double]) -> None:
    global data
    data = np.ctypeslib.as_array(raw)


def work_on_data() -> float:
    return work(data)


if __name__ == "__main__":
    payload = np.arange(1_000_000, dtype=np.float64)  # your data
    raw = RawArray(ctypes.c_double, len(payload))  # by its length: from a list it is filled number by number
    np.ctypeslib.as_array(raw)[:] = payload
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(2, mp_context=context, initializer=take, initargs=(raw,)) as executor:
        print(executor.submit(work_on_data).result())
