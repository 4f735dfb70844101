"""Several invented runs in one page: what is said about them, what is drawn, and what cannot become markup."""

from __future__ import annotations

import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree

import pytest
from invented_times import ARENA, REFERENCE, THREADS, plan_of, scenario_of
from test_comparison import MACHINE, SCENARIO, run_script, usual, write

from handoff.report.comparison import Several, facts, page, text_of, told, told_elsewhere
from handoff.results import CannotCompare, read_results

OTHER = {**MACHINE, "hardware": {**MACHINE["hardware"], "processor": "Other <CPU>"}}  # type: ignore[dict-item]
NEWER = {**MACHINE, "packages": {"numpy": "2.5.0", "pandas": "3.1.0"}}
HOSTILE = "_a & <script>alert(1)<b>"


class Seen(HTMLParser):
    """The elements of a page, its text, and its attributes' values."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.ids: list[str] = []
        self.addresses: list[str] = []
        self.parts: list[str] = []
        self.feed(html)
        self.said = " ".join(" ".join(self.parts).split())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        for name, value in attrs:
            if name == "id":
                self.ids.append(str(value))
            if name.endswith(("href", "src")):
                self.addresses.append(str(value))

    def handle_data(self, data: str) -> None:
        self.parts.append(data)


@pytest.fixture
def laptop(tmp_path: Path) -> Path:
    return write(tmp_path / "laptop", usual())


@pytest.fixture
def server(tmp_path: Path) -> Path:
    """Another machine, three times as fast, on which threads are slow."""
    times = usual(inline=0.3, threads=20.0, arena=0.3, reference=0.3)
    return write(tmp_path / "server", times, machine=OTHER, machine_id="ffffffffffff", host="there")


@pytest.fixture
def newer(tmp_path: Path) -> Path:
    """Another Python with another numpy, in a folder whose name would be markup."""
    changed = {"environment_id": "eeeeeeeeeeee", "interpreter": "CPython 3.14.0"}
    return write(tmp_path / HOSTILE, usual(arena=1.3), machine=NEWER, **changed)


def several(*folders: Path) -> Several:
    return Several([read_results(folder) for folder in folders])


# What is said.


def test_whether_all_say_the_same(laptop: Path, server: Path, newer: Path) -> None:
    assert told(several(laptop, newer))[0] == "Both runs recommend the same in 1 scenario that they share."
    found = several(laptop, server, newer)
    assert told(found)[0] == "In the one scenario that they share, the 3 runs do not recommend the same."
    assert [said for _, said in told_elsewhere(found)] == [
        f"{THREADS} in laptop and {HOSTILE}; {ARENA} in server",
    ]


def test_what_changed_with_the_machine_and_with_the_python(laptop: Path, server: Path, newer: Path) -> None:
    assert told(several(laptop, server, newer))[1:] == [
        "server against laptop, measured on another machine: another answer in the one scenario that both have; 1 of "
        "2 verdicts that both decided agree (reversed: 1). Counted in every scenario, 1 of 3 ways became slower and "
        "none faster, by their ratios.",
        f"{HOSTILE} against laptop, measured on the same machine, with CPython 3.14.0 instead of CPython 3.13.0 and "
        "other packages: the same answer in the one scenario that both have; 2 of 2 verdicts that both decided agree. "
        "Counted in every scenario, 1 of 3 ways became slower and none faster.",
    ]


def test_a_reversed_verdict_and_a_new_failure_are_counted(tmp_path: Path, laptop: Path) -> None:
    after = write(tmp_path / "after", {**usual(threads=40.0), ARENA: ["crashed"] * 10})
    said = told(several(laptop, after))[1]
    assert "measured on the same machine, with the same Python and packages: another answer in" in said
    assert "0 of 1 verdict that both decided agree (reversed: 1)" in said
    assert said.endswith("1 of 3 ways became slower and none faster; newly failing: 1.")


def test_undecided_answers_are_marked(tmp_path: Path) -> None:
    noisy = [0.10, 0.16, 0.08, 0.13, 0.07, 0.15, 0.11, 0.14, 0.09, 0.12]
    unclear = {**usual(), THREADS: noisy, ARENA: [9.0] * 10, REFERENCE: noisy[::-1]}
    found = several(write(tmp_path / "a", unclear), write(tmp_path / "b", unclear))
    assert "threads-reference in all runs, not decided in 2 of them" in Seen(page(found)).said


def test_the_runs_are_described_and_what_differs_is_named(laptop: Path, server: Path, newer: Path) -> None:
    known, differing, more = facts(several(laptop, server, newer))
    assert dict(known)["processor"] == ["Example CPU", "Other <CPU>", "Example CPU"]
    assert dict(known)["Python"] == ["CPython 3.13.0", "CPython 3.13.0", "CPython 3.14.0"]
    assert differing == [("packages.numpy", ["2.4.0", "2.4.0", "2.5.0"])]
    assert more == 0


def test_runs_of_one_name_are_told_apart(tmp_path: Path) -> None:
    folders = [
        write(tmp_path / place / "default", usual()) for place in ("a", "b") if (tmp_path / place).mkdir() is None
    ]
    assert several(*folders).names == (f"1: {folders[0]}", f"2: {folders[1]}")


def test_a_scenario_that_the_first_run_lacks_is_shown_if_two_others_have_it(tmp_path: Path, laptop: Path) -> None:
    more = scenario_of(THREADS, ARENA, REFERENCE, name="2MiB")
    alone = scenario_of(THREADS, ARENA, REFERENCE, name="3MiB")
    plans = {"b": plan_of(SCENARIO, more, blocks=10), "c": plan_of(SCENARIO, more, alone, blocks=10)}
    folders = [
        write(tmp_path / name, {scenario.id: usual() for scenario in plan.scenarios}, plan)
        for name, plan in plans.items()
    ]
    found = several(laptop, *folders)
    assert [scenario.id for scenario in found.scenarios] == [SCENARIO.id, more.id]
    seen = Seen(page(found))
    assert "not in this run" in seen.said
    assert f"Only in c, and not compared: {alone.id}." in seen.said


def test_another_config_under_the_same_name_is_refused(tmp_path: Path, laptop: Path) -> None:
    changed = replace(SCENARIO, payload=replace(SCENARIO.payload, options=(("dtype", "int8"),)))
    with pytest.raises(CannotCompare, match="No option allows another config"):
        several(laptop, write(tmp_path / "after", usual(), plan_of(changed, blocks=10)))


# The page.


def test_the_page_loads_nothing_and_names_are_text(laptop: Path, server: Path, newer: Path) -> None:
    html = page(several(laptop, server, newer))
    seen = Seen(html)
    assert "script" not in seen.tags
    assert "b" not in seen.tags
    assert HOSTILE in seen.said
    assert all(address.startswith("#") for address in seen.addresses)
    assert "default-src 'none'" in html
    assert len(seen.ids) == len({*seen.ids})
    assert {address[1:] for address in seen.addresses} <= {*seen.ids}


@pytest.mark.parametrize("name", ["a\x1b[2J\udcff\nb", "größe 测量 \u202e", "$x$ {y} %s", "x" * 200])
def test_a_run_may_have_any_name(tmp_path: Path, laptop: Path, name: str) -> None:
    after = write(tmp_path / name, usual(), environment_id="eeeeeeeeeeee")
    file = tmp_path / "comparison.html"
    ended = run_script(laptop, after, "--report", file)
    assert (ended.returncode, ended.stderr) == (0, "")
    html = file.read_text(encoding="utf-8")
    assert not {"\x1b", "\u202e"}.intersection(html + ended.stdout)
    assert several(laptop, after).names[1] in Seen(html).said


def test_every_shared_scenario_has_a_picture_and_a_table(laptop: Path, server: Path, newer: Path) -> None:
    html = page(several(laptop, server, newer))
    (picture,) = re.findall(r"<svg.*?</svg>", html, flags=re.DOTALL)
    texts = [text.text for text in ElementTree.fromstring(picture).iter("{http://www.w3.org/2000/svg}text")]
    assert {THREADS, ARENA, f"{REFERENCE} (reference)"} <= {*texts}
    assert any(HOSTILE in str(text) for text in texts)
    assert "time of one transfer, of different machines" in texts
    seen = Seen(html)
    assert "To send array-1MiB to 1 worker" in seen.said
    assert "0.050 [0.050, 0.050] faster" in seen.said
    assert re.search(r"1\.30 \[1\.\d\d, 1\.\d\d\], slower", seen.said)


def test_times_of_different_machines_are_labelled(laptop: Path, server: Path, newer: Path) -> None:
    caution = "The runs are of different machines."
    assert caution in Seen(page(several(laptop, server))).said
    assert caution not in Seen(page(several(laptop, newer))).said


def test_few_blocks_are_told(tmp_path: Path) -> None:
    found = several(*(write(tmp_path / name, usual(3)) for name in "ab"))
    assert "Indicative: a run has only 3 blocks; it takes 10 to be sure." in Seen(page(found)).said


def test_runs_in_which_nothing_has_a_time_have_a_page(tmp_path: Path) -> None:
    failed = dict.fromkeys(usual(), ["crashed"] * 10)
    seen = Seen(page(several(*(write(tmp_path / name, failed) for name in "ab"))))
    assert "svg" not in seen.tags
    assert "The same answer: nothing in all runs." in seen.said


def test_the_same_runs_make_the_same_page(laptop: Path, server: Path) -> None:
    assert page(several(laptop, server)) == page(several(laptop, server))


# The script.


def test_the_script_writes_the_page_and_says_the_same(tmp_path: Path, laptop: Path, server: Path, newer: Path) -> None:
    file = tmp_path / "new" / "comparison.html"
    ended = run_script(laptop, server, newer, "--report", file)
    assert (ended.returncode, ended.stderr) == (1, "")
    found = several(laptop, server, newer)
    assert ended.stdout == f"{text_of(found)}Report: {file}\n"
    assert file.read_text(encoding="utf-8") == page(found)


def test_the_script_compares_each_with_the_first(tmp_path: Path, laptop: Path) -> None:
    others = [write(tmp_path / name, usual(arena=factor)) for name, factor in (("b", 1.0), ("c", 1.3))]
    ended = run_script(laptop, *others)
    assert ended.returncode == 1
    assert [line for line in ended.stdout.splitlines() if line.endswith(f" against {laptop}")] == [
        f"{o} against {laptop}" for o in others
    ]
    assert run_script(laptop, others[0]).returncode == 0


def test_the_script_refuses_one_run_and_unlike_ones_with_2(tmp_path: Path, laptop: Path) -> None:
    assert "two runs are needed" in run_script(laptop).stderr
    other = write(tmp_path / "other", usual(), plan_of(SCENARIO, blocks=10, reference=ARENA))
    ended = run_script(laptop, other, "--report", tmp_path / "comparison.html")
    assert (ended.returncode, ended.stdout) == (2, "")
    assert ended.stderr.startswith("compare_runs: ")
    assert not (tmp_path / "comparison.html").exists()
