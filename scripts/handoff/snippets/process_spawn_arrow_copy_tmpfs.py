"""An Arrow IPC file in memory (/dev/shm), which the worker maps and copies into columns of its own, to write into."""

import multiprocessing
import tempfile
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import pandas as pd
import pyarrow as pa


def work(data: pd.DataFrame) -> float:
    return float(data["number"].sum())  # your function; it may write into data


def work_on_file(path: Path) -> float:
    with pa.memory_map(str(path)) as source:
        table = pa.ipc.open_file(source).read_all()
    return work(table.to_pandas())


if __name__ == "__main__":
    payload = pd.DataFrame({"number": range(1_000_000)})  # your data
    # Files here are memory: they must fit into it. The folder goes with all its files at the end.
    context = multiprocessing.get_context("spawn")
    with tempfile.TemporaryDirectory(dir="/dev/shm") as folder, ProcessPoolExecutor(2, mp_context=context) as executor:
        path = Path(folder) / "payload"
        table = pa.Table.from_pandas(payload)
        with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_file(sink, table.schema) as writer:
            writer.write_table(table)
        print(executor.submit(work_on_file, path).result())
