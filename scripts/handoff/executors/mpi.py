"""MPI on this machine alone: mpi4py.futures.MPIPoolExecutor, whose workers MPI spawns."""

from __future__ import annotations

import os
import sys
import sysconfig
from collections.abc import Iterator
from concurrent.futures import Executor
from contextlib import contextmanager
from typing import Any

from handoff.executors import Initializer

FACTS = {
    "about": "processes that MPI spawns (mpi4py's MPIPoolExecutor)",
    "simplicity": 10,
    "needs": ("mpi4py",),
}


def prepare(directory: str) -> None:
    """Set what Open MPI reads as it is loaded: files into that directory, no network, and root may run it, too."""
    settings = {
        "TMPDIR": directory,
        "OMPI_MCA_btl_sm_backing_directory": directory, "OMPI_MCA_osc_sm_backing_directory": directory,
        # Open MPI reaches a spawned worker by TCP alone: by the loopback interface, though it listens on all.
        "OMPI_MCA_pml": "ob1", "OMPI_MCA_btl": "self,sm,tcp", "OMPI_MCA_btl_tcp_if_include": "lo",
        # It complains where it finds no network of its own.
        "OMPI_MCA_osc": "^ucx",
        # As many workers as are asked for, also beyond the cores, and none bound to one.
        "PRTE_MCA_rmaps_default_mapping_policy": ":oversubscribe", "PRTE_MCA_hwloc_default_binding_policy": "none",
        "OMPI_ALLOW_RUN_AS_ROOT": "1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1",
        "PRTE_ALLOW_RUN_AS_ROOT": "1", "PRTE_ALLOW_RUN_AS_ROOT_CONFIRM": "1",
        # The wheel puts `prte`, which starts the workers, beside the interpreter.
        "PATH": f"{sysconfig.get_path('scripts')}:{os.environ.get('PATH', os.defpath)}",
    }  # fmt: skip
    os.environ.update(settings)


@contextmanager
def pool(
    workers: int, directory: str, initializer: Initializer, initargs: tuple[Any, ...], **options: Any
) -> Iterator[Executor]:  # fmt: skip
    """An MPIPoolExecutor with these options of its own."""
    prepare(directory)
    from mpi4py.futures import MPIPoolExecutor

    # Not the main module, which is the measuring program itself.
    with MPIPoolExecutor(
        workers, initializer=initializer, initargs=initargs, main=False, path=sys.path, **options
    ) as executor:  # fmt: skip
        yield executor


@contextmanager
def start(
    workers: int, directory: str, initializer: Initializer, initargs: tuple[Any, ...]
) -> Iterator[Executor]:  # fmt: skip
    with pool(workers, directory, initializer, initargs) as executor:
        yield executor
