"""The house keeps its own rules: floors, imports, environments that agree, a drawing that is true."""

from __future__ import annotations

import ast
import itertools
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from packaging.markers import default_environment
from packaging.requirements import Requirement

from handoff import strategies

ROOT = Path(__file__).parents[2]
ENVS = ROOT / "envs"
CONDA_NAMES = {"python-lmdb": "lmdb", "redis-py": "redis"}
"""Names of packages in conda-forge that differ from those in a lock."""

MODULES = {"dask": "distributed", "zenoh": "eclipse-zenoh", "zmq": "pyzmq"}
"""Packages that are not called as the module that they bring, or bring another one along (distributed needs dask)."""

SUPPORTED = ("3.11", "3.12", "3.13", "3.14")

FOR_THE_SNAKEFILE = {
    "handoff.blocks", "handoff.configuration", "handoff.figures", "handoff.mistakes", "handoff.scenarios",
    "handoff.schedule",
}  # fmt: skip
"""What it may import of ours: enough to make the plan, name its figures and say what is wrong with it."""


def in_root(*command: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *command], cwd=ROOT, env=os.environ | environment, text=True, capture_output=True, check=False
    )


def locked(name: str) -> list[Requirement]:
    """The lines of a lock file, without their hashes."""
    text = (ENVS / f"{name}.lock").read_text(encoding="utf-8")
    return [Requirement(line.rstrip("\\ ")) for line in text.splitlines() if re.match(r"\w", line)]


def versions(name: str, python: str) -> dict[str, str]:
    """Package -> version that a lock gives that Python on Linux."""
    environment = dict(default_environment()) | {
        "python_version": python, "python_full_version": f"{python}.0", "platform_machine": "x86_64",
        "platform_python_implementation": "CPython", "sys_platform": "linux",
    }  # fmt: skip
    chosen = [line for line in locked(name) if line.marker is None or line.marker.evaluate(environment)]
    assert len({line.name for line in chosen}) == len(chosen), "a package has two versions"
    return {line.name.lower(): str(line.specifier).removeprefix("==") for line in chosen}


def asked_for(name: str) -> list[Requirement]:
    lines = (ENVS / f"{name}.in").read_text(encoding="utf-8").splitlines()
    return [Requirement(line) for line in lines if re.match(r"\w", line)]


# Floors and imports.


def test_every_room_knows_only_the_rooms_below_it() -> None:
    code = "import sys; from importlinter.cli import lint_imports; sys.exit(lint_imports(no_cache=True, no_logo=True))"
    ended = in_root("-c", code, PYTHONPATH="scripts")
    assert ended.returncode == 0, ended.stdout


def snakefile_imports() -> set[str]:
    """Modules that the Snakefile imports, by their full names."""
    text = (ROOT / "Snakefile").read_text(encoding="utf-8")
    # A Snakefile is not Python as a whole; its import statements are, up to a closing bracket.
    found = re.findall(r"^(?:import|from) [^(\n]*(?:\([^)]*\))?", text, flags=re.MULTILINE)
    modules: set[str] = set()
    for node in ast.walk(ast.parse("\n".join(found))):
        if isinstance(node, ast.Import):
            modules |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module == "handoff":
            modules |= {f"handoff.{alias.name}" for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            modules.add(str(node.module))
    return modules


def test_the_snakefile_imports_the_plan_snakemake_and_the_standard_library_alone() -> None:
    imported = snakefile_imports()
    others = {name for name in imported if name.partition(".")[0] not in sys.stdlib_module_names}
    assert "handoff.scenarios" in others or "handoff.blocks" in others
    assert {name for name in others if not name.startswith("snakemake.")} <= FOR_THE_SNAKEFILE


def test_the_snakefile_loads_no_numpy() -> None:
    """Each start of the workflow would pay for it, and on a cluster each job."""
    ours = ", ".join(sorted(name for name in snakefile_imports() if name.startswith("handoff")))
    code = f"import sys, {ours}; print({{'numpy', 'pandas', 'pyarrow', 'matplotlib'}} & set(sys.modules))"
    ended = in_root("-c", code, PYTHONPATH="scripts")
    assert ended.stdout.strip() == "set()", ended.stderr


# Environments.

LOCKS = ("requirements", "development", "peers", "cluster", "projection")


@pytest.mark.parametrize("python", SUPPORTED)
def test_the_locks_agree(python: str) -> None:
    run, development, peers, cluster, projection = (versions(name, python) for name in LOCKS)
    assert run.items() <= development.items()
    assert projection.items() <= development.items()
    assert run.items() <= peers.items()
    assert run.items() <= cluster.items()
    # One .venv may hold all.
    for one, other in itertools.combinations((development, peers, cluster), 2):
        assert {name: one[name] for name in one.keys() & other} == {name: other[name] for name in one.keys() & other}


@pytest.mark.parametrize("python", SUPPORTED)
@pytest.mark.parametrize("name", LOCKS)
def test_a_lock_holds_what_is_asked_for(name: str, python: str) -> None:
    found = versions(name, python)
    for line in asked_for(name):
        assert line.specifier.contains(found[line.name.lower()]), line


@pytest.mark.parametrize("name", LOCKS)
def test_a_lock_has_a_hash_for_every_line_and_names_no_index(name: str) -> None:
    text = (ENVS / f"{name}.lock").read_text(encoding="utf-8")
    entries = re.split(r"^(?=\w)", text, flags=re.MULTILINE)
    assert all("--hash=sha256:" in entry for entry in entries if entry.strip())
    assert "://" not in text
    assert "--index-url" not in text


def test_the_conda_environment_is_the_lock_of_its_python() -> None:
    environment = yaml.safe_load((ENVS / "handoff.yaml").read_text(encoding="utf-8"))
    pinned = dict(line.split(" =") for line in environment["dependencies"])
    locked_versions = versions("requirements", pinned.pop("python"))
    direct = {line.name.lower() for line in asked_for("requirements")} - {"snakemake"}
    assert pinned == {name: locked_versions[name] for name in direct}
    assert environment["channels"] == ["conda-forge", "nodefaults"]


def test_the_conda_environment_of_the_optional_strategies_adds_their_packages() -> None:
    base, peers = (yaml.safe_load((ENVS / f"{name}.yaml").read_text(encoding="utf-8")) for name in ("handoff", "peers"))
    *conda, by_pip = peers["dependencies"]
    added = [line for line in conda if line not in base["dependencies"]]
    assert set(base["dependencies"]) <= set(conda)
    assert peers["channels"] == base["channels"]
    python = next(line.removeprefix("python =") for line in conda if line.startswith("python ="))
    pinned = dict(line.split(" =") for line in added if line != "redis-server") | dict(
        line.split("==") for line in by_pip["pip"]
    )
    renamed = {CONDA_NAMES.get(name, name): version for name, version in pinned.items()}
    locked_versions = versions("peers", python)
    assert renamed == {line.name: locked_versions[line.name] for line in asked_for("peers")}


def test_every_optional_package_can_be_installed() -> None:
    """What a strategy needs is in one of the lists, but for what peers.in leaves to the user."""
    provided = {line.name for name in ("requirements", "peers") for line in asked_for(name)}
    needed = {module for strategy in strategies.TABLE for module in strategy.needs}
    assert {MODULES.get(module, module) for module in needed} - provided == {"torch"}


# What is made from the workflow.


def test_the_drawing_shows_the_rules_as_they_are(tmp_path: Path) -> None:
    ended = in_root("scripts/draw_rulegraph.py", "--out", str(tmp_path / "now.svg"))
    assert ended.returncode == 0, ended.stderr

    def edges(svg: Path) -> list[str]:
        return re.findall(r"(\w+ -&gt; \w+)", svg.read_text(encoding="utf-8"))

    now, drawn = edges(tmp_path / "now.svg"), edges(ROOT / "docs" / "rulegraph.svg")
    assert now
    assert drawn == now, "docs/rulegraph.svg is out of date: make docs"


# Commands.


def test_make_alone_lists_every_command() -> None:
    text = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z-]+):", text, flags=re.MULTILINE)) - {
        "set-up-run",
        "set-up-development",
        "set-up-peers",
        "set-up-cluster",
    }
    # The option matters below `make test` alone: a make inside a make says which directory it enters.
    listed = subprocess.run(
        ["make", "--no-print-directory"], cwd=ROOT, text=True, capture_output=True, check=True
    ).stdout
    assert {line.split()[1] for line in listed.splitlines()} == targets


def test_every_command_is_phony() -> None:
    """A file named `report` or `test` must not stop `make report`."""
    text = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z-]+):", text, flags=re.MULTILINE))
    phony = re.search(r"^\.PHONY: (.*)$", text, flags=re.MULTILINE)
    assert phony is not None
    assert set(phony[1].split()) == targets
