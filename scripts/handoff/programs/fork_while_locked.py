"""A fork that hangs each time: a thread holds a lock at that moment, and the child wants the same lock.

The child has a copy of the lock, locked, and no thread that would ever unlock it. What the parent does to
its own lock later cannot help.
"""

import multiprocessing
import threading

lock = threading.Lock()
held = threading.Event()
forked = threading.Event()


def hold_the_lock() -> None:
    with lock:
        held.set()
        forked.wait()


def want_the_lock() -> None:
    with lock:
        pass


if __name__ == "__main__":
    threading.Thread(target=hold_the_lock).start()
    held.wait()
    child = multiprocessing.get_context("fork").Process(target=want_the_lock)
    child.start()
    forked.set()
    child.join()
