"""Ray's object store: the payload is put into shared memory once, and every call maps it from there."""

import os
import secrets
import tempfile

import numpy as np

os.environ.setdefault("RAY_AUTH_TOKEN", secrets.token_hex(32))  # else Ray makes one for good, in ~/.ray
import ray  # which reads the token


def work(data: np.ndarray) -> float:
    return float(data.sum())  # your function; data is read-only


if __name__ == "__main__":
    payload = np.arange(1_000_000, dtype=np.float64)  # your data
    with tempfile.TemporaryDirectory(dir="/tmp") as folder:  # a short path: sockets lie in it
        ray.init(num_cpus=2, include_dashboard=False, logging_level="ERROR", _temp_dir=folder)
        stored = ray.put(payload)
        call = ray.remote(work)
        print(ray.get([call.remote(stored), call.remote(stored)])[0])  # as many calls as you like
        ray.shutdown()
