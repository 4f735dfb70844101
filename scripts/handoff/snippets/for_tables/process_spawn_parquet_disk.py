"""A Parquet file on disk, by pyarrow: only its path is sent, and the worker decodes it."""

import multiprocessing
import tempfile
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq


def work(data: pa.Table) -> float:
    return float(pc.sum(data["number"]).as_py())  # your function


def work_on_file(path: Path) -> float:
    return work(pq.read_table(path))


if __name__ == "__main__":
    payload = pa.table({"number": range(1_000_000)})  # your data
    # A folder in TMPDIR, or in /tmp; it goes with all its files at the end.
    context = multiprocessing.get_context("spawn")
    with tempfile.TemporaryDirectory() as folder, ProcessPoolExecutor(2, mp_context=context) as executor:
        path = Path(folder) / "payload"
        # Packing it smaller costs more time than a hand-over has.
        pq.write_table(payload, path, compression="NONE", use_dictionary=False)
        print(executor.submit(work_on_file, path).result())
