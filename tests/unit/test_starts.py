"""What a start of the workflow prints, and how it ends."""

from __future__ import annotations

import sys

import pytest

from handoff.starts import start

PROGRAM = "import sys; print('Building DAG of jobs...'); print('1/2'); print('an error', file=sys.stderr); sys.exit({})"


def command(code: int) -> list[str]:
    return [sys.executable, "-c", PROGRAM.format(code)]


def test_what_says_nothing_is_left_out(capfd: pytest.CaptureFixture[str]) -> None:
    assert start(command(0)) == 0
    assert sorted(capfd.readouterr().out.splitlines()) == ["1/2", "an error"]


@pytest.mark.parametrize("code, lines", [(0, []), (3, ["1/2", "an error"])])
def test_a_quiet_one_is_heard_if_it_fails(capfd: pytest.CaptureFixture[str], code: int, lines: list[str]) -> None:
    assert start(command(code), heard=False) == code
    found = capfd.readouterr()
    assert found.out == ""
    assert sorted(found.err.splitlines()) == lines
