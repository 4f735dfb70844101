"""Makes .venv from a lock file; does nothing where that has been done.

    python scripts/set_up.py run                        # what a run needs: envs/requirements.lock
    python scripts/set_up.py development                # and what the tests and checks need: envs/development.lock
    python scripts/set_up.py peers                      # and what the optional strategies need: envs/peers.lock
    python scripts/set_up.py cluster                    # and what the nodes of a cluster need: envs/cluster.lock
    python3.13 scripts/set_up.py interpreter py313      # .venvs/py313, of this Python, for a run's `interpreters`
    python scripts/set_up.py interpreter py313 --conda envs/py313.yaml      # the same by conda, of an environment file

A stamp, .venv/.run-<fingerprint>, is written last: an environment without the right one was left unfinished,
or its lock, its Python or its place has changed, and it is made anew. Standard library only: it runs before
anything is installed.
"""

from __future__ import annotations

import argparse
import fcntl
import hashlib
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

MADE_HERE = ".made-by-handoff"
"""In every environment that may be made anew."""

LOCKS = {
    "run": Path("envs/requirements.lock"),
    "development": Path("envs/development.lock"),
    "peers": Path("envs/peers.lock"),
    "cluster": Path("envs/cluster.lock"),
}

NAME = re.compile("(?!again$|slow[0-9]*$)[a-z][a-z0-9_]{0,11}")
"""What a run may call another Python, as workflow/schemas/config.schema.yaml has it."""

CONDAS = ("mamba", "conda", "micromamba")
MADE_OF = ".made-of.yaml"
"""In an environment of conda's: the file that it was made of, written last."""

NO_NETWORK = re.compile(
    r"connection broken by|Could not fetch URL|Could not install packages due to an OSError: HTTP|Connection refused"
    r"|name resolution|Name or service not known|unreachable|(Connect|Read)Timeout|ProxyError|SSLError"
)
"""What pip writes where it cannot reach an index."""


NO_WHEEL = re.compile(r"Failed to build |failed-wheel-build")
"""What pip writes where it had to compile a package and could not."""


class SetUpError(Exception):
    """Why there is no environment, and what helps."""


def fingerprint(lock: Path, environment: Path) -> str:
    """What an environment depends on, in twelve hexadecimal digits: its lock, its Python and its place."""
    text = "\n".join((lock.read_text(encoding="utf-8"), sys.version, sys.base_prefix, str(environment.resolve())))
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def stamp(root: Path, what: str, environment: Path) -> Path:
    """The file that says: this environment holds all of that lock."""
    return environment / f".{what}-{fingerprint(root / LOCKS[what], environment)}"


def failure(lock: Path, log: Path) -> SetUpError:
    """In words, with the end of the log of the command that failed."""
    text = log.read_text(encoding="utf-8", errors="replace")
    last = "\n".join(f"    {line[:160]}" for line in [line for line in text.splitlines() if line.strip()][-5:])
    if NO_NETWORK.search(text):
        problem = (
            f"the package index cannot be reached, so the packages of {lock} are not installed. Check the network, "
            "and the index and proxy that pip uses here (pip config list), then run the same command again"
        )
    elif NO_WHEEL.search(text):
        version = f"{sys.version_info.major}.{sys.version_info.minor}"
        problem = (
            f"a package of {lock} has no wheel for Python {version} and could not be built, which takes a C compiler "
            f"and Python's headers (on Debian or Ubuntu: apt install gcc libc6-dev python{version}-dev). Another "
            "Python may do without, as PYTHON=python3.13"
        )
    else:
        problem = f"the packages of {lock} could not be installed"
    return SetUpError(f"{problem}. The last lines of {log}:\n{last}")


@contextmanager
def _alone(root: Path) -> Iterator[int]:
    """Holds the lock of all set-ups of this project; gives its descriptor."""
    (root / ".snakemake").mkdir(exist_ok=True)
    with (root / ".snakemake" / "set-up.lock").open("w") as turn:
        # The kernel frees this lock when its last holder ends, however it ends.
        try:
            fcntl.flock(turn, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            print("Handoff: waiting for another set-up ...", file=sys.stderr, flush=True)
            fcntl.flock(turn, fcntl.LOCK_EX)
        yield turn.fileno()


def _may_be_made(environment: Path) -> None:
    """Raises SetUpError if something lies there that Handoff did not make."""
    if environment.exists() and any(environment.iterdir()) and not (environment / MADE_HERE).exists():
        raise SetUpError(
            f"{environment} exists and was not made by Handoff, which will not touch it. Move it away; "
            "or use an environment of your own: install envs/requirements.lock and run snakemake --cores all"
        )


def _renew(environment: Path) -> None:
    """An empty folder that is known as made here: pip takes a half-copied package for an installed one."""
    if environment.exists():
        shutil.rmtree(environment)
    environment.mkdir(parents=True)
    (environment / MADE_HERE).touch()


def set_up(root: Path, what: str, environment: Path) -> float | None:
    """Makes the environment hold all of the lock, and nothing that an interrupted call left; returns the seconds taken.

    None: it was there already. An environment for a run becomes one for development, or for the optional strategies,
    or both, by adding to it, since the locks agree; a test holds them to it. Processes that call this at once wait
    for each other.

    Raises:
        SetUpError: what stands in the way: no index, a foreign environment, a full disk.
    """
    lock = LOCKS[what]
    with _alone(root) as turn:
        python = environment / "bin" / "python"
        finished = stamp(root, what, environment)
        if finished.exists() and python.exists():
            return None
        _may_be_made(environment)
        version, place = ".".join(map(str, sys.version_info[:3])), environment.relative_to(root)
        print(
            f"Handoff: setting up {place} with Python {version}, about a minute, once ...", file=sys.stderr, flush=True
        )
        start = time.monotonic()
        log = environment / "install.log"
        reusable = stamp(root, "run", environment).exists() and python.exists()
        also = {stamp(root, each, environment) for each in LOCKS if reusable}
        also = {done for done in also if done.exists()}
        # From here until the end no stamp stands, so that whoever interrupts this leaves an unfinished environment.
        for old in [old for each in LOCKS for old in environment.glob(f".{each}-*")]:
            old.unlink()
        if not reusable:
            _renew(environment)
        # -I: a PYTHONPATH must not make pip believe that a package is there.
        create = [sys.executable, "-I", "-m", "venv", str(environment)]
        install = [str(python), "-I", "-m", "pip", "install", "--no-input", "--disable-pip-version-check"]
        install += ["--require-hashes", "--requirement", str(root / lock)]
        with log.open("w", encoding="utf-8") as output:
            for command in ([] if reusable else [create]) + [install]:
                # pip holds the lock too: it may outlive this process, and must not be joined by a second one.
                ended = subprocess.run(command, stdout=output, stderr=subprocess.STDOUT, pass_fds=(turn,), check=False)
                if ended.returncode != 0:
                    raise failure(lock, log)
        for done in {finished, stamp(root, "run", environment), *also}:
            done.touch()
        return time.monotonic() - start


def set_up_by_conda(root: Path, file: Path, environment: Path) -> float | None:
    """Makes the environment from a conda environment file; returns the seconds taken, None if it was there already.

    Raises:
        SetUpError: what stands in the way: no conda, a foreign environment, a file that conda refuses.
    """
    wanted = file.read_bytes()
    conda = next(filter(None, map(shutil.which, CONDAS)), None)
    if conda is None:
        raise SetUpError(f"none of {', '.join(CONDAS)} is on the PATH; install one of them, or name a PYTHON")
    with _alone(root) as turn:
        if (environment / MADE_OF).exists() and (environment / MADE_OF).read_bytes() == wanted:
            return None
        # Beside the environment: conda makes that folder itself. It also says whose a half-made one is.
        log = environment.with_suffix(".log")
        if not log.exists():
            _may_be_made(environment)
        print(f"Handoff: setting up {environment.relative_to(root)} with {conda} ...", file=sys.stderr, flush=True)
        start = time.monotonic()
        if environment.exists():
            shutil.rmtree(environment)
        environment.parent.mkdir(exist_ok=True)
        command = [conda, "env", "create", "--yes", "--prefix", str(environment), "--file", str(file)]
        with log.open("w", encoding="utf-8") as output:
            ended = subprocess.run(command, stdout=output, stderr=subprocess.STDOUT, pass_fds=(turn,), check=False)
        if environment.is_dir():
            (environment / MADE_HERE).touch()
        if ended.returncode != 0 or not (environment / "bin" / "python").exists():
            raise failure(file, log)
        (environment / MADE_OF).write_bytes(wanted)
        return time.monotonic() - start


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=[*sorted(LOCKS), "interpreter"])
    parser.add_argument("name", nargs="?", default="", help="what the config calls the interpreter")
    parser.add_argument("--conda", type=Path, help="make it of this environment file")
    given = parser.parse_args()
    if (given.what == "interpreter") != bool(given.name):
        parser.error(
            "an interpreter has a name, and nothing else has one: make interpreter NAME=py313 PYTHON=python3.13"
        )
    if given.name and not NAME.fullmatch(given.name):
        parser.error(f"{given.name!r} cannot name an interpreter: up to 12 small letters, digits and '_', as py313")
    return given


def main() -> int:
    given = arguments()
    root = Path(__file__).resolve().parent.parent
    environment = root / ".venvs" / given.name if given.name else root / ".venv"
    try:
        if given.conda:
            took = set_up_by_conda(root, given.conda, environment)
        else:
            took = set_up(root, "run" if given.name else given.what, environment)
    except (SetUpError, OSError) as error:
        print(f"Handoff: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("Handoff: set-up interrupted; the next call starts it anew.", file=sys.stderr)
        return 130
    if took is not None:
        print(f"Handoff: set-up took {took:.0f} s", file=sys.stderr)
    if given.name:
        how = f"{{conda: {given.conda}}}" if given.conda else f".venvs/{given.name}/bin/python"
        print(f"In a config: interpreters: {{{given.name}: {how}}}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
