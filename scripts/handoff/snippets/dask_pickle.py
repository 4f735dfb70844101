"""Dask: the payload is an argument of the call, and travels with it through the scheduler."""

import tempfile

import dask
import numpy as np
from distributed import Client, LocalCluster


def work(data: np.ndarray) -> float:
    return float(data.sum())  # your function


if __name__ == "__main__":
    payload = np.arange(1_000_000, dtype=np.float64)  # your data; from 10 MiB on Dask warns, and scatter is better
    with (
        tempfile.TemporaryDirectory() as folder,
        dask.config.set({"temporary-directory": folder}),
        LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=":0") as cluster,
        Client(cluster) as client,
    ):
        print(client.submit(work, payload).result())
