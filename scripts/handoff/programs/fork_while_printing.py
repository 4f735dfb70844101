"""The article's fork, in a program of our own: it hangs if the thread is inside print() as the child is forked.

print() takes the lock of standard error's buffer. The child gets a copy of that lock as it is, but not the
thread that would give it back, and wants it itself to flush standard error as it ends.
"""

import multiprocessing
import sys
import threading

joined = False


def keep_printing() -> None:
    while not joined:
        print("still here", file=sys.stderr)


def do_nothing() -> None:
    pass


if __name__ == "__main__":
    threading.Thread(target=keep_printing).start()
    child = multiprocessing.get_context("fork").Process(target=do_nothing)
    child.start()
    child.join()
    joined = True
