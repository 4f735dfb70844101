"""Threads: the worker uses the very same array. Nothing moves, as numpy and pandas mostly let go of the GIL."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np


def work(data: np.ndarray) -> float:
    return float(data.sum())  # your function; it must not write into data while others read it


if __name__ == "__main__":
    payload = np.arange(1_000_000, dtype=np.float64)  # your data
    with ThreadPoolExecutor(max_workers=4) as executor:
        print(executor.submit(work, payload).result())
