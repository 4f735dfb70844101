"""cloudpickle: for what pickle refuses, such as functions that are defined inside others."""

import multiprocessing
import pickle
from concurrent.futures import ProcessPoolExecutor

import cloudpickle
import numpy as np


def work(data: np.ndarray) -> float:
    return float(data.sum())  # your function


def work_on_pickle(made: bytes) -> float:
    return work(pickle.loads(made))


if __name__ == "__main__":
    payload = np.arange(1_000_000, dtype=np.float64)  # your data
    with ProcessPoolExecutor(2, mp_context=multiprocessing.get_context("spawn")) as executor:
        print(executor.submit(work_on_pickle, cloudpickle.dumps(payload)).result())
