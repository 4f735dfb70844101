"""A pipe to a worker and one back, and no check: the least that a call to another process can cost."""

import multiprocessing
import pickle
from multiprocessing.connection import Connection

import numpy as np


def work(data: np.ndarray) -> float:
    return float(data.sum())  # your function


def serve(calls: Connection, replies: Connection) -> None:
    while call := calls.recv_bytes():
        replies.send_bytes(pickle.dumps(work(pickle.loads(call)), 5))


if __name__ == "__main__":
    context = multiprocessing.get_context("spawn")
    takes, calls = context.Pipe(duplex=False)
    replies, gives = context.Pipe(duplex=False)
    worker = context.Process(target=serve, args=(takes, gives))
    worker.start()
    payload = np.arange(1_000_000, dtype=np.float64)  # your data
    # WARNING: if the worker dies or raises, recv_bytes waits for ever.
    # Two calls at once, with large messages both ways, fill both pipes, and both sides wait for ever.
    calls.send_bytes(pickle.dumps(payload, 5))
    print(pickle.loads(replies.recv_bytes()))
    calls.send_bytes(b"")
    worker.join()
