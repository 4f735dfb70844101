"""A Pool of processes: the payload is pickled into a pipe and unpickled by the worker, all by itself."""

import multiprocessing

import numpy as np


def work(data: np.ndarray) -> float:
    return float(data.sum())  # your function


if __name__ == "__main__":
    payload = np.arange(1_000_000, dtype=np.float64)  # your data
    # spawn starts clean interpreters: safe with threads, and the same on every system.
    with multiprocessing.get_context("spawn").Pool(2) as pool:
        print(pool.apply(work, (payload,)))
