"""Not handed over at all: the worker reads or makes the data itself, as you do it today."""

import multiprocessing
from concurrent.futures import ProcessPoolExecutor

import numpy as np


def work(data: np.ndarray) -> float:
    return float(data.sum())  # your function


def load_and_work() -> float:
    data = np.arange(1_000_000, dtype=np.float64)  # your data: which part of them, an argument can say
    return work(data)


if __name__ == "__main__":
    with ProcessPoolExecutor(2, mp_context=multiprocessing.get_context("spawn")) as executor:
        print(executor.submit(load_and_work).result())
