"""PyTorch: the array becomes a tensor in shared memory, which the worker maps."""

from concurrent.futures import ProcessPoolExecutor

import numpy as np
import torch
import torch.multiprocessing


def work(data: np.ndarray) -> float:
    return float(data.sum())  # your function; what it writes into data, all others see


def work_on_tensor(tensor: torch.Tensor) -> float:
    return work(tensor.numpy())


if __name__ == "__main__":
    payload = np.arange(1_000_000, dtype=np.float64)  # your data
    tensor = torch.from_numpy(payload).share_memory_()  # a full /dev/shm ends the program with SIGBUS here
    with ProcessPoolExecutor(2, mp_context=torch.multiprocessing.get_context("spawn")) as executor:
        print(executor.submit(work_on_tensor, tensor).result())  # a handle travels, not the numbers
