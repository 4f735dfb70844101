"""joblib's Parallel: an array of 1 MiB or more is dumped to a file in memory once, and the workers map it."""

import numpy as np
from joblib import Parallel, delayed


def work(data: np.ndarray) -> float:
    return float(data.sum())  # your function; data is read-only


if __name__ == "__main__":
    payload = np.arange(1_000_000, dtype=np.float64)  # your data
    with Parallel(n_jobs=2) as parallel:
        # To hand it over again after a change in place, give payload.view(): the same object arrives as it was.
        (result,) = parallel([delayed(work)(payload)])
    print(result)
