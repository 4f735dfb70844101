"""Handoff inside another workflow: as a module, from a folder of one's own, and as snakedeploy deploys it.

Nothing here needs a network. Where a hosted repository is wanted, git is told that its address is a folder.
"""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from running import PATIENCE, ROOT, TINY, environment

from handoff.records import INVOCATIONS, TIMINGS, read_table

pytestmark = [pytest.mark.slow, pytest.mark.timeout(3 * PATIENCE)]

SMALL = TINY | {"blocks": 1, "scenarios": TINY["scenarios"][:1]}
JOBS = 7
"""Three strategies, two sentinels, two floors."""

AS_A_MODULE = """
configfile: "mine.yaml"


module handoff:
    snakefile:
        "{root}/workflow/Snakefile"
    config:
        config["handoff"]


use rule * from handoff as handoff_*


rule tell:
    default_target: True
    input:
        rules.handoff_all.input,
        answers="results/tiny/recommendations.csv",
    output:
        "told.csv",
    shell:
        "cp {{input.answers}} {{output}}"
"""

WITH_HANDLERS = """

onstart:
    handoff.onstart()


onsuccess:
    handoff.onsuccess()
"""


def snakemake(folder: Path, *options: str, **variables: str) -> str:
    """Start the workflow that lies in that folder, as a user does; what it printed."""
    ended = attempt([sys.executable, "-m", "snakemake", "--cores", "2", *options], folder, **variables)
    assert ended.returncode == 0, ended.stdout
    return ended.stdout


def attempt(command: list[str], folder: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    # A job's `python` is the one of these tests, as it is for who activated an environment.
    path = f"{Path(sys.executable).parent}:{os.environ.get('PATH', os.defpath)}"
    return subprocess.run(
        command, cwd=folder, env=environment() | {"PATH": path} | variables, text=True, check=False,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=PATIENCE,
    )  # fmt: skip


def assert_measured(run: Path) -> dict[str, int]:
    """The run went the whole way; its jobs' files and when each was written."""
    assert (run / "report.html").is_file()
    assert len(read_table(run / "invocations.csv", INVOCATIONS)) == JOBS
    assert {row["status"] for row in read_table(run / "timings.csv", TIMINGS)} == {"ok"}
    return {str(file): file.stat().st_mtime_ns for file in (run / "timings").rglob("block~*.csv")}


def assert_goes_on(folder: Path, before: dict[str, int], **variables: str) -> None:
    """The same command again measures nothing."""
    assert "Nothing to be done" in snakemake(folder, **variables)
    assert assert_measured(folder / "results" / "tiny") == before


@pytest.mark.parametrize("handlers", [False, True], ids=["without its handlers", "with its handlers"])
def test_as_a_module_under_other_names(tmp_path: Path, handlers: bool) -> None:
    text = AS_A_MODULE.format(root=ROOT) + (WITH_HANDLERS if handlers else "")
    (tmp_path / "Snakefile").write_text(text, encoding="utf-8")
    (tmp_path / "mine.yaml").write_text(yaml.safe_dump({"own": 1, "handoff": SMALL}), encoding="utf-8")
    said = snakemake(tmp_path)
    assert (f"{JOBS} of {JOBS} measuring jobs to do" in said) == handlers
    before = assert_measured(tmp_path / "results" / "tiny")
    assert (tmp_path / "told.csv").read_bytes() == (tmp_path / "results" / "tiny" / "recommendations.csv").read_bytes()
    assert_goes_on(tmp_path, before)


def test_from_another_folder(tmp_path: Path) -> None:
    """Nothing is written beside the program, and both names of the Snakefile are the same workflow."""
    (tmp_path / "mine.yaml").write_text(yaml.safe_dump(SMALL), encoding="utf-8")
    folder = tmp_path / "one" / "two"
    folder.mkdir(parents=True)
    where = ["--configfile", str(tmp_path / "mine.yaml"), "--directory", str(folder)]
    snakemake(tmp_path, "-s", str(ROOT / "Snakefile"), *where)
    assert_measured(folder / "results" / "tiny")
    assert "Nothing to be done" in snakemake(tmp_path, "-s", str(ROOT / "workflow" / "Snakefile"), *where)
    assert {path.name for path in tmp_path.iterdir()} == {"mine.yaml", "one"}


# As snakedeploy deploys it.

OWNER = "someone"


@pytest.fixture
def hosted(tmp_path: Path) -> dict[str, str]:
    """Variables with which git and Snakemake find this repository at github.com/someone/handoff, tagged v1."""
    bare = tmp_path / "hosted" / OWNER / "handoff"
    here = ["git", "-c", "user.name=test", "-c", "user.email=test@localhost"]
    if attempt([*here, "-C", str(ROOT), "rev-parse"], tmp_path).returncode:
        pytest.skip("this is no working copy of git, so there is nothing to deploy from")
    # What is in the working copy now, committed or not: a test of the last commit would test the wrong thing.
    copy = tmp_path / "copy"
    listed = subprocess.run(
        ["git", "-C", str(ROOT), "ls-files", "--cached", "--others", "--exclude-standard", "-z"],
        capture_output=True, check=True, timeout=60,
    ).stdout  # fmt: skip
    for name in filter(None, listed.decode().split("\0")):
        if (ROOT / name).is_file() and not name.startswith("results/"):
            (copy / name).parent.mkdir(parents=True, exist_ok=True)
            (copy / name).write_bytes((ROOT / name).read_bytes())
    for command in (
        ["init", "--quiet", "--initial-branch=main"], ["add", "--all"], ["commit", "--quiet", "-m", "all"],
        ["tag", "v1"], ["clone", "--quiet", "--bare", ".", str(bare)],
    ):  # fmt: skip
        ended = attempt([*here, *command], copy)
        assert ended.returncode == 0, ended.stdout
    return {
        "GIT_CONFIG_COUNT": "1", "GIT_CONFIG_KEY_0": f"url.file://{bare.parents[1]}/.insteadOf",
        "GIT_CONFIG_VALUE_0": "https://github.com/", "XDG_CACHE_HOME": str(tmp_path / "cache"),
    }  # fmt: skip


def snakedeploy() -> list[str]:
    """Its command, in the environment of these tests or in the folder that SNAKEDEPLOY names."""
    if folder := os.environ.get("SNAKEDEPLOY"):
        code = f"import sys; sys.path.insert(0, {folder!r}); from snakedeploy.client import main; main()"
        return [sys.executable, "-c", code]
    if importlib.util.find_spec("snakedeploy") is None:
        pytest.skip("snakedeploy is not installed; SNAKEDEPLOY may name a folder that has it (pip install --target)")
    return [sys.executable, "-m", "snakedeploy.client"]


def test_deployed_by_snakedeploy(tmp_path: Path, hosted: dict[str, str]) -> None:
    mine = tmp_path / "mine"
    command = [*snakedeploy(), "deploy-workflow", f"https://github.com/{OWNER}/handoff", str(mine), "--tag", "v1"]
    ended = attempt(command, tmp_path, **hosted)
    assert ended.returncode == 0, ended.stdout
    (mine / "config" / "config.yaml").write_text(yaml.safe_dump(SMALL), encoding="utf-8")
    snakemake(mine, **hosted)
    before = assert_measured(mine / "results" / "tiny")
    assert_goes_on(mine, before, **hosted)


@pytest.mark.parametrize("way", ["github", "git+file"])
def test_a_version_of_a_repository_as_a_module(way: str, tmp_path: Path, hosted: dict[str, str]) -> None:
    """What snakedeploy writes, by hand; and the same of a repository on this machine."""
    mine = tmp_path / "mine"
    mine.mkdir()
    where = {
        "github": f'github("{OWNER}/handoff", path="workflow/Snakefile", tag="v1")',
        "git+file": f'"git+file://{tmp_path / "copy"}/workflow/Snakefile@v1"',
    }
    text = AS_A_MODULE.format(root="ROOT").replace('"ROOT/workflow/Snakefile"', where[way])
    (mine / "Snakefile").write_text(text, encoding="utf-8")
    (mine / "mine.yaml").write_text(yaml.safe_dump({"handoff": SMALL}), encoding="utf-8")
    snakemake(mine, "results/tiny/plan.json", **hosted)
    assert (mine / "results" / "tiny" / "plan.json").is_file()
    (house,) = (mine / ".snakemake" / "handoff").iterdir()
    assert (house / "scripts" / "handoff" / "blocks.py").is_file()
