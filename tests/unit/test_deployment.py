"""What others deploy from: the definition of a container, and the file of the workflow catalog."""

from __future__ import annotations

import re
from pathlib import Path

import yaml

ROOT = Path(__file__).parents[2]
DEFINITION = (ROOT / "envs" / "handoff.def").read_text(encoding="utf-8")


def sections() -> dict[str, str]:
    """The definition's header as '', and each %section, without comments."""
    text = re.sub(r"^\s*#.*\n", "", DEFINITION, flags=re.MULTILINE)
    header, *parts = re.split(r"^%(\w+)\n", text, flags=re.MULTILINE)
    return {"": header} | dict(zip(parts[::2], parts[1::2], strict=True))


def conda_python() -> str:
    environment = yaml.safe_load((ROOT / "envs" / "handoff.yaml").read_text(encoding="utf-8"))
    return next(line.removeprefix("python =") for line in environment["dependencies"] if line.startswith("python ="))


def test_the_container_has_the_python_of_the_conda_environment() -> None:
    keys = dict(line.split(": ") for line in sections()[""].split("\n") if line)
    assert keys == {"Bootstrap": "docker", "From": f"python:{conda_python()}-slim"}


def test_the_container_has_the_lock_and_nothing_else() -> None:
    source, place = sections()["files"].split()
    assert (ROOT / source).is_file()
    assert source == "envs/requirements.lock"
    installed = [line.strip() for line in sections()["post"].splitlines() if line.strip()]
    assert installed == [f"python -m pip install --no-cache-dir --require-hashes --requirement {place}"]
    assert not re.search(r"==|>=|\d+\.\d+\.\d+", "".join(sections().values()))


def test_the_container_is_tested_with_packages_that_the_lock_has() -> None:
    lock = (ROOT / "envs" / "requirements.lock").read_text(encoding="utf-8")
    names = re.search(r"import (.+)'", sections()["test"])
    assert names
    assert all(re.search(rf"^{name.strip()}==", lock, flags=re.MULTILINE) for name in names[1].split(","))


def test_the_catalog_finds_what_it_asks_for() -> None:
    """The documented keys alone: a misspelt one would be ignored in silence."""
    usage = yaml.safe_load((ROOT / ".snakemake-workflow-catalog.yml").read_text(encoding="utf-8"))["usage"]
    assert usage.keys() <= {"mandatory-flags", "software-stack-deployment"}
    deployment = usage["software-stack-deployment"]
    assert deployment.keys() == {"conda", "apptainer", "apptainer+conda", "report"}
    assert all(isinstance(value, bool) for value in deployment.values())
    for file in ("workflow/Snakefile", "workflow/schemas/config.schema.yaml", "config/README.md", "LICENSE"):
        assert (ROOT / file).is_file(), file
    readme = (ROOT / "README.md").read_text(encoding="utf-8").lower()
    assert "snakemake" in readme
    assert "workflow" in readme


def test_the_catalog_says_conda_and_every_rule_has_it() -> None:
    rules = re.split(r"^rule (\w+):", (ROOT / "Snakefile").read_text(encoding="utf-8"), flags=re.MULTILINE)[1:]
    steps = {name: text for name, text in zip(rules[::2], rules[1::2], strict=True) if "shell:" in text}
    assert steps
    assert [name for name, text in steps.items() if 'conda:\n        "envs/handoff.yaml"' not in text] == []


def test_the_catalog_says_no_apptainer_and_no_rule_has_it() -> None:
    assert "container:" not in (ROOT / "Snakefile").read_text(encoding="utf-8")
