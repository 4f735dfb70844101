"""Interpreters of one process, each with its own GIL: for pure Python, since numpy cannot be imported there yet."""

from concurrent.futures import InterpreterPoolExecutor  # type: ignore[attr-defined]  # from Python 3.14 on


def work(data: list[float]) -> float:
    return sum(data)  # your function


if __name__ == "__main__":
    payload = [float(number) for number in range(1_000_000)]  # your data
    with InterpreterPoolExecutor(2) as executor:
        print(executor.submit(work, payload).result())
