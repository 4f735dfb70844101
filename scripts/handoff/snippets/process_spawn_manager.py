"""A Manager: a server process keeps the payload, and every look at it pickles all of it once more."""

import multiprocessing
from collections.abc import MutableMapping
from concurrent.futures import ProcessPoolExecutor

import numpy as np


def work(data: np.ndarray) -> float:
    return float(data.sum())  # your function; what it changes in data is lost


def work_on_shared(shared: MutableMapping[str, np.ndarray]) -> float:
    return work(shared["payload"])  # look once and keep what came


if __name__ == "__main__":
    payload = np.arange(1_000_000, dtype=np.float64)  # your data
    context = multiprocessing.get_context("spawn")
    with context.Manager() as manager, ProcessPoolExecutor(2, mp_context=context) as executor:
        shared = manager.dict(payload=payload)
        print(executor.submit(work_on_shared, shared).result())
