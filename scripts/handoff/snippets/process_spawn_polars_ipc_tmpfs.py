"""Polars' IPC file in memory, uncompressed. A worker that computes in Polars leaves out to_pandas."""

import multiprocessing
import tempfile
from concurrent.futures import ProcessPoolExecutor

import numpy as np
import pandas as pd
import polars as pl


def work(data: pd.DataFrame) -> float:
    return float(data["x"].sum())  # your function


def work_on_file(path: str) -> float:
    return work(pl.read_ipc(path).to_pandas())


if __name__ == "__main__":
    payload = pd.DataFrame({"x": np.arange(1_000_000, dtype=np.float64)})  # your data; the index does not travel
    # Spawn, not fork: Polars runs threads of its own.
    with (
        tempfile.TemporaryDirectory(dir="/dev/shm") as folder,
        ProcessPoolExecutor(2, mp_context=multiprocessing.get_context("spawn")) as executor,
    ):
        path = f"{folder}/payload.arrow"
        pl.from_pandas(payload).write_ipc(path, compression="uncompressed")
        print(executor.submit(work_on_file, path).result())
