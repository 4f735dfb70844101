"""A Unix socket: pickle 5 hands out the large buffers, which go straight into memory of the worker's own."""

import multiprocessing
import pickle
import socket
import struct
import tempfile
from concurrent.futures import ProcessPoolExecutor

import numpy as np


def work(data: np.ndarray) -> float:
    return float(data.sum())  # your function; it may write into data


def send(payload: object, connection: socket.socket) -> None:
    buffers: list[pickle.PickleBuffer] = []
    head = pickle.dumps(payload, protocol=5, buffer_callback=buffers.append)
    parts = [memoryview(head), *(buffer.raw() for buffer in buffers)]
    connection.sendall(struct.pack(f"<{1 + len(parts)}Q", len(parts), *(part.nbytes for part in parts)))
    for part in parts:
        connection.sendall(part)


def work_on_socket(address: str) -> float:
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(address)
        with connection.makefile("rb") as stream:
            (count,) = struct.unpack("<Q", stream.read(8))
            parts = [bytearray(length) for length in struct.unpack(f"<{count}Q", stream.read(8 * count))]
            for part in parts:
                stream.readinto(part)
    head, *buffers = parts
    return work(pickle.loads(head, buffers=buffers))


if __name__ == "__main__":
    payload = np.arange(1_000_000, dtype=np.float64)  # your data
    context = multiprocessing.get_context("spawn")
    with (
        tempfile.TemporaryDirectory() as folder,
        socket.socket(socket.AF_UNIX) as listener,
        ProcessPoolExecutor(2, mp_context=context) as executor,
    ):
        address = f"{folder}/socket"
        listener.bind(address)
        listener.listen()
        listener.settimeout(60)  # a worker that dies first must not leave us waiting
        result = executor.submit(work_on_socket, address)
        connection, _ = listener.accept()
        with connection:
            send(payload, connection)
        print(result.result())
