"""Unlike pairs of a payload and a function, made from a seed: questions to try the answers with.

A workload is a module as a user has one, with `make()` and `work(data)`. What it holds is chosen at random: the kind
of data and their size, what the function does with them, whether it lets go of the GIL, how long that takes, how much
of the data it touches, and how much it returns.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

_HEAD: Final = '''"""{about}."""

import numpy as np
import pandas as pd


def make():
    rng = np.random.default_rng({seed})
    {make}
    return data


def work(data):
    {work}
'''

_DATA: Final = {
    "array": "data = rng.random({n} // 8)",
    "matrix": "data = rng.random(({n} // 8 // 64, 64))",
    "frame": "data = pd.DataFrame({{f'c{{i}}': rng.random({n} // 8 // 20) for i in range(20)}})",
    "mixed_frame": "data = pd.DataFrame({{'key': rng.integers(0, 50, {n} // 40), 'value': rng.random({n} // 40), "
    "'text': [f'row number {{i % 997}}' for i in range({n} // 40)]}})",
    "arrays": "data = {{f'part {{i}}': rng.random({n} // 8 // 16) for i in range(16)}}",
    "records": "data = [{{'id': i, 'name': f'name {{i}}', 'score': i / 7}} for i in range({n} // 300)]",
    "raw": "data = rng.bytes({n})",
}
"""What is handed over; {n} is about how many bytes of it."""

_WORK: Final = {
    "array": {
        "adds up": "return float(data.sum())",
        "sorts": "return float(np.sort(data[:2_000_000])[len(data[:2_000_000]) // 2])",
        "scales and returns all of it": "return data * 2.0",
        "loops in Python": "return sum(float(x) for x in data[:300_000])",
        "looks at the first": "return float(data[0])",
    },
    "matrix": {
        "multiplies": "return float((data.T @ data).trace())",
        "takes the mean of rows": "return data.mean(axis=1)",
        "loops in Python": "return sum(float(row[0]) for row in data[:200_000])",
    },
    "frame": {
        "uses two columns": "return float((data['c0'] * data['c1']).sum())",
        "describes": "return data.describe()",
        "adds a column and returns all of it": "return data.assign(total=data.sum(axis=1))",
    },
    "mixed_frame": {
        "groups": "return data.groupby('key')['value'].sum()",
        "works on text": "return int(data['text'].str.len().sum())",
        "uses one column": "return float(data['value'].mean())",
    },
    "arrays": {
        "adds up": "return float(sum(part.sum() for part in data.values()))",
        "uses one of them": "return float(data['part 3'].std())",
    },
    "records": {
        "adds up scores": "return sum(record['score'] for record in data)",
        "keeps some": "return [record for record in data if record['id'] % 10 == 0]",
    },
    "raw": {
        "hashes": "import hashlib\n    return hashlib.sha256(data).hexdigest()",
        "compresses": "import zlib\n    return len(zlib.compress(data[:4_000_000], 1))",
    },
}

SIZES: Final = (30_000, 300_000, 3_000_000, 10_000_000, 30_000_000, 100_000_000)
"""Bytes, about."""

MOST_RECORDS: Final = 10_000_000
"""Bytes of small objects: more of them take minutes to make and to compare."""


@dataclass(frozen=True)
class Workload:
    """One pair, as the text of a module."""

    name: str
    about: str
    text: str

    def write(self, folder: Path) -> None:
        (folder / f"{self.name}.py").write_text(self.text, encoding="utf-8")


def workloads(seed: int) -> Iterator[Workload]:
    """Without an end; no two of one turn have the same kind of data and function, and all kinds take turns."""
    source = random.Random(seed)
    number = 0
    while True:
        turn = [(kind, about) for kind, works in _WORK.items() for about in works]
        source.shuffle(turn)
        for kind, about in _taking_turns(turn):
            number += 1
            size = source.choice([size for size in SIZES if kind != "records" or size <= MOST_RECORDS])
            said = f"{kind} of about {size:,} bytes; {about}"
            text = _HEAD.format(
                about=said[0].upper() + said[1:], seed=source.randrange(2**32), make=_DATA[kind].format(n=size),
                work=_WORK[kind][about],
            )  # fmt: skip
            yield Workload(f"workload_{seed}_{number}", said, text)


def _taking_turns(pairs: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """The pairs, one of each kind, then another of each, in the order that they have."""
    seen: dict[str, int] = {}
    ranked = []
    for place, (kind, about) in enumerate(pairs):
        seen[kind] = seen.get(kind, 0) + 1
        ranked.append((seen[kind], place, (kind, about)))
    return [pair for _, _, pair in sorted(ranked)]
