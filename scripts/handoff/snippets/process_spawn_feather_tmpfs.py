"""A Feather file in memory (/dev/shm), which pandas compresses: only its path is sent, and the worker decodes it."""

import multiprocessing
import tempfile
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import pandas as pd


def work(data: pd.DataFrame) -> float:
    return float(data["number"].sum())  # your function


def work_on_file(path: Path) -> float:
    return work(pd.read_feather(path))


if __name__ == "__main__":
    payload = pd.DataFrame({"number": range(1_000_000)})  # your data
    # Files here are memory: they must fit into it. The folder goes with all its files at the end.
    context = multiprocessing.get_context("spawn")
    with tempfile.TemporaryDirectory(dir="/dev/shm") as folder, ProcessPoolExecutor(2, mp_context=context) as executor:
        path = Path(folder) / "payload"
        payload.to_feather(path)  # by LZ4, unless you give compression="uncompressed"
        print(executor.submit(work_on_file, path).result())
