"""iceoryx2: the payload is copied once into the middleware's shared memory, and the worker uses it there.

It keeps files in /tmp/iceoryx2 and a small segment in /dev/shm, which the next program uses again.
"""

import ctypes
import multiprocessing
import pickle
from concurrent.futures import ProcessPoolExecutor
from typing import Any

import iceoryx2
import numpy as np

SIZE = 64 * 2**20  # room for the buffers of one payload
subscriber: Any = None  # the worker's, from subscribe on
iceoryx2.set_log_level(iceoryx2.LogLevel.Error)


def work(data: np.ndarray) -> float:
    return float(data.sum())  # your function; copy what it keeps: a later payload comes to the same place


def service() -> Any:
    node = iceoryx2.NodeBuilder.new().create(iceoryx2.ServiceType.Ipc)
    builder = node.service_builder(iceoryx2.ServiceName.new("payloads"))
    return builder.publish_subscribe(iceoryx2.Slice[ctypes.c_uint64]).open_or_create()


def subscribe() -> None:
    global subscriber
    subscriber = service().subscriber_builder().create()


def send(publisher: Any, payload: object) -> tuple[bytes, list[int]]:
    buffers: list[pickle.PickleBuffer] = []
    head = pickle.dumps(payload, protocol=5, buffer_callback=buffers.append)
    raws = [buffer.raw() for buffer in buffers]
    sample = publisher.loan_slice_uninit(sum(-(-raw.nbytes // 8) for raw in raws) + 1)
    memory, end = sample.payload().as_memory_view().cast("B"), 0
    for raw in raws:
        memory[end : end + raw.nbytes] = raw
        end += -(-raw.nbytes // 8) * 8
    sample.assume_init().send()
    return head, [raw.nbytes for raw in raws]


def work_on_sample(head: bytes, lengths: list[int]) -> float:
    sample = subscriber.receive()
    memory, start, buffers = sample.payload().as_memory_view().cast("B").toreadonly(), 0, []
    for length in lengths:
        buffers.append(memory[start : start + length])
        start += -(-length // 8) * 8
    return work(pickle.loads(head, buffers=buffers))


if __name__ == "__main__":
    payload = np.arange(1_000_000, dtype=np.float64)  # your data
    publisher = service().publisher_builder().initial_max_slice_len(SIZE // 8).create()
    context = multiprocessing.get_context("spawn")
    # One worker: each subscriber gets every sample, and a second worker would have to skip what is not its own.
    with ProcessPoolExecutor(1, mp_context=context, initializer=subscribe) as executor:
        executor.submit(int).result()  # it has subscribed: a sample goes to those who are there
        print(executor.submit(work_on_sample, *send(publisher, payload)).result())
