"""Executors of the user's own, looked at before anything is measured.

Their modules are the user's and may need anything, so another process imports them.

Standard library only: the Snakefile asks at every start.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from handoff.mistakes import ConfigError
from handoff.strategies import LIBRARY

PATIENCE_S: Final = 60.0
"""For an import."""

_PROGRAM: Final = LIBRARY / "programs" / "check_executor.py"


def check(names: Iterable[str], directory: Path) -> None:
    """Refuse executors, as `module:factory`, that cannot be found from that folder.

    Raises:
        ConfigError: the module cannot be imported or has no such function.
    """
    for name in names:
        try:
            ended = subprocess.run(
                [sys.executable, str(_PROGRAM), str(directory), name], stdin=subprocess.DEVNULL, capture_output=True,
                cwd=directory, text=True, errors="replace", timeout=PATIENCE_S, check=False,
            )  # fmt: skip
        except subprocess.TimeoutExpired as error:
            raise ConfigError(
                "strategies", f"the executor {name!r}: its import takes over {PATIENCE_S:.0f} s."
            ) from error
        said = (ended.stdout.strip().splitlines() or [f"its import ended Python with code {ended.returncode}"])[-1]
        if said != "right":
            raise ConfigError("strategies", f"the executor {name!r}: {said} It is looked for from {str(directory)!r}.")
