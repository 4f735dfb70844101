"""loky: workers that live on between calls, notice when one dies, and take functions that pickle cannot."""

import numpy as np
from loky import get_reusable_executor


def work(data: np.ndarray) -> float:
    return float(data.sum())  # your function


if __name__ == "__main__":
    payload = np.arange(1_000_000, dtype=np.float64)  # your data
    executor = get_reusable_executor(max_workers=2)  # asked for again, it gives the same workers
    print(executor.submit(work, payload).result())
    executor.shutdown()
