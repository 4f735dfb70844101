"""A payload taken apart by pickle protocol 5 (PEP 574): a small head, and its large buffers, which are not copied.

Buffers are what numpy, pandas and Arrow keep their numbers in. They can be copied once to where another process
reads them, and the payload is put together over them there. What has no such buffers (Python's own objects, strided
arrays) is in the head altogether.

A message is one payload as a file, a segment or a stream holds it: how long it is, how many buffers it has, how long
the head and each buffer are; then the head, and each buffer at a multiple of 64 bytes from the message's beginning.

Standard library only: it is used on the clock, by transports and executors.
"""

from __future__ import annotations

import pickle
import struct
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final

ALIGN: Final = 64
"""A cache line, and what Arrow asks for."""

MOST_PIECES: Final = 1024
"""Of one call of writev or sendmsg: Linux's IOV_MAX."""

SIZE: Final = struct.Struct("<Q")
"""How a message begins: its length, this number included."""


def take_apart(payload: Any) -> tuple[bytes, list[memoryview]]:
    """The payload's head, and its buffers as bytes where they lie in memory."""
    buffers: list[pickle.PickleBuffer] = []
    head = pickle.dumps(payload, protocol=5, buffer_callback=buffers.append)
    return head, [buffer.raw() for buffer in buffers]


def put_together(head: bytes | memoryview, buffers: Iterable[Any]) -> Any:
    """The payload over these buffers, whose memory it uses and keeps; read-only ones make it read-only."""
    return pickle.loads(head, buffers=buffers)  # nosec B301 # of its own workers


def aligned(offset: int) -> int:
    """The next multiple of 64."""
    return -(-offset // ALIGN) * ALIGN


def spread(buffers: Sequence[memoryview], start: int = 0) -> tuple[list[int], int]:
    """Where each buffer begins if one lies behind the other from `start` on, and where the last one ends."""
    offsets = []
    for buffer in buffers:
        offsets.append(aligned(start))
        start = offsets[-1] + buffer.nbytes
    return offsets, start


def message(payload: Any) -> list[memoryview]:
    """The payload's message, piece by piece; its buffers are not copied. Its length is the sum of the pieces'."""
    head, buffers = take_apart(payload)
    numbers = [len(buffers), len(head), *(buffer.nbytes for buffer in buffers)]
    start = SIZE.size * (1 + len(numbers)) + len(head)
    offsets, end = spread(buffers, start)
    pieces = [memoryview(struct.pack(f"<{1 + len(numbers)}Q", end, *numbers)), memoryview(head)]
    for offset, buffer in zip(offsets, buffers, strict=True):
        pieces += [memoryview(bytes(offset - start)), buffer]
        start = offset + buffer.nbytes
    return pieces


def read(memory: memoryview) -> Any:
    """The payload of the message that this memory holds, over that memory, which it keeps."""
    _, count, length = struct.unpack_from("<3Q", memory)
    start = SIZE.size * (3 + count)
    lengths = struct.unpack_from(f"<{count}Q", memory, SIZE.size * 3)
    head, buffers = memory[start : start + length], []
    start += length
    for nbytes in lengths:
        start = aligned(start)
        buffers.append(memory[start : start + nbytes])
        start += nbytes
    return put_together(head, buffers)


def fill(memory: memoryview, pieces: Sequence[memoryview]) -> None:
    """Copy a message into memory, from its beginning on."""
    start = 0
    for piece in pieces:
        memory[start : start + piece.nbytes] = piece
        start += piece.nbytes


def pour(pieces: Sequence[memoryview], write: Callable[[list[memoryview]], int]) -> None:
    """Write a message by a call that takes many pieces and says how many bytes it took: writev, sendmsg."""
    waiting = [piece for piece in reversed(pieces) if piece.nbytes]
    while waiting:
        taken = write(waiting[: -1 - MOST_PIECES : -1])
        while waiting and taken >= waiting[-1].nbytes:
            taken -= waiting.pop().nbytes
        if taken:
            waiting[-1] = waiting[-1][taken:]
