"""An Arrow IPC file on disk, which the worker maps and copies into an array of its own, to write into."""

import multiprocessing
import tempfile
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np
import pyarrow as pa


def work(data: np.ndarray) -> float:
    return float(data.sum())  # your function; it may write into data


def work_on_file(path: Path, shape: tuple[int, ...]) -> float:
    with pa.memory_map(str(path)) as source:
        table = pa.ipc.open_file(source).read_all()
    return work(table["data"].combine_chunks().to_numpy(zero_copy_only=False).reshape(shape).copy())


if __name__ == "__main__":
    payload = np.arange(1_000_000, dtype=np.float64)  # your data
    # A folder in TMPDIR, or in /tmp; it goes with all its files at the end.
    context = multiprocessing.get_context("spawn")
    with tempfile.TemporaryDirectory() as folder, ProcessPoolExecutor(2, mp_context=context) as executor:
        path = Path(folder) / "payload"
        table = pa.table({"data": payload.reshape(-1)})
        with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_file(sink, table.schema) as writer:
            writer.write_table(table)
        print(executor.submit(work_on_file, path, payload.shape).result())
