"""Other Pythons that strategies are measured under: how each is started, and what it says of itself.

Everything about such a Python is asked of it, in a process of its own: its version, its packages, what it can
import. Nothing of it is guessed from a path.

Standard library only: the Snakefile asks at every start.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final

from handoff import provenance
from handoff.mistakes import ConfigError
from handoff.strategies import LIBRARY

OLDEST: Final = (3, 11)
"""The Python that the measured code is written for."""

PATIENCE_S: Final = 60.0
"""For an answer that takes a tenth of a second from a warm disk."""

MADE_HERE: Final = LIBRARY.parents[1] / ".venvs"
"""Where `make interpreter` puts environments."""

_PROGRAM: Final = LIBRARY / "programs" / "describe_python.py"
CONDAS: Final = ("mamba", "conda", "micromamba")
MADE_OF: Final = ".made-of.yaml"
"""In a conda environment that `make interpreter` made: the file that it was made of, written last."""


@dataclass(frozen=True)
class Interpreter:
    """A Python that strategies are measured under."""

    name: str
    """What the config calls it; '' for the workflow's own."""
    command: str
    """The program that is started."""
    about: str
    """As 'CPython 3.13.0'."""
    facts: tuple[str, ...]
    """It and its packages, in lines; equal lines are one environment for all that is measured."""

    @property
    def version(self) -> tuple[int, int]:
        """As (3, 13)."""
        major, minor, *_ = self.about.split()[1].split(".")
        return int(major), int(minor)

    def environment_id(self, code: str) -> str:
        """Of it, its packages and Handoff's own code (as its digest)."""
        return provenance.environment_id(code, self.facts)

    def missing(self, modules: Iterable[str]) -> list[str]:
        """Those of the modules that it cannot import."""
        wanted = tuple(dict.fromkeys(modules))
        if not self.name:
            return provenance.missing(wanted)
        found: list[str] = _asked(f"interpreters.{self.name}", self.command, wanted)["missing"]
        return found


def own() -> Interpreter:
    """The Python that this process runs in."""
    return Interpreter("", sys.executable, provenance.interpreter(), provenance.environment_facts())


def ask(name: str, command: str) -> Interpreter:
    """What the Python says that this program starts.

    Raises:
        ConfigError: it is no Python, too old, of another make, or does not answer.
    """
    key = f"interpreters.{name}"
    said = _asked(key, command, ())
    version = ".".join(map(str, said["version"]))
    if said["implementation"] != "CPython":
        raise ConfigError(key, f"{command!r} is {said['implementation']} {version}; Handoff measures CPython alone.")
    if tuple(said["version"]) < OLDEST:
        raise ConfigError(key, f"{command!r} is Python {version}; it takes {'.'.join(map(str, OLDEST))} or newer.")
    return Interpreter(name, command, said["about"], tuple(said["facts"]))


def _asked(key: str, command: str, modules: tuple[str, ...]) -> Mapping[str, Any]:
    """The answer of the program, once for each change of its file."""
    try:
        changed = Path(command).stat().st_mtime_ns
    except OSError as error:
        raise ConfigError(key, f"{command!r} cannot be started: {error.strerror}.") from error
    return _answer(key, command, changed, modules)


@cache
def _answer(key: str, command: str, _changed: int, modules: tuple[str, ...]) -> Mapping[str, Any]:
    environment = {**os.environ, "PYTHONPATH": str(LIBRARY.parent), "PYTHONDONTWRITEBYTECODE": "1"}
    try:
        ended = subprocess.run(
            [command, str(_PROGRAM), *modules], env=environment, stdin=subprocess.DEVNULL, capture_output=True,
            text=True, errors="replace", timeout=PATIENCE_S, check=False,
        )  # fmt: skip
    except OSError as error:
        raise ConfigError(key, f"{command!r} cannot be started: {error.strerror}.") from error
    except subprocess.TimeoutExpired as error:
        raise ConfigError(key, f"{command!r} is not a Python that runs: silent for {PATIENCE_S:.0f} s.") from error
    try:
        said: dict[str, Any] = json.loads(ended.stdout)
        if ended.returncode or not {"implementation", "version"} <= said.keys():
            raise ValueError(ended.returncode)
    except (ValueError, AttributeError) as error:
        lines = ended.stderr.strip().splitlines() or ["it does not answer as one"]
        said_instead = lines[-1] if lines[0].startswith("Traceback") else lines[0]
        raise ConfigError(key, f"{command!r} is not a Python that runs: {said_instead[:200]}") from error
    return said


def look_up(given: Mapping[str, Any], directory: Path) -> tuple[Interpreter, ...]:
    """The interpreters of a config that the schema has accepted; relative paths start in `directory`.

    Raises:
        ConfigError: a command or file that is not there, or a Python that Handoff cannot measure.
    """
    return tuple(ask(name, _command(name, how, directory)) for name, how in given.items())


def _command(name: str, how: str | Mapping[str, str], directory: Path) -> str:
    """The absolute path of the program, its links unresolved: a venv is found by the path that started it."""
    key = f"interpreters.{name}"
    if not isinstance(how, str):
        return _of_conda(name, _path(how["conda"], f"{key}.conda", directory))
    if "/" in how:
        path = _path(how, key, directory)
        if not (os.path.isfile(path) and os.access(path, os.X_OK)):  # noqa: PTH113 (Path.is_file may raise)
            raise ConfigError(key, f"there is no program {str(path)!r}. It is looked for from {str(directory)!r}.")
        return str(path)
    if not (found := shutil.which(how)):
        raise ConfigError(
            key, f"there is no command {how!r} on the PATH. Name a Python as python3.13, or by its path, as "
            ".venvs/py313/bin/python."
        )  # fmt: skip
    return os.path.abspath(found)  # noqa: PTH100 (Path.resolve would follow the link out of a venv)


def _path(text: str, key: str, directory: Path) -> Path:
    try:
        path = directory / Path(text).expanduser()
    except RuntimeError as error:
        raise ConfigError(key, f"{text!r} begins with a home that nobody has here.") from error
    return Path(os.path.abspath(path))  # noqa: PTH100 (as above)


def _of_conda(name: str, file: Path) -> str:
    """The Python of the conda environment that `make interpreter` made of the file, as the file is now."""
    key = f"interpreters.{name}.conda"
    environment = MADE_HERE / name
    try:
        wanted = file.read_bytes()
    except (OSError, ValueError) as error:
        raise ConfigError(key, f"there is no file {str(file)!r} that can be read.") from error
    with suppress(OSError):
        if (environment / MADE_OF).read_bytes() == wanted:
            return str(environment / "bin" / "python")
    if not any(map(shutil.which, CONDAS)):
        raise ConfigError(
            key, f"its environment is not made yet, and none of {', '.join(CONDAS)} is on the PATH to make it with. "
            "Install one of them, or name a Python instead."
        )  # fmt: skip
    raise ConfigError(
        key, f"its environment is not made yet, or the file has changed since. Make it: make interpreter NAME={name} "
        f"CONDA={file}"
    )  # fmt: skip
