"""A RawArray: shared memory that each worker gets as it starts, and that no call can bring."""

import ctypes
import multiprocessing
from concurrent.futures import ProcessPoolExecutor
from multiprocessing.sharedctypes import RawArray
from typing import Any

import numpy as np

data: np.ndarray  # the worker's, from take on


def work(data: np.ndarray) -> float:
    return float(data.sum())  # your function; what it writes into data, all others see


def take(raw: Any, shape: tuple[int, ...], dtype: np.dtype) -> None:
    global data
    data = np.ndarray(shape, dtype, raw)


def work_on_data() -> float:
    return work(data)


if __name__ == "__main__":
    payload = np.arange(1_000_000, dtype=np.float64)  # your data
    raw: Any = RawArray(ctypes.c_byte, payload.nbytes)  # by its size: from a list it is filled item by item
    np.copyto(np.ndarray(payload.shape, payload.dtype, raw), payload)
    luggage = raw, payload.shape, payload.dtype
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(2, mp_context=context, initializer=take, initargs=luggage) as executor:
        print(executor.submit(work_on_data).result())
