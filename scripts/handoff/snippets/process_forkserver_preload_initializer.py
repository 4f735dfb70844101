"""Given to each worker as it starts, by a server that has imported numpy already: quick to start, pickled once each."""

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
    context = multiprocessing.get_context("forkserver")
    # Only what may be forked: numpy, pandas and pyarrow may; Polars, CUDA and whatever else starts threads may not.
    context.set_forkserver_preload(["numpy"])
    payload = np.arange(1_000_000, dtype=np.float64)  # your data
    with ProcessPoolExecutor(2, mp_context=context, initializer=keep, initargs=(payload,)) as executor:
        print(executor.submit(work_on_kept).result())
