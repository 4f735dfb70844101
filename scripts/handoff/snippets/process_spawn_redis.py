"""Redis: a server of the program's own keeps the payload, behind a password and a Unix socket without any port."""

import multiprocessing
import os
import pickle
import secrets
import subprocess
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor

import numpy as np
import redis


def work(data: np.ndarray) -> float:
    return float(data.sum())  # your function


def put(server: redis.Redis, key: str, payload: object) -> None:
    buffers: list[pickle.PickleBuffer] = []
    head = pickle.dumps(payload, protocol=5, buffer_callback=buffers.append)
    server.rpush(key, head, *(buffer.raw() for buffer in buffers))  # each at most 512 MB, unless it is told otherwise


def work_on_list(path: str, password: str, key: str) -> float:
    with redis.Redis(unix_socket_path=path, password=password) as server:
        head, *buffers = server.lrange(key, 0, -1)
        return work(pickle.loads(head, buffers=buffers))


if __name__ == "__main__":
    payload = np.arange(1_000_000, dtype=np.float64)  # your data
    with tempfile.TemporaryDirectory() as folder:  # for this user alone
        path, password = f"{folder}/socket", secrets.token_hex(16)
        settings = f'port 0\nunixsocket "{path}"\nunixsocketperm 600\nrequirepass {password}\nsave ""\n'
        with open(f"{folder}/settings", "w") as file:  # not as arguments, which everybody can read
            file.write(settings)
        process = subprocess.Popen(["redis-server", file.name], stdout=subprocess.DEVNULL)
        try:
            while not os.path.exists(path):
                time.sleep(0.01)
            with redis.Redis(unix_socket_path=path, password=password) as server:
                put(server, "payload", payload)
                with ProcessPoolExecutor(2, mp_context=multiprocessing.get_context("spawn")) as executor:
                    print(executor.submit(work_on_list, path, password, "payload").result())
        finally:
            process.kill()
            process.wait()
