"""Processes forked by a server that has imported numpy already: its workers start in milliseconds."""

import io
import multiprocessing
from concurrent.futures import ProcessPoolExecutor
from multiprocessing.reduction import ForkingPickler

import numpy as np


def dumps(obj: object, protocol: int | None = None) -> memoryview:
    buffer = io.BytesIO()
    ForkingPickler(buffer, 5).dump(obj)
    return buffer.getbuffer()


# multiprocessing has no option for the protocol (python/cpython#89467). Workers import this file too, and have it so.
ForkingPickler.dumps = dumps  # type: ignore[method-assign]


def work(data: np.ndarray) -> float:
    return float(data.sum())  # your function


if __name__ == "__main__":
    context = multiprocessing.get_context("forkserver")
    # Only what may be forked: numpy, pandas and pyarrow may; Polars, CUDA and whatever else starts threads may not.
    context.set_forkserver_preload(["numpy"])
    payload = np.arange(1_000_000, dtype=np.float64)  # your data
    with ProcessPoolExecutor(2, mp_context=context) as executor:
        print(executor.submit(work, payload).result())
