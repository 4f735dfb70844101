"""MPI with pickle 5 out-of-band: the array itself is a message of its own, sent from where it lies."""

import os
import tempfile

import numpy as np


def work(data: np.ndarray) -> float:
    return float(data.sum())  # your function


if __name__ == "__main__":
    payload = np.arange(1_000_000, dtype=np.float64)  # your data
    with tempfile.TemporaryDirectory(dir="/dev/shm") as folder:
        # Read as MPI is loaded: Open MPI leaves files behind, here and there.
        os.environ.update(TMPDIR=folder, OMPI_MCA_btl_sm_backing_directory=folder)
        from mpi4py.futures import MPIPoolExecutor

        # As root, Open MPI wants OMPI_ALLOW_RUN_AS_ROOT=1 and OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1, and both for PRTE_.
        with MPIPoolExecutor(2, use_pkl5=True) as executor:
            print(executor.submit(work, payload).result())
