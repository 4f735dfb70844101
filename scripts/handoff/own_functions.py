"""Functions of the user's own, `module:function`: tasks, makers of payloads, makers of executors.

Where one is looked for, and a look at it before anything is measured. The module is the user's and may need
anything, so another process imports it.

Standard library only: the Snakefile asks at every start.
"""

from __future__ import annotations

import hashlib
import importlib
import re
import subprocess
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final

from handoff.mistakes import ConfigError
from handoff.strategies import LIBRARY

PATIENCE_S: Final = 60.0
"""For an import."""

_PROGRAM: Final = LIBRARY / "programs" / "check_function.py"


@dataclass(frozen=True)
class OwnFunction:
    """A function of the user's, and the folder that its module is imported from."""

    name: str
    """`module:function`, the module with dots where it lies in a package."""
    home: str
    """An absolute path; the modules beside it are found, too."""

    @property
    def file(self) -> Path | None:
        """Its module's file; None for a module that is installed elsewhere."""
        path = Path(self.home, *self.name.partition(":")[0].split("."))
        return next((file for file in (path.with_suffix(".py"), path / "__init__.py") if file.is_file()), None)

    @property
    def state(self) -> str:
        """Changes when its module's file does; '' for one that is installed elsewhere."""
        return hashlib.sha256(self.file.read_bytes()).hexdigest()[:12] if self.file else ""


def is_own(name: str) -> bool:
    """Whether a task's name is that of a user's function."""
    return ":" in name


def parse(text: str, directory: Path, key: str) -> OwnFunction:
    """The function that a config names: `module:function`, or `folder/module.py:function`.

    directory: where modules and relative paths are looked for.

    Raises:
        ConfigError: it is no such name, or there is no such file.
    """
    place, _, function = text.rpartition(":")
    if "/" not in place and not place.endswith(".py"):
        return OwnFunction(f"{place}:{function}", str(directory))
    try:
        file = directory / Path(place).expanduser()
    except RuntimeError as error:
        raise ConfigError(key, f"{text!r} begins with a home that nobody has here.") from error
    if file.suffix != ".py" or not re.fullmatch(r"[A-Za-z_]\w*", file.stem):
        raise ConfigError(key, f"{text!r} names no module: a path ends with a file such as cleaning.py.")
    if not file.is_file():
        raise ConfigError(key, f"there is no file {str(file)!r}. It is looked for from {str(directory)!r}.")
    return OwnFunction(f"{file.stem}:{function}", str(file.resolve().parent))


@cache
def _look(name: str, directory: str, what: str) -> str:
    """What is wrong with it; 'right' if nothing is."""
    try:
        ended = subprocess.run(
            [sys.executable, str(_PROGRAM), directory, name, what], stdin=subprocess.DEVNULL, capture_output=True,
            cwd=directory, text=True, errors="replace", timeout=PATIENCE_S, check=False,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        return f"its import takes over {PATIENCE_S:.0f} s."
    return (ended.stdout.strip().splitlines() or [f"its import ended Python with code {ended.returncode}."])[-1]


def check(function: OwnFunction, key: str, role: str, what: str) -> None:
    """Refuse a function that cannot be had from its folder.

    role: what the config calls it, as 'the task'; what: what it must do, as the end of a sentence.

    Raises:
        ConfigError: the module cannot be imported or has no such function.
    """
    said = _look(function.name, function.home, what)
    if said != "right":
        end = "" if said.endswith((".", "?")) else "."
        raise ConfigError(key, f"{role} {function.name!r}: {said}{end} It is looked for from {function.home!r}.")


def check_executors(names: Iterable[str], directory: Path) -> None:
    """Refuse executors, as `module:factory`, that cannot be found from that folder.

    Raises:
        ConfigError: the module cannot be imported or has no such function.
    """
    for name in names:
        what = "takes the number of workers and returns an executor"
        check(OwnFunction(name, str(directory)), "strategies", "the executor", what)


def load(name: str, home: str) -> Callable[..., Any]:
    """The function itself, imported into this process from its folder.

    Raises:
        Whatever its module raises.
    """
    if home and home not in sys.path:
        sys.path.insert(0, home)
    module, _, function = name.partition(":")
    found: Callable[..., Any] = getattr(importlib.import_module(module), function)
    return found
