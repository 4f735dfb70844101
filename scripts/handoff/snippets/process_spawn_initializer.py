"""Given to each worker as it starts: pickled once for each worker, however many calls use it."""

import multiprocessing
from concurrent.futures import ProcessPoolExecutor

import numpy as np

kept: np.ndarray  # in each worker


def keep(data: np.ndarray) -> None:
    global kept
    kept = data


def work(data: np.ndarray) -> float:
    return float(data.sum())  # your function


def work_on_kept() -> float:
    return work(kept)


if __name__ == "__main__":
    payload = np.arange(1_000_000, dtype=np.float64)  # your data
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(2, mp_context=context, initializer=keep, initargs=(payload,)) as executor:
        print(executor.submit(work_on_kept).result())
