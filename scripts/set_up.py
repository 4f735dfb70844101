"""Makes .venv from a lock file; does nothing where that has been done.

    python scripts/set_up.py run            # what a run needs: envs/requirements.lock
    python scripts/set_up.py development    # and what the tests and checks need: envs/development.lock
    python scripts/set_up.py peers          # and what the optional strategies need: envs/peers.lock

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
from pathlib import Path

LOCKS = {
    "run": Path("envs/requirements.lock"),
    "development": Path("envs/development.lock"),
    "peers": Path("envs/peers.lock"),
}

NO_NETWORK = re.compile(
    r"connection broken by|Could not fetch URL|Could not install packages due to an OSError: HTTP|Connection refused"
    r"|name resolution|Name or service not known|unreachable|(Connect|Read)Timeout|ProxyError|SSLError"
)
"""What pip writes where it cannot reach an index."""


class SetUpError(Exception):
    """Why there is no environment, and what helps."""


def fingerprint(lock: Path, environment: Path) -> str:
    """What an environment depends on, in twelve hexadecimal digits: its lock, its Python and its place."""
    text = "\n".join((lock.read_text(encoding="utf-8"), sys.version, sys.base_prefix, str(environment.resolve())))
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def stamp(root: Path, what: str) -> Path:
    """The file that says: this environment holds all of that lock."""
    environment = root / ".venv"
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
    else:
        problem = f"the packages of {lock} could not be installed"
    return SetUpError(f"{problem}. The last lines of {log}:\n{last}")


def set_up(root: Path, what: str) -> float | None:
    """Makes root/.venv hold all of the lock, and nothing that an interrupted call left; returns the seconds it took.

    None: it was there already. An environment for a run becomes one for development, or for the optional strategies,
    or both, by adding to it, since the locks agree; a test holds them to it. Processes that call this at once wait
    for each other.

    Raises:
        SetUpError: what stands in the way: no index, a foreign .venv, a full disk.
    """
    environment, lock = root / ".venv", LOCKS[what]
    made_here = environment / ".made-by-handoff"
    (root / ".snakemake").mkdir(exist_ok=True)
    with (root / ".snakemake" / "set-up.lock").open("w") as turn:
        # The kernel frees this lock when its last holder ends, however it ends.
        try:
            fcntl.flock(turn, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            print("Handoff: waiting for another set-up of .venv ...", file=sys.stderr, flush=True)
            fcntl.flock(turn, fcntl.LOCK_EX)
        python = environment / "bin" / "python"
        finished = stamp(root, what)
        if finished.exists() and python.exists():
            return None
        if environment.exists() and any(environment.iterdir()) and not made_here.exists():
            raise SetUpError(
                f"{environment} exists and was not made by Handoff, which will not touch it. Move it away; "
                "or use an environment of your own: install envs/requirements.lock and run snakemake --cores all"
            )
        version = ".".join(map(str, sys.version_info[:3]))
        print(f"Handoff: setting up .venv with Python {version}, about a minute, once ...", file=sys.stderr, flush=True)
        start = time.monotonic()
        log = environment / "install.log"
        reusable = stamp(root, "run").exists() and python.exists()
        also = {stamp(root, other) for other in LOCKS if reusable and stamp(root, other).exists()}
        # From here until the end no stamp stands, so that whoever interrupts this leaves an unfinished environment.
        for old in [old for each in LOCKS for old in environment.glob(f".{each}-*")]:
            old.unlink()
        if not reusable:
            # pip takes a half-copied package for an installed one; only a new environment is surely whole.
            if environment.exists():
                shutil.rmtree(environment)
            environment.mkdir()
            made_here.touch()
        # -I: a PYTHONPATH must not make pip believe that a package is there.
        create = [sys.executable, "-I", "-m", "venv", str(environment)]
        install = [str(python), "-I", "-m", "pip", "install", "--no-input", "--disable-pip-version-check"]
        install += ["--require-hashes", "--requirement", str(root / lock)]
        with log.open("w", encoding="utf-8") as output:
            for command in ([] if reusable else [create]) + [install]:
                # pip holds the lock too: it may outlive this process, and must not be joined by a second one.
                held = (turn.fileno(),)
                ended = subprocess.run(command, stdout=output, stderr=subprocess.STDOUT, pass_fds=held, check=False)
                if ended.returncode != 0:
                    raise failure(lock, log)
        for done in {finished, stamp(root, "run"), *also}:
            done.touch()
        return time.monotonic() - start


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=sorted(LOCKS))
    try:
        took = set_up(Path(__file__).resolve().parent.parent, parser.parse_args().what)
    except (SetUpError, OSError) as error:
        print(f"Handoff: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("Handoff: set-up interrupted; the next call starts it anew.", file=sys.stderr)
        return 130
    if took is not None:
        print(f"Handoff: set-up took {took:.0f} s", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())
