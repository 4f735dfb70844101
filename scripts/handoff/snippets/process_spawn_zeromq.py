"""ZeroMQ: the worker asks through a Unix socket, and gets the payload's buffers as frames of one message."""

import multiprocessing
import pickle
import tempfile
from concurrent.futures import ProcessPoolExecutor

import numpy as np
import zmq


def work(data: np.ndarray) -> float:
    return float(data.sum())  # your function


def frames_of(payload: object) -> list[bytes | memoryview]:
    buffers: list[pickle.PickleBuffer] = []
    head = pickle.dumps(payload, protocol=5, buffer_callback=buffers.append)
    return [head, *(buffer.raw() for buffer in buffers)]


def work_on_answer(address: str) -> float:
    with zmq.Context() as context, context.socket(zmq.REQ) as socket:
        socket.connect(address)
        socket.send(b"")
        head, *buffers = (frame.buffer for frame in socket.recv_multipart(copy=False))
        return work(pickle.loads(head, buffers=buffers))


if __name__ == "__main__":
    payload = np.arange(1_000_000, dtype=np.float64)  # your data
    with (
        tempfile.TemporaryDirectory() as folder,  # for this user alone; its path and the socket's name: 107 bytes
        zmq.Context() as context,
        context.socket(zmq.REP) as socket,
        ProcessPoolExecutor(2, mp_context=multiprocessing.get_context("spawn")) as executor,
    ):
        address = f"ipc://{folder}/payload"
        socket.bind(address)
        future = executor.submit(work_on_answer, address)
        socket.recv()
        socket.send_multipart(frames_of(payload), copy=False)  # large frames from where they lie: change nothing yet
        print(future.result())
