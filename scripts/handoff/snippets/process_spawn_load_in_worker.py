"""Not handed over at all: the worker reads the file itself, and only the path is sent."""

import multiprocessing
import tempfile
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np


def work(data: np.ndarray) -> float:
    return float(data.sum())  # your function


def work_on_file(path: Path) -> float:
    return work(np.load(path))  # or pandas.read_parquet(path), ...: as you read it today


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "data.npy"  # your file; here one is made to have something to read
        np.save(path, np.arange(1_000_000, dtype=np.float64))
        with ProcessPoolExecutor(2, mp_context=multiprocessing.get_context("spawn")) as executor:
            print(executor.submit(work_on_file, path).result())
