"""Dask's scatter: the data go to a worker's memory once, and calls that name them run there."""

import tempfile

import dask
import numpy as np
from distributed import Client, LocalCluster


def work(data: np.ndarray) -> float:
    return float(data.sum())  # your function; it must not write into data: other calls get the same object


if __name__ == "__main__":
    payload = np.arange(1_000_000, dtype=np.float64)  # your data
    with (
        tempfile.TemporaryDirectory() as folder,
        dask.config.set({"temporary-directory": folder}),
        LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=":0") as cluster,
        Client(cluster) as client,
    ):
        # broadcast=True gives every worker a copy; direct=True spares the way through the scheduler.
        (scattered,) = client.scatter([payload], direct=True)
        print(client.submit(work, scattered).result())
