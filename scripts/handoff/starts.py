"""A start of the workflow by one of our programs: what it prints is passed on, without what says nothing to anybody."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Sequence
from typing import Final

NOISE: Final = re.compile(
    r"Using (workflow specific profile|shell)|Config file .* is extended|Assuming unrestricted shared|Building DAG"
    r"|Conda environments: ignored|Complete log\(s\)|Elapsed time|Touching output file"
)
"""Lines of Snakemake's that are the same at every start."""


def start(command: Sequence[str], heard: bool = True) -> int:
    """Run the workflow and wait for its end, also after Ctrl-C, which it gets as well; its exit status.

    heard: pass on what it prints; else it is printed only if the workflow fails.
    """
    lines: list[str] = []
    with subprocess.Popen(
        list(command), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace"
    ) as process:
        assert process.stdout is not None
        while True:
            try:
                for line in process.stdout:
                    if NOISE.match(line):
                        continue
                    if heard:
                        print(line, end="", flush=True)
                    else:
                        lines.append(line)
                process.wait()
                break
            except KeyboardInterrupt:  # it ends what it has begun, and says so
                continue
    if process.returncode and not heard:
        print("".join(lines), end="", file=sys.stderr)
    return process.returncode
