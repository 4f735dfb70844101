"""A file of a finished run is damaged: the same command heals it, or says which file and what to do, which heals it."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from running import PATIENCE, TINY, Workflow

from handoff.mistakes import HandoffError
from handoff.results import read_results

pytestmark = [pytest.mark.slow, pytest.mark.timeout(6 * PATIENCE)]

Damage = Callable[[bytes], bytes]

PAYLOAD = "payloads/array-64KiB.npy"
NEXT = "timings/array/inline/block~3.csv"
"""A job of a block that is not measured yet: it reads the payload."""


def cut(content: bytes) -> bytes:
    return content[:-100]


def emptied(_: bytes) -> bytes:
    return b""


def garbage(_: bytes) -> bytes:
    return b"\x00\xffgarbage"


def one_byte(content: bytes) -> bytes:
    """As long as before, and whoever reads it would not notice."""
    return content[:-1] + bytes([content[-1] ^ 1])


def a_digit(content: bytes) -> bytes:
    """Of the first time that a block's first line, its own record, tells."""
    head, mark, rest = content.partition(b'"start_s": 0.')
    assert mark
    return head + mark + (b"9" if rest[:1] != b"9" else b"8") + rest[1:]


@pytest.fixture(scope="module")
def flow(tmp_path_factory: pytest.TempPathFactory) -> Workflow:
    """A run that went the whole way once. Whoever changes it takes a copy."""
    flow = Workflow(tmp_path_factory.mktemp("run"), TINY)
    flow.start()
    return flow


@pytest.fixture
def copy(flow: Workflow, tmp_path: Path) -> Workflow:
    shutil.copytree(flow.folder, tmp_path / "run", copy_function=shutil.copy2)
    return Workflow(tmp_path / "run", TINY)


def damage(flow: Workflow, file: str, how: Damage) -> Path:
    path = flow.run / file
    path.write_bytes(how(path.read_bytes()))
    return path


def told(flow: Workflow, file: str, *targets: str) -> str:
    """What a start that cannot do its work says about the file, in one line without a traceback."""
    ended = flow.attempt(*(f"results/tiny/{target}" for target in targets))
    assert ended.returncode != 0
    assert "Traceback" not in ended.stdout
    lines = [line for line in ended.stdout.splitlines() if f"results/tiny/{file}: " in line]
    # Several steps read the same file. What a step of the rules says also stands in its log.
    assert len({line.partition("results/tiny/")[2] for line in lines}) == 1
    return lines[0]


def check_whole(flow: Workflow, whole: Workflow) -> None:
    """All is there that a run leaves, its tables can be read, and nothing is left to do."""
    assert "Nothing to be done" in flow.start()
    files = [path.relative_to(whole.run).as_posix() for path in whole.run.rglob("*.*") if "campaigns" not in path.parts]
    kept = [file for file in files if not file.startswith(("logs/", ".", "progress"))]
    assert [file for file in kept if not (flow.run / file).is_file()] == []
    try:
        found = read_results(flow.run)
    except HandoffError as error:
        pytest.fail(str(error))
    assert {row["status"] for row in found.rows.values()} == {"ok", "unsupported"}
    assert len(flow.timings) >= len(flow.invocations) == len(whole.invocations)


def test_damaged_blocks_are_measured_again_without_a_word_of_the_user(copy: Workflow, flow: Workflow) -> None:
    blocks = {
        "timings/array/threads-reference/block~1.csv": cut,
        "timings/objects/inline/block~1.csv": emptied,
        "timings/objects/pool_spawn-pickle/block~2.csv": a_digit,
    }
    for file, how in blocks.items():
        damage(copy, file, how)
    before = copy.written()
    printed = copy.start()
    for file in blocks:
        assert f"measured again, whole, because results/tiny/{file}: " in printed
    changed = {file for file, at in copy.written().items() if at != before[file]}
    assert {(file.split("/")[1], Path(file).stem) for file in changed} == {
        ("array", "block~1"), ("objects", "block~1"), ("objects", "block~2")
    }  # fmt: skip
    check_whole(copy, flow)


def test_a_damaged_file_is_named_and_made_anew_once_it_is_deleted(copy: Workflow, flow: Workflow) -> None:
    before = copy.written()
    # What others are made from comes last: whoever makes it anew makes those anew, too.
    for file, how in (
        ("health.json", garbage), ("recommendations.json", emptied), ("figures/phases.svg", cut),
        ("effort.json", garbage), ("plan.json", garbage), ("timings.csv", cut),
    ):  # fmt: skip
        path = damage(copy, file, how)
        assert "Delete it and run the same command again: it is made anew." in told(copy, file)
        path.unlink()
        copy.start(f"results/tiny/{file}")
        assert path.is_file()
    copy.start()
    assert copy.written() == before, "nothing was measured again"
    check_whole(copy, flow)


def test_a_damaged_payload_is_never_measured(copy: Workflow) -> None:
    copy.config["blocks"] = 3
    for file, how in (
        (PAYLOAD, cut), (PAYLOAD, emptied), (PAYLOAD, one_byte), (f"{PAYLOAD}.digest.json", garbage),
    ):  # fmt: skip
        path = damage(copy, file, how)
        said = told(copy, file, NEXT)
        assert f"Delete results/tiny/{file} and run the same command again: it will be made anew." in said
        assert not (copy.run / NEXT).exists()
        path.unlink()
        copy.start(f"results/tiny/{NEXT}")
        (copy.run / NEXT).unlink()
    before = copy.written()
    copy.start()
    after = copy.written()
    assert {file for file in after if after[file] != before.get(file)} == {file for file in after if "block~3" in file}
    assert {row["status"] for row in copy.timings} == {"ok", "unsupported"}
