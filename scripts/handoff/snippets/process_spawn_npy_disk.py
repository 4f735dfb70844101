"""An .npy file on disk, which the worker maps: the file's pages are its array, without a copy."""

import multiprocessing
import tempfile
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np


def work(data: np.ndarray) -> float:
    return float(data.sum())  # your function


def work_on_file(path: Path) -> float:
    return work(np.load(path, mmap_mode="r"))  # "c" instead of "r" if work writes into data: a private copy


if __name__ == "__main__":
    payload = np.arange(1_000_000, dtype=np.float64)  # your data
    # A folder in TMPDIR, or in /tmp; it goes with all its files at the end.
    context = multiprocessing.get_context("spawn")
    with tempfile.TemporaryDirectory() as folder, ProcessPoolExecutor(2, mp_context=context) as executor:
        path = Path(folder) / "payload.npy"
        np.save(path, payload)
        print(executor.submit(work_on_file, path).result())
