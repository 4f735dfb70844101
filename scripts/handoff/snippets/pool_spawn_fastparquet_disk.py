"""A Parquet file on disk, by fastparquet, to a Pool: only its path is sent. Retired; pyarrow does the same."""

import multiprocessing
import tempfile
from pathlib import Path

import fastparquet
import pandas as pd


def work(data: pd.DataFrame) -> float:
    return float(data["number"].sum())  # your function


def work_on_file(path: Path) -> float:
    return work(fastparquet.ParquetFile(str(path)).to_pandas())


if __name__ == "__main__":
    payload = pd.DataFrame({"number": range(1_000_000)})  # your data
    # A folder in TMPDIR, or in /tmp; it goes with all its files at the end.
    with tempfile.TemporaryDirectory() as folder, multiprocessing.get_context("spawn").Pool(2) as pool:
        path = Path(folder) / "payload"
        fastparquet.write(str(path), payload, compression="UNCOMPRESSED", stats=False)
        print(pool.apply(work_on_file, (path,)))
