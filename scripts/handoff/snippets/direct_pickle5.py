"""A pipe to a worker and one back, without a pool's threads and queues between: for many small calls."""

import multiprocessing
import pickle
from multiprocessing.connection import Connection

import numpy as np


def work(data: np.ndarray) -> float:
    return float(data.sum())  # your function


def serve(calls: Connection, replies: Connection) -> None:
    while True:
        try:
            call = calls.recv_bytes()
        except EOFError:
            return  # the caller has closed its end
        try:
            reply: tuple[bool, object] = True, work(pickle.loads(call))
        except Exception as error:
            reply = False, error
        replies.send_bytes(pickle.dumps(reply, 5))


if __name__ == "__main__":
    context = multiprocessing.get_context("spawn")
    takes, calls = context.Pipe(duplex=False)
    replies, gives = context.Pipe(duplex=False)
    worker = context.Process(target=serve, args=(takes, gives))
    worker.start()
    takes.close()  # the worker's ends: with them open here, recv would wait for a worker that has died
    gives.close()
    payload = np.arange(1_000_000, dtype=np.float64)  # your data
    with calls, replies:
        calls.send_bytes(pickle.dumps(payload, 5))
        if not replies.poll(60):
            worker.kill()
            raise TimeoutError
        right, result = pickle.loads(replies.recv_bytes())  # EOFError: the worker has died
        if not right:
            raise result
        print(result)
    worker.join()
