"""Setting up: the right Python is found, .venv is whole or made anew, and what stands in the way is said in words."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from set_up import failure

ROOT = Path(__file__).parents[2]
FIND = "scripts/find_python.sh"
SET_UP = "scripts/set_up.py"
NO_INDEX = {"PIP_INDEX_URL": "http://127.0.0.1:9/", "PIP_EXTRA_INDEX_URL": "", "PIP_NO_INDEX": "0",
            "PIP_FIND_LINKS": "", "PIP_CONFIG_FILE": os.devnull, "PIP_RETRIES": "1"}  # fmt: skip


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """The files of a clone that set-up uses, in a folder with a space in its name; its locks ask for nothing."""
    root = tmp_path / "a clone"
    for file in ("Makefile", FIND, SET_UP):
        (root / file).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / file, root / file)
    (root / "envs").mkdir()
    for name in ("requirements", "development", "peers", "cluster"):
        (root / "envs" / f"{name}.lock").write_text("# nothing\n", encoding="utf-8")
    return root


def call(root: Path, *command: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command, cwd=root, env=os.environ | environment, text=True, capture_output=True, timeout=100, check=False
    )


def set_up(root: Path, what: str = "run", **environment: str) -> subprocess.CompletedProcess[str]:
    return call(root, sys._base_executable, SET_UP, what, **environment)  # type: ignore[attr-defined]


def stamps(root: Path) -> list[str]:
    return sorted(path.name.partition("-")[0] for pattern in (".run-*", ".development-*", ".peers-*")
                  for path in (root / ".venv").glob(pattern))  # fmt: skip


# Which Python.


@pytest.fixture
def make_python(tmp_path: Path) -> Callable[[str, str], Path]:
    """Writes a program of that name that behaves as a Python; returns the folder it is in."""

    def write(name: str, script: str) -> Path:
        folder = tmp_path / "bin"
        folder.mkdir(exist_ok=True)
        (folder / name).write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
        (folder / name).chmod(0o755)
        return folder

    return write


def path_with_sh_alone(tmp_path: Path) -> Path:
    folder = tmp_path / "tools"
    folder.mkdir()
    (folder / "sh").symlink_to(shutil.which("sh") or "/bin/sh")
    return folder


def test_the_python_found_is_the_one_that_runs_by_its_full_path(
    tmp_path: Path, make_python: Callable[..., Path]
) -> None:
    folder = make_python("python3.14", "echo 'command not found' >&2; exit 127")
    ours = f"python3.{sys.version_info.minor}"
    make_python(ours, f'exec "{sys.executable}" "$@"')
    found = call(ROOT, "sh", str(ROOT / FIND), PATH=f"{path_with_sh_alone(tmp_path)}:{folder}")
    assert found.returncode == 0, found.stderr
    assert Path(found.stdout.strip()).samefile(sys._base_executable)  # type: ignore[attr-defined]


def test_a_plain_python3_will_do(tree: Path, tmp_path: Path, make_python: Callable[..., Path]) -> None:
    folder = make_python("python3", f'exec "{sys.executable}" "$@"')
    found = call(tree, "sh", FIND, PATH=f"{path_with_sh_alone(tmp_path)}:{folder}")
    assert found.returncode == 0, found.stderr


def test_no_python_is_one_sentence(tree: Path, tmp_path: Path, make_python: Callable[..., Path]) -> None:
    folder = make_python("python3.12", "exit 127")
    found = call(tree, "sh", FIND, PATH=f"{path_with_sh_alone(tmp_path)}:{folder}")
    assert found.returncode == 1
    assert found.stdout == ""
    assert found.stderr == (
        "Handoff needs CPython 3.11, 3.12, 3.13 or 3.14 with its modules venv and ensurepip, "
        "and none on the PATH runs (on Debian or Ubuntu: apt install python3 python3-venv).\n"
    )


def test_a_python_that_was_asked_for_and_will_not_do_is_named(tree: Path) -> None:
    found = call(tree, "sh", FIND, "python2")
    assert found.returncode == 1
    assert "PYTHON=python2 is not one that runs" in found.stderr


# The environment.


def test_set_up_once_and_say_how_long_it_took(tree: Path) -> None:
    first = set_up(tree)
    assert first.returncode == 0, first.stderr
    assert "set-up took" in first.stderr
    assert stamps(tree) == [".run"]
    second = set_up(tree)
    assert (second.returncode, second.stdout, second.stderr) == (0, "", "")
    # The environment for development is the same one with more in it.
    (tree / ".venv" / "kept").touch()
    assert set_up(tree, "development").returncode == 0
    assert stamps(tree) == [".development", ".run"]
    assert (tree / ".venv" / "kept").exists()
    # So is the one for the optional strategies, and it may be both.
    assert set_up(tree, "peers").returncode == 0
    assert stamps(tree) == [".development", ".peers", ".run"]
    assert (tree / ".venv" / "kept").exists()
    assert set_up(tree, "development").stderr == ""
    # A changed lock makes it anew.
    (tree / "envs" / "requirements.lock").write_text("# nothing else\n", encoding="utf-8")
    assert "set-up took" in set_up(tree).stderr
    assert stamps(tree) == [".run"]
    assert not (tree / ".venv" / "kept").exists()


def test_what_was_added_in_vain_leaves_no_environment_that_counts(tree: Path) -> None:
    assert set_up(tree).returncode == 0
    lock = tree / "envs" / "peers.lock"
    lock.write_text("numpy==2.0.0 --hash=sha256:" + 64 * "0" + "\n", encoding="utf-8")
    failed = set_up(tree, "peers", **NO_INDEX)
    assert failed.returncode == 1
    assert "the packages of envs/peers.lock are not installed" in failed.stderr
    assert stamps(tree) == []  # pip may have left half a package


def test_an_environment_that_moved_is_made_anew(tree: Path) -> None:
    assert set_up(tree).returncode == 0
    moved = tree.rename(tree.parent / "elsewhere")
    assert "set-up took" in set_up(moved).stderr


@pytest.mark.parametrize("after_s", [0.3, pytest.param(2.0, marks=pytest.mark.slow)])
def test_a_killed_set_up_is_repaired(tree: Path, after_s: float) -> None:
    started = subprocess.Popen(
        [sys._base_executable, SET_UP, "run"], cwd=tree, stderr=subprocess.DEVNULL, start_new_session=True  # type: ignore[attr-defined]
    )  # fmt: skip
    time.sleep(after_s)
    os.killpg(started.pid, signal.SIGKILL)
    started.wait()
    repaired = set_up(tree)
    assert repaired.returncode == 0, repaired.stderr
    assert stamps(tree) == [".run"]
    assert call(tree, ".venv/bin/python", "-m", "pip", "--version").returncode == 0


def test_two_at_once_set_up_once(tree: Path) -> None:
    command = [sys._base_executable, SET_UP, "run"]  # type: ignore[attr-defined]
    both = [subprocess.Popen(command, cwd=tree, stderr=subprocess.PIPE, text=True) for _ in range(2)]
    said = [one.communicate(timeout=100)[1] for one in both]
    assert [one.returncode for one in both] == [0, 0], said
    assert sum("set-up took" in text for text in said) == 1, said


def test_a_foreign_environment_is_left_alone(tree: Path) -> None:
    (tree / ".venv").mkdir()
    (tree / ".venv" / "mine").touch()
    refused = set_up(tree)
    assert refused.returncode == 1
    assert "was not made by Handoff" in refused.stderr
    assert (tree / ".venv" / "mine").exists()


# Another Python, to measure under.


def interpreter(root: Path, *options: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return call(root, sys._base_executable, SET_UP, "interpreter", *options, **environment)  # type: ignore[attr-defined]


def test_another_python_s_environment_stands_beside_ours(tree: Path) -> None:
    made = interpreter(tree, "py")
    assert made.returncode == 0, made.stderr
    assert "setting up .venvs/py with Python" in made.stderr
    assert made.stdout == "In a config: interpreters: {py: .venvs/py/bin/python}\n"
    assert call(tree, ".venvs/py/bin/python", "-c", "").returncode == 0
    assert not (tree / ".venv").exists()
    again = interpreter(tree, "py")
    assert (again.returncode, again.stderr) == (0, "")


@pytest.mark.parametrize("options", [[], ["again"], ["slow10"], ["../py"], ["Py"]])
def test_an_interpreter_needs_a_name_that_a_config_can_have(tree: Path, options: list[str]) -> None:
    refused = interpreter(tree, *options)
    assert refused.returncode == 2
    assert "Traceback" not in refused.stderr
    assert not (tree / ".venvs").exists()


def test_conda_makes_one_of_a_file_once_for_each_state_of_it(
    tree: Path, tmp_path: Path, make_python: Callable[[str, str], Path]
) -> None:
    file = tmp_path / "py.yaml"
    file.write_text("dependencies: [python =3.14]\n", encoding="utf-8")
    tools = path_with_sh_alone(tmp_path)
    assert "none of mamba, conda, micromamba is on the PATH" in interpreter(
        tree, "py", "--conda", str(file), PATH=str(tools)
    ).stderr  # fmt: skip
    log = tmp_path / "called"
    folder = make_python("conda", f'echo "$@" >> {log}; mkdir -p "$5/bin" && : > "$5/bin/python"')
    path = {"PATH": f"{folder}:{os.environ['PATH']}"}
    made = interpreter(tree, "py", "--conda", str(file), **path)
    assert made.returncode == 0, made.stderr
    assert made.stdout == f"In a config: interpreters: {{py: {{conda: {file}}}}}\n"
    wanted = f"env create --yes --prefix {tree}/.venvs/py --file {file}\n"
    assert log.read_text(encoding="utf-8") == wanted
    assert interpreter(tree, "py", "--conda", str(file), **path).returncode == 0
    assert log.read_text(encoding="utf-8") == wanted
    file.write_text("dependencies: [python =3.13]\n", encoding="utf-8")
    assert interpreter(tree, "py", "--conda", str(file), **path).returncode == 0
    assert log.read_text(encoding="utf-8") == 2 * wanted
    make_python("conda", "echo 'no such package' >&2; exit 1")
    file.write_text("dependencies: [python =3.99]\n", encoding="utf-8")
    failed = interpreter(tree, "py", "--conda", str(file), **path)
    assert failed.returncode == 1
    assert "no such package" in failed.stderr
    assert not (tree / ".venvs" / "py" / ".made-of.yaml").exists()


# What stands in the way.


def test_no_network_is_a_sentence_and_the_last_lines(tree: Path) -> None:
    lock = "numpy==2.0.0 --hash=sha256:" + 64 * "0" + "\n"
    (tree / "envs" / "requirements.lock").write_text(lock, encoding="utf-8")
    failed = set_up(tree, **NO_INDEX)
    assert failed.returncode == 1
    assert "the package index cannot be reached" in failed.stderr
    assert "Traceback" not in failed.stderr
    assert len(failed.stderr.splitlines()) < 10
    assert stamps(tree) == []


def test_a_package_that_the_index_lacks_is_not_called_a_network(tmp_path: Path) -> None:
    log = tmp_path / "install.log"
    log.write_text("Looking in indexes\n\nERROR: No matching distribution found for numpy==2.0.0\n", encoding="utf-8")
    text = str(failure(Path("envs/requirements.lock"), log))
    assert text == (
        f"the packages of envs/requirements.lock could not be installed. The last lines of {log}:\n"
        "    Looking in indexes\n    ERROR: No matching distribution found for numpy==2.0.0"
    )


def test_a_package_without_a_wheel_says_what_it_takes(tmp_path: Path) -> None:
    log = tmp_path / "install.log"
    log.write_text("Failed to build immutables\nerror: failed-wheel-build-for-install\n", encoding="utf-8")
    text = str(failure(Path("envs/requirements.lock"), log))
    assert "a C compiler and Python's headers" in text
    assert "PYTHON=python3.13" in text


# The real thing.


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    root = tmp_path_factory.mktemp("fresh") / "a clone"
    for folder in ("scripts", "envs"):
        shutil.copytree(ROOT / folder, root / folder, ignore=shutil.ignore_patterns("__pycache__", ".*_cache"))
    shutil.copy(ROOT / "Makefile", root / "Makefile")
    yield root
    shutil.rmtree(root)


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_make_sets_up_from_the_lock_with_an_empty_home(clone: Path, tmp_path: Path) -> None:
    made = subprocess.run(
        ["make", "-C", str(clone), "set-up-run"], cwd=tmp_path, env=os.environ | {"HOME": str(tmp_path)},
        text=True, capture_output=True, check=False,
    )  # fmt: skip
    assert made.returncode == 0, made.stderr
    assert "set-up took" in made.stderr
    version = call(clone, ".venv/bin/python", "-m", "snakemake", "--version")
    assert version.returncode == 0, version.stderr
    assert call(clone, ".venv/bin/python", "-m", "pip", "check").returncode == 0
