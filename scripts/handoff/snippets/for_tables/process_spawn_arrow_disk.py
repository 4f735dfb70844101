"""An Arrow IPC file on disk, which the worker maps: its columns are used where they lie."""

import multiprocessing
import tempfile
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc


def work(data: pa.Table) -> float:
    return float(pc.sum(data["number"]).as_py())  # your function


def work_on_file(path: Path) -> float:
    with pa.memory_map(str(path)) as source:
        table = pa.ipc.open_file(source).read_all()
    return work(table)


if __name__ == "__main__":
    payload = pa.table({"number": range(1_000_000)})  # your data
    # A folder in TMPDIR, or in /tmp; it goes with all its files at the end.
    context = multiprocessing.get_context("spawn")
    with tempfile.TemporaryDirectory() as folder, ProcessPoolExecutor(2, mp_context=context) as executor:
        path = Path(folder) / "payload"
        with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_file(sink, payload.schema) as writer:
            writer.write_table(payload)
        print(executor.submit(work_on_file, path).result())
