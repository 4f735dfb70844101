"""Inherited by fork: the payload is there before the worker, which reads the same memory. NOT SAFE with threads."""

import multiprocessing
from concurrent.futures import ProcessPoolExecutor

import numpy as np


def work(data: np.ndarray) -> float:
    return float(data.sum())  # your function


def work_on_inherited() -> float:
    return work(payload)


if __name__ == "__main__":
    payload = np.arange(1_000_000, dtype=np.float64)  # your data: a global, made before the executor
    # WARNING: a lock that any thread holds at the fork stays locked in the worker for ever, and it may hang.
    # Many libraries start threads when they are imported. Use this only if you are sure that there are none.
    with ProcessPoolExecutor(2, mp_context=multiprocessing.get_context("fork")) as executor:
        print(executor.submit(work_on_inherited).result())
