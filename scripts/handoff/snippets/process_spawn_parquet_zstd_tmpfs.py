"""A Parquet file in memory (/dev/shm), compressed by Zstandard: smaller, and more work on both sides."""

import multiprocessing
import tempfile
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq


def work(data: pd.DataFrame) -> float:
    return float(data["number"].sum())  # your function


def work_on_file(path: Path) -> float:
    return work(pq.read_table(path).to_pandas())


if __name__ == "__main__":
    payload = pd.DataFrame({"number": range(1_000_000)})  # your data
    # Files here are memory: they must fit into it. The folder goes with all its files at the end.
    context = multiprocessing.get_context("spawn")
    with tempfile.TemporaryDirectory(dir="/dev/shm") as folder, ProcessPoolExecutor(2, mp_context=context) as executor:
        path = Path(folder) / "payload"
        table = pa.Table.from_pandas(payload)
        pq.write_table(table, path, compression="ZSTD", use_dictionary=False)
        print(executor.submit(work_on_file, path).result())
