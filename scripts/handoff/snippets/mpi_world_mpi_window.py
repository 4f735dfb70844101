"""A shared MPI window: the array is copied once into memory that the spawned processes have mapped, too."""

import os
import sys
import tempfile
from typing import Any

import numpy as np


def work(data: np.ndarray) -> float:
    return float(data.sum())  # your function; copy what it keeps: the memory goes with the window


def share(spawned: Any, payload: np.ndarray | None) -> list[float] | None:
    """What every process runs: all make the window together, and its memory is the first one's."""
    from mpi4py import MPI

    world = spawned.Merge(high=payload is None)
    shape, dtype = world.bcast(None if payload is None else (payload.shape, payload.dtype))
    window = MPI.Win.Allocate_shared(0 if payload is None else payload.nbytes, 1, comm=world)
    shared = np.ndarray(shape, dtype, window.Shared_query(0)[0])
    if payload is not None:
        shared[...] = payload
    window.Fence()  # from here on, all see it
    results: list[float] | None = world.gather(work(shared) if payload is None else None)
    del shared
    window.Free()
    world.Free()
    spawned.Disconnect()
    return results


if __name__ == "__main__":
    if sys.argv[1:] == ["worker"]:
        from mpi4py import MPI

        share(MPI.Comm.Get_parent(), None)
    else:
        payload = np.arange(1_000_000, dtype=np.float64)  # your data
        with tempfile.TemporaryDirectory(dir="/dev/shm") as folder:
            # Read as MPI is loaded: Open MPI leaves files behind, and one of its parts complains without its network.
            os.environ.update(TMPDIR=folder, OMPI_MCA_btl_sm_backing_directory=folder, OMPI_MCA_osc="^ucx")
            from mpi4py import MPI

            # As root, Open MPI wants OMPI_ALLOW_RUN_AS_ROOT=1 and OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1, and both for PRTE_.
            workers = MPI.COMM_SELF.Spawn(sys.executable, [__file__, "worker"], 2)
            print((share(workers, payload) or [])[1])
