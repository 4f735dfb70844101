"""The config: every file in config/ holds, the schema agrees with the tables, each mistake is told once and well."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, TypeVar

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from handoff.configuration import SCHEMA, complete, load, read_schema, resolve
from handoff.mistakes import ConfigError
from handoff.reference_pages import columns_page, config_reference, schema_with_names
from handoff.scenarios import FILES, KINDS, PATTERNS, TASK_KINDS, TASKS, Plan, kind_facts, make_plan, plan_from_json
from handoff.strategies import PATTERN_NAMES, TABLE, groups

ROOT = Path(__file__).parents[2]
T = TypeVar("T")
CONFIGS = sorted((ROOT / "config").glob("*.yaml"))
ARRAY = {"kind": "array", "size": "64KiB"}


def entry(**keys: Any) -> dict[str, Any]:
    return {"scenarios": [{"payload": ARRAY, **keys}]}


def payload(**keys: Any) -> dict[str, Any]:
    return {"scenarios": [{"payload": keys}]}


def plan(config: Mapping[str, Any], directory: Path = ROOT, cores: int = 2) -> Plan:
    return make_plan(complete(config), directory, cores)


def told(config: Mapping[str, Any], directory: Path = ROOT) -> str:
    with pytest.raises(ConfigError) as error:
        plan(config, directory)
    return str(error.value)


# ---------------------------------------------------------------- the files in config/


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.name)
@pytest.mark.parametrize("cores", [1, 2, 64])
def test_every_config_makes_a_plan_on_any_number_of_cores(path: Path, cores: int) -> None:
    made = make_plan(complete(load(path)), ROOT, cores)
    assert made.scenarios
    for kind in made.kinds:
        assert len(made.strategies(kind)) >= 2


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.name)
def test_every_config_tells_editors_its_schema(path: Path) -> None:
    first = path.read_text(encoding="utf-8").split("\n", 1)[0]
    marker, _, schema = first.partition("$schema=")
    assert marker == "# yaml-language-server: "
    assert (path.parent / schema).resolve() == SCHEMA.resolve()


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.name)
def test_every_config_sets_every_key(path: Path) -> None:
    """Snakemake lays it over config.yaml: a key that it left out would change with an edit there."""
    assert list(load(path)) == list(read_schema()["properties"])


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.name)
def test_every_config_is_what_an_editor_accepts(path: Path) -> None:
    Draft202012Validator(read_schema()).validate(load(path))


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.name)
def test_every_strategy_that_a_config_names_measures_something(path: Path) -> None:
    """Those of a group need not: a group is chosen for its name, not for each of its members."""
    config = load(path)
    made = make_plan(complete(config), ROOT, 2)
    used = {strategy.id for kind in made.kinds for strategy in made.strategies(kind)}
    assert {name for name in config["strategies"] if name not in groups()} <= used


def test_what_is_commented_out_in_the_template_is_right_too() -> None:
    text = (ROOT / "config" / "mine.yaml").read_text(encoding="utf-8")
    uncommented = re.sub(r"^  # (- payload|  \w+:)", r"  \1", text, flags=re.MULTILINE)
    entries = complete(yaml.safe_load(uncommented))["scenarios"]
    assert [sorted(entry["payload"]) for entry in entries][1:] == [
        ["file", "name"], ["argument", "function"], ["dtype", "kind", "size"],
    ]  # fmt: skip
    assert entries[1]["task"] == entries[2]["task"] == "mymodule:clean"
    assert make_plan(complete({"scenarios": [entries[3]]}), ROOT, 2).scenarios[0].calls == 10


def test_every_config_has_a_run_of_its_own() -> None:
    runs = [load(path)["run"] for path in CONFIGS]
    assert len(set(runs)) == len(runs)


def test_the_default_config_compares_at_least_ten_strategies_in_the_issue_s_scenarios() -> None:
    made = plan(load(ROOT / "config" / "config.yaml"))
    assert (made.run, made.blocks) == ("default", 6)
    assert len(made.scenarios[0].strategies) >= 10
    assert [scenario.id for scenario in made.scenarios] == [
        "array-64KiB.read.send.w1",
        "array-4MiB.read.send.w1",
        "array-32MiB.read.send.w1",
        "array-16MiB.read.send.w2",
        "array-4MiB.read.return.w1",
        "frame-16MiB.read.send.w1",
        "text_frame-16MiB.read.send.w1",
    ]


def test_the_article_s_experiments_are_the_article_s() -> None:
    made = plan(load(ROOT / "config" / "article.yaml"))
    assert {(scenario.id, scenario.payload.size, scenario.strategies) for scenario in made.scenarios} == {
        ("array-1GiB-uint8-ones.sum.send.w1.cold", 1024**3, ("threads-reference", "pool_spawn-pickle")),
        ("array-1GiB-ones.sum.reusex10.w1", 1024**3, ("threads-reference",)),
        ("array-1GiB-ones.sum.reusex10.w4", 1024**3, ("threads-reference",)),
        ("array-8GiB-ones.sum.reusex10.w1", 8 * 1024**3, ("threads-reference",)),
        ("array-8GiB-ones.sum.reusex10.w4", 8 * 1024**3, ("threads-reference",)),
        *(
            (
                f"array-64MiB.{task}.reusex8.w{workers}",
                64 * 1024**2,
                ("threads-reference", "process_spawn-shared_memory"),
            )
            for task in ("sum", "loop")
            for workers in (1, 2, 4)
        ),
        *(
            (
                f"array-{size}.read.send.w1",
                number,
                ("pool_spawn-pickle", "process_spawn-shared_memory", "process_spawn-shareable_list"),
            )
            for size, number in (("64KiB", 64 * 1024), ("64MiB", 64 * 1024**2))
        ),
        ("array-64MiB.busy.send.w1", 64 * 1024**2, ("threads-reference", "pool_spawn-pickle")),
        (
            "frame-80MB-columns1-int64.noop.send.w1.cold",
            8 * 10_000_000,
            ("pool_spawn-pickle", "pool_spawn-fastparquet-disk"),
        ),
    }
    assert made.experiments == ("A1", "A2", "A3", "A4", "A5", "A6", "A7")


# ---------------------------------------------------------------- the schema


def parts(schema: Any, path: str = "") -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Every mapping below the schema that has properties, with the way to it."""
    if isinstance(schema, dict):
        if "properties" in schema:
            yield path, schema
        for key, below in schema.items():
            yield from parts(below, f"{path}/{key}")


def test_the_schema_is_one() -> None:
    Draft202012Validator.check_schema(read_schema())


def test_every_key_is_described_and_has_a_default_or_says_what_happens_without_it() -> None:
    for path, part in parts(read_schema()):
        for key, below in part["properties"].items():
            about = resolve(read_schema(), below)
            assert about.get("description"), f"{path}: {key}"
            assert "default" in about or key in part.get("required", ()) or "Without it, " in about["description"], key


def test_unknown_keys_are_refused_everywhere_but_among_the_options_of_a_kind() -> None:
    open_parts = [path for path, part in parts(read_schema()) if part["additionalProperties"] is not False]
    assert open_parts == ["/$defs/made_payload"]


def test_the_names_in_the_schema_are_those_of_the_tables() -> None:
    definitions = read_schema()["$defs"]
    assert tuple(definitions["made_payload"]["properties"]["kind"]["enum"]) == KINDS
    assert tuple(definitions["built_in_task"]["enum"]) == tuple(TASKS)
    assert tuple(definitions["pattern"]["enum"]) == tuple(PATTERNS) == PATTERN_NAMES
    assert all(suffix in definitions["file_payload"]["properties"]["file"]["description"] for suffix in FILES)
    text = SCHEMA.read_text(encoding="utf-8")
    assert schema_with_names(text) == text, "the schema's lists of names are out of date: make docs"


def test_a_list_of_names_is_renewed_and_nothing_else() -> None:
    text = SCHEMA.read_text(encoding="utf-8")
    old = text.replace("[array, strided_array,", "[array, gone,\n ")
    assert old != text
    assert schema_with_names(old) == text
    with pytest.raises(ValueError, match="the schema has no list of names below"):
        schema_with_names(text.replace("enum:", "one of:"))


def test_the_defaults_are_what_the_default_config_says() -> None:
    given = load(ROOT / "config" / "config.yaml")
    for key, about in read_schema()["properties"].items():
        if key not in ("scenarios", "strategies"):
            assert about["default"] == given[key], key


def test_a_config_that_says_nothing_gets_every_default() -> None:
    filled = complete({})
    assert list(filled) == list(read_schema()["properties"])
    assert filled["scenarios"][0] == {
        "payload": {"kind": "array", "size": "4MiB"},
        "task": "read",
        "pattern": "send",
        "workers": 1,
        "calls": 10,
        "pool": "warm",
    }
    assert complete(filled) == filled


def test_defaults_below_needs_are_filled_one_by_one() -> None:
    assert complete({"needs": {"writable": True}})["needs"] == {"writable": True, "safe": True, "dependencies": "any"}


def test_the_given_config_and_the_schema_stay_as_they_are() -> None:
    config = entry()
    first = complete(config)
    first["needs"]["safe"] = False
    first["scenarios"][0]["payload"]["kind"] = "other"
    assert config == entry()
    assert complete(config)["needs"]["safe"] is True


# ---------------------------------------------------------------- what is right


@pytest.mark.parametrize(
    "size, in_bytes",
    [("64MB", 64_000_000), ("64MiB", 67_108_864), ("1.5KiB", 1536), ("64 KiB", 65536), (100, 100), ("7B", 7)],
)
def test_sizes_are_what_their_unit_says(size: Any, in_bytes: int) -> None:
    assert [scenario.payload.size for scenario in plan(payload(kind="array", size=size)).scenarios] == [in_bytes]


def test_the_two_megabytes_are_two_payloads() -> None:
    made = plan(payload(kind="array", size=["64MB", "64MiB"]))
    assert [scenario.payload.id for scenario in made.scenarios] == ["array-64MB", "array-64MiB"]


@pytest.mark.parametrize("run", ["two words", "it's", '"quoted"', "größe", "実行", "a;b $(c) & d", "a..b"])
def test_harmless_run_names_are_accepted(run: str) -> None:
    assert plan({"run": run}).run == run


@pytest.mark.parametrize("name", ["two words.npy", "it's.npy", 'a"b.npy', "größe.npy", "実行.npy"])
def test_harmless_file_names_are_accepted(tmp_path: Path, name: str) -> None:
    (tmp_path / name).touch()
    assert plan(payload(file=name), tmp_path).scenarios[0].payload.path == str(tmp_path / name)


def test_lists_and_single_values_are_the_same() -> None:
    single = plan(entry(task="read", pattern="send", workers=1))
    assert plan(entry(task=["read"], pattern=["send"], workers=[1])) == single


# ---------------------------------------------------------------- what is wrong

SIZE = (
    "A size is a positive number and a unit: 64KiB, 64MiB or 1GiB (1 MiB = 1,048,576 bytes), "
    "or KB, MB, GB (1 MB = 1,000,000 bytes); a bare number is bytes."
)
COUNT = "A worker count is a whole number from 1 on, or max, which is one worker for each core that the run may use."
TIME = "A time is a positive number and a unit: 90s, 5min or 2h; a bare number is seconds."
KEYS = (
    "run, seed, blocks, effort, max_blocks, precision, race_out, reference, tie_zone, seconds_per_invocation, budget, "
    "scenarios, strategies, interpreters, hosts, needs, experiments"
)
GIVE = "has no value; give one, or remove the line."


@pytest.mark.parametrize(
    "config, text",
    [
        # unknown keys
        ({"blokcs": 6}, f"blokcs: there is no such key here. Did you mean 'blocks'? There are: {KEYS}."),
        ({"a\nb": 6}, f"a\\nb: there is no such key here. There are: {KEYS}."),
        ({7: 6}, "7: there is no such key; every key is text."),
        ({True: 1}, "True: there is no such key; every key is text."),
        (
            {"scenarios": [{"payload": {**ARRAY, None: 1}}]},
            "scenarios[0].payload.None: there is no such key; every key is text.",
        ),
        (
            {"needs": {"saef": True}},
            "needs.saef: there is no such key here. Did you mean 'safe'? There are: writable, safe, dependencies.",
        ),
        (
            entry(wrokers=2),
            "scenarios[0].wrokers: there is no such key here. Did you mean 'workers'? "
            "There are: payload, task, pattern, workers, calls, pool, strategies.",
        ),
        (
            payload(kind="array", size="1MiB", dtpye="int32"),
            "scenarios[0].payload.dtpye: array has no such option. Did you mean 'dtype'? "
            "It has: kind, size, dtype, content.",
        ),
        (
            payload(file="a.npy", sise=1),
            "scenarios[0].payload.sise: there is no such key here. Did you mean 'size'? There are: file, name, size.",
        ),
        # missing keys
        (
            payload(kidn="array", size="1MiB"),
            "scenarios[0].payload.kind: is missing; there is 'kidn'. Did you mean 'kind'?",
        ),
        (payload(fiel="a.npy"), "scenarios[0].payload.kind: is missing; there is 'fiel'. Did you mean 'file'?"),
        (
            payload(size="1MiB"),
            "scenarios[0].payload.kind: is missing; a payload that Handoff makes needs one. "
            f"Possible: {', '.join(KINDS)}. A payload from a file of yours has the key file instead.",
        ),
        (
            payload(kind="array"),
            f"scenarios[0].payload.size: is missing; a payload that Handoff makes needs one. {SIZE}",
        ),
        (
            {"scenarios": [{"task": "read"}]},
            "scenarios[0].payload: is missing; an entry of scenarios needs one. "
            "It must be a mapping of keys to values.",
        ),
        # unknown names
        (
            payload(kind="aray", size="1MiB"),
            f"scenarios[0].payload.kind: 'aray' is not possible. Did you mean 'array'? Possible: {', '.join(KINDS)}.",
        ),
        (
            entry(task="raed"),
            "scenarios[0].task: 'raed' is not possible. Did you mean 'read'? "
            "Possible: read, sum, loop, noop, busy, group_sum.",
        ),
        (
            entry(pattern=["send", "retrun"]),
            "scenarios[0].pattern[1]: 'retrun' is not possible. Did you mean 'return'? "
            f"Possible: {', '.join(PATTERNS)}.",
        ),
        (
            entry(pool="lukewarm"),
            "scenarios[0].pool: 'lukewarm' is not possible. Did you mean 'warm'? Possible: warm, cold.",
        ),
        (
            payload(kind="array", size="1MiB", dtype="float46"),
            "scenarios[0].payload.dtype: 'float46' is not possible for array. Did you mean 'float64'? "
            "Possible: float64, float32, int64, int32, uint8.",
        ),
        (
            {"needs": {"dependencies": "stdlb"}},
            "needs.dependencies: 'stdlb' is not possible. Did you mean 'stdlib'? Possible: any, stdlib.",
        ),
        # sizes, counts and times
        (payload(kind="array", size="64mb"), f"scenarios[0].payload.size: '64mb' is not a size. {SIZE}"),
        (payload(kind="array", size=["1MiB", "-1MiB"]), f"scenarios[0].payload.size[1]: '-1MiB' is not a size. {SIZE}"),
        (payload(kind="array", size="0MiB"), f"scenarios[0].payload.size: '0MiB' is not a size. {SIZE}"),
        (payload(kind="array", size="9" * 400), f"scenarios[0].payload.size: '{'9' * 76}... is not a size. {SIZE}"),
        (payload(kind="array", size=0), "scenarios[0].payload.size: 0 is too small; the least is 1."),
        (
            payload(kind="array", size=10**400),
            "scenarios[0].payload.size: 1" + "0" * 76 + "... is too large; the most is 1000000000000000.",
        ),
        (payload(kind="array", size=[]), "scenarios[0].payload.size: is an empty list; give at least one."),
        ({"blocks": 0}, "blocks: 0 is too small; the least is 1."),
        ({"blocks": -6}, "blocks: -6 is too small; the least is 1."),
        ({"blocks": 6.0}, "blocks: 6.0 is not a whole number."),
        ({"blocks": True}, "blocks: True is not a whole number."),
        ({"blocks": "8"}, "blocks: '8' is not a whole number. Write it without quotes: 8."),
        (entry(workers=0), "scenarios[0].workers: 0 is too small; the least is 1."),
        (entry(workers=[1, -2]), "scenarios[0].workers[1]: -2 is too small; the least is 1."),
        (entry(workers=1.5), f"scenarios[0].workers: 1.5 is not a worker count. {COUNT}"),
        (entry(workers="mx"), f"scenarios[0].workers: 'mx' is not a worker count. {COUNT}"),
        (entry(workers="max\n"), f"scenarios[0].workers: 'max\\n' is not a worker count. {COUNT}"),
        (entry(workers=[2, 2]), "scenarios[0].workers: 2 stands in the list twice."),
        (entry(calls=0), "scenarios[0].calls: 0 is too small; the least is 1."),
        ({"tie_zone": 5}, "tie_zone: 5 is too large; the most is 0.5."),
        ({"tie_zone": -0.01}, "tie_zone: -0.01 is too small; the least is 0."),
        ({"tie_zone": math.nan}, "tie_zone: nan is not a number."),
        ({"tie_zone": "0.05"}, "tie_zone: '0.05' is not a number. Write it without quotes: 0.05."),
        ({"seconds_per_invocation": 0}, "seconds_per_invocation: 0 is too small; it must be above 0."),
        ({"budget": "5 minutes"}, f"budget: '5 minutes' is not a time. {TIME}"),
        ({"budget": "0min"}, f"budget: '0min' is not a time. {TIME}"),
        ({"budget": -5}, "budget: -5 is too small; it must be above 0."),
        # empty values
        ({"blocks": None}, f"blocks: {GIVE} It must be a whole number."),
        ({"scenarios": None}, f"scenarios: {GIVE} It must be a list."),
        ({"needs": None}, f"needs: {GIVE} It must be a mapping of keys to values."),
        (entry(task=None), f"scenarios[0].task: {GIVE} Possible: read, sum, loop, noop, busy, group_sum."),
        (payload(kind="array", size=None), f"scenarios[0].payload.size: {GIVE} {SIZE}"),
        (
            payload(kind="array", size="1MiB", dtype=None),
            f"scenarios[0].payload.dtype: {GIVE} An option's value is text, a positive number, true or false.",
        ),
        # wrong types
        ({"run": 2024}, "run: 2024 is not text. Write it in quotes."),
        ({"strategies": "all"}, "strategies: 'all' is not a list. Write it in brackets: [all]."),
        ({"strategies": []}, "strategies: is an empty list; give at least one."),
        ({"needs": {"safe": "true"}}, "needs.safe: 'true' is not true or false. Write it without quotes: true."),
        ({"scenarios": {}}, "scenarios: {} is not a list."),
        ({"scenarios": [{"payload": "a.npy"}]}, "scenarios[0].payload: 'a.npy' is not a mapping of keys to values."),
        (payload(file=""), "scenarios[0].payload.file: is empty text."),
        (
            payload(file="a.npy", name="n" * 61),
            f"scenarios[0].payload.name: '{'n' * 61}' is too long; the most is 60 characters.",
        ),
    ],
)
def test_a_mistake_is_told_with_its_place_its_value_and_what_would_be_right(config: dict[Any, Any], text: str) -> None:
    assert told(config) == f"config: {text}"


def test_a_misspelt_key_laid_over_the_default_config_is_still_recognised() -> None:
    """As Snakemake does it: then the right key stands there too."""
    laid_over = {**load(ROOT / "config" / "config.yaml"), "blokcs": 8}
    assert told(laid_over).startswith("config: blokcs: there is no such key here. Did you mean 'blocks'?")


def test_of_several_mistakes_the_unknown_key_is_told_first_and_then_the_first_in_the_file() -> None:
    wrong = {"blocks": 0, "tie_zone": 9, "needs": {"saef": True}}
    assert "needs.saef" in told(wrong)
    del wrong["needs"]
    assert "blocks" in told(wrong)
    assert "tie_zone" in told(dict(reversed(wrong.items())))


@pytest.mark.parametrize("key", ["strategies", "reference"])
def test_an_unknown_strategy_is_told_with_the_nearest_and_all_others(key: str) -> None:
    text = told({key: ["pool_spawn-pickel"] if key == "strategies" else "pool_spawn-pickel"})
    assert text.startswith(f"config: {key}: 'pool_spawn-pickel' is not a strategy")
    assert "Did you mean 'pool_spawn-pickle'?" in text
    assert all(strategy.id in text for strategy in TABLE)


def test_an_unknown_strategy_of_one_entry_names_that_entry() -> None:
    assert told(entry(strategies=["thread-reference"])).startswith(
        "config: scenarios[0].strategies: 'thread-reference' is not a strategy or group. "
        "Did you mean 'threads-reference'?"
    )


def test_a_scenario_stands_once() -> None:
    config = {"scenarios": [{"payload": ARRAY, "workers": [1, 2]}, {"payload": {"kind": "array", "size": 65536}}]}
    assert told(config) == (
        "config: scenarios[1]: array-64KiB.read.send.w1 stands in scenarios[0] already; a scenario is measured once."
    )


@pytest.mark.parametrize(
    "run", ["../other", "a/b", "/tmp", "..", ".", ".hidden", "-x", "example", "a\nb", "{x}", "a}", "n" * 101]
)
def test_run_names_that_leave_results_are_refused(run: str) -> None:
    assert told({"run": run}).startswith(f"config: run: {run!r} cannot name a folder inside results/.")


def test_a_file_that_is_missing_or_of_unknown_type_is_named(tmp_path: Path) -> None:
    (tmp_path / "data.xls").touch()
    (tmp_path / "folder.npy").mkdir()
    missing = tmp_path / "none.npy"
    assert told(payload(file="none.npy"), tmp_path) == (
        f"config: scenarios[0].payload.file: there is no file '{missing}'. It is looked for from '{tmp_path}'."
    )
    assert told(payload(file="data.xls"), tmp_path) == (
        f"config: scenarios[0].payload.file: '{tmp_path / 'data.xls'}' is not of a known type. "
        "Known are: .npy, .npz, .parquet, .feather, .arrow, .csv, .pkl."
    )
    assert "there is no file" in told(payload(file="folder.npy"), tmp_path)
    assert "there is no file" in told(payload(file="n" * 300 + ".npy"), tmp_path)


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "secret.npy").touch()
    monkeypatch.setattr("os.access", lambda *_: False)  # root may read everything
    assert "cannot be read; its permissions forbid it" in told(payload(file="secret.npy"), tmp_path)


def test_two_files_of_one_name_are_refused(tmp_path: Path) -> None:
    for name in ("a.npy", "a.csv"):
        (tmp_path / name).touch()
    config = {"scenarios": [{"payload": {"file": "a.npy"}}, {"payload": {"file": "a.csv"}, "task": "sum"}]}
    assert "two payloads would be called 'a'" in told(config, tmp_path)


@pytest.mark.parametrize("kind", KINDS)
def test_options_of_a_kind_are_of_the_kind_s_type(kind: str) -> None:
    for option, default in kind_facts(kind).options.items():
        wrong = "many" if isinstance(default, int) else 3
        assert f"payload.{option}: {wrong!r}" in told(payload(kind=kind, size="1MiB", **{option: wrong}))


def test_a_kind_that_is_meant_to_be_small_has_a_largest_size() -> None:
    text = told(payload(kind="small_tuple", size="1MiB"))
    assert text == "config: scenarios[0].payload.size: 1MiB is too much; a small_tuple has 64KiB at most."


@pytest.mark.parametrize("columns", [True, 4.0])
def test_a_count_is_no_truth_value_and_no_fraction(columns: object) -> None:
    text = told(payload(kind="frame", size="1MiB", columns=columns))
    assert text.startswith(f"config: scenarios[0].payload.columns: {columns!r} is not possible for frame.")


# ---------------------------------------------------------------- the file itself


def told_of_file(path: Path, text: str | bytes) -> str:
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(ConfigError) as error:
        load(path)
    return str(error.value).removeprefix(f"config: {path}: ")


@pytest.mark.parametrize(
    "text, problem",
    [
        ("", "is empty; config/mine.yaml is one to start from."),
        ("# nothing but a comment\n", "is empty; config/mine.yaml is one to start from."),
        ("- run\n", "is not a mapping of keys to values, as 'blocks: 6' in a line of its own."),
        ("run\n", "is not a mapping of keys to values, as 'blocks: 6' in a line of its own."),
        ("run: a\nseed: 1\nrun: b\n", "line 3: the key 'run' stands twice, first in line 1; only one can count."),
        (
            "scenarios:\n- payload: {size: 1, size: 2}\n",
            "line 2: the key 'size' stands twice, first in line 2; only one can count.",
        ),
        ("needs:\n\tsafe: true\n", "line 2: there is a tab; YAML is indented with blanks."),
        ("run: 'a\n", "line 2: found unexpected end of stream."),
        ("run: [a, b\nseed: 1\n", "line 2: expected ',' or ']', but got ':'."),
        ("run: a\n---\nrun: b\n", "line 2: but found another document."),
        (b"run: \xff\n", "is not text in UTF-8, see its byte 5."),
        ("run: 2023-13-45\n", "is not YAML: month must be in 1..12."),
        (
            "run: a\x00b\n",
            "is not YAML: unacceptable character #x0000: special characters are not allowed "
            'in "<unicode string>", position 6.',
        ),
        ("{}: 1\n", "line 1: found unhashable key."),
    ],
)
def test_a_file_that_is_no_config_is_told_in_one_sentence(tmp_path: Path, text: str | bytes, problem: str) -> None:
    assert told_of_file(tmp_path / "a.yaml", text) == problem


def test_a_file_that_is_not_there_or_is_a_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"none\.yaml: there is no such file\.$"):
        load(tmp_path / "none.yaml")
    with pytest.raises(ConfigError, match=r"cannot be read: Is a directory\.$"):
        load(tmp_path)


def test_anchors_and_merged_keys_are_no_doubles(tmp_path: Path) -> None:
    path = tmp_path / "a.yaml"
    path.write_text("needs: &n {safe: true}\nother: {<<: *n, safe: false}\n", encoding="utf-8")
    assert load(path)["other"] == {"safe": False}


# ---------------------------------------------------------------- the pages made from it


def test_the_page_of_the_config_is_up_to_date() -> None:
    page = (ROOT / "config" / "README.md").read_text(encoding="utf-8")
    assert page == config_reference(read_schema()), "config/README.md is out of date: make docs"
    assert all(f"| `{path.name}` |" in page for path in CONFIGS)


def test_the_page_of_the_columns_is_up_to_date() -> None:
    page = (ROOT / "docs" / "columns.md").read_text(encoding="utf-8")
    assert page == columns_page(), "docs/columns.md is out of date: make docs"


def test_every_row_of_a_page_has_as_many_cells_as_its_header() -> None:
    for page in (config_reference(read_schema()), columns_page()):
        for table in re.findall(r"(?:^\|.*\n)+", page, flags=re.MULTILINE):
            assert len({len(re.findall(r"(?<!\\)\|", row)) for row in table.splitlines()}) == 1, table


# ---------------------------------------------------------------- laws

NAMES = sorted(
    {key for _, part in parts(read_schema()) for key in part["properties"]} | {"dtype", "content", "columns", "typo"}
)
WORDS = [*KINDS, *TASKS, *PATTERNS, "max", "64MiB", "all", "stdlib", "cold", "5min", "a.npy", "", "A1"]
LEAVES = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | st.sampled_from(WORDS)
KEYS_OF_ANY_TYPE = st.sampled_from(NAMES) | st.text(max_size=4) | st.integers() | st.none() | st.floats()
JSON_LIKE = st.recursive(
    LEAVES,
    lambda below: st.lists(below, max_size=3) | st.dictionaries(KEYS_OF_ANY_TYPE, below, max_size=4),
    max_leaves=12,
)
PAYLOADS = st.fixed_dictionaries(
    {"kind": st.sampled_from(KINDS), "size": st.sampled_from(["1KiB", "64MB", ["1MiB", 7]]) | LEAVES},
    optional={"dtype": LEAVES | st.just("int64"), "content": LEAVES, "columns": LEAVES},
)
ENTRIES = st.fixed_dictionaries(
    {"payload": PAYLOADS | JSON_LIKE},
    optional={
        "task": st.sampled_from([*TASKS]) | LEAVES,
        "workers": st.sampled_from([1, "max", [1, "max"]]) | LEAVES,
        "pattern": st.lists(st.sampled_from([*PATTERNS]), max_size=3) | LEAVES,
        "strategies": st.lists(st.sampled_from([*(strategy.id for strategy in TABLE), "all"]), max_size=3),
        "typo": LEAVES,
    },
)
NEARLY = st.fixed_dictionaries(
    {},
    optional={
        "scenarios": st.lists(ENTRIES, max_size=3) | JSON_LIKE,
        **{key: JSON_LIKE for key in read_schema()["properties"] if key != "scenarios"},
    },
)


FOR_ANY = [task for task in TASKS if task not in TASK_KINDS]
RIGHT_ENTRIES = st.fixed_dictionaries(
    {
        "payload": st.builds(
            dict,
            kind=st.sampled_from([kind for kind in KINDS if not kind_facts(kind).largest]),
            size=st.sampled_from(["1KiB", "64MB", ["1MiB", 7], 5]),
        ),
        "task": st.sampled_from(FOR_ANY) | st.lists(st.sampled_from(FOR_ANY), min_size=1, unique=True),
        "pattern": st.sampled_from([*PATTERNS]) | st.lists(st.sampled_from([*PATTERNS]), min_size=1, unique=True),
        "workers": st.sampled_from([1, 3, "max", [1, "max"]]),
    },
    optional={
        "pool": st.sampled_from(["warm", "cold"]),
        "calls": st.integers(1, 100),
        "strategies": st.lists(st.sampled_from([strategy.id for strategy in TABLE]), min_size=1, unique=True),
    },
)


# A cold pool goes with send alone.
RIGHT_ENTRIES = RIGHT_ENTRIES.map(lambda entry: entry | {"pattern": "send"} if entry.get("pool") == "cold" else entry)


def outcome(make: Callable[[], T]) -> T | ConfigError:
    """What it makes, or the one error it may raise."""
    try:
        return make()
    except ConfigError as error:
        return error


def is_one_line(error: object) -> bool:
    return isinstance(error, ConfigError) and str(error).startswith("config: ") and "\n" not in str(error)


@settings(deadline=None)
@given(RIGHT_ENTRIES, st.integers(1, 64))
def test_an_entry_of_right_values_makes_its_scenarios_and_survives_json(entry: dict[str, Any], cores: int) -> None:
    made = plan({"scenarios": [entry]}, cores=cores)
    assert len({scenario.id for scenario in made.scenarios}) == len(made.scenarios) >= 1
    assert plan_from_json(json.loads(json.dumps(made.to_json()))) == made


@pytest.mark.parametrize("pattern", [pattern for pattern in PATTERNS if pattern != "send"])
def test_a_cold_pool_goes_with_send_alone(pattern: str) -> None:
    entry = {
        "payload": {"kind": "array", "size": "1KiB"},
        "task": "read",
        "pattern": pattern,
        "workers": 1,
        "pool": "cold",
    }
    problem = f"scenarios[0].pool: a cold pool has no {pattern}"
    with pytest.raises(ConfigError, match=re.escape(problem)):
        plan({"scenarios": [entry]})


@pytest.mark.parametrize("task", TASK_KINDS)
@pytest.mark.parametrize("kind", KINDS)
def test_a_task_that_is_not_for_every_payload_is_refused_where_it_cannot_be(task: str, kind: str) -> None:
    config = {"scenarios": [{"payload": {"kind": kind, "size": "1KiB"}, "task": ["read", task]}]}
    if kind in TASK_KINDS[task]:
        assert [scenario.task for scenario in plan(config).scenarios] == ["read", task]
    else:
        assert told(config) == f"config: scenarios[0].task: '{task}' is for text_frame, not for {kind}."


def test_what_is_in_a_file_may_fit_a_task_that_is_not_for_every_payload(tmp_path: Path) -> None:
    for suffix in FILES:
        (tmp_path / f"mine{suffix}").touch()
    fit = {
        suffix: not isinstance(outcome(lambda name=f"mine{suffix}": plan(
            {"scenarios": [{"payload": {"file": name}, "task": "group_sum"}]}, tmp_path)), ConfigError)
        for suffix in FILES
    }  # fmt: skip
    assert fit == {
        ".npy": False, ".npz": True, ".parquet": True, ".feather": True, ".arrow": False, ".csv": True, ".pkl": True,
    }  # fmt: skip


@settings(max_examples=400, deadline=None)
@given(st.dictionaries(KEYS_OF_ANY_TYPE, JSON_LIKE, max_size=4) | NEARLY)
def test_whatever_is_given_there_is_a_plan_or_one_error(config: dict[Any, Any]) -> None:
    result = outcome(lambda: plan(config))
    assert result.scenarios if isinstance(result, Plan) else is_one_line(result)


@settings(deadline=None)
@given(text=st.text() | st.text(alphabet="ab:-[]{}\"' \n\t#&*<|>!%@?,01"))
def test_whatever_stands_in_a_file_it_is_a_mapping_or_one_error(
    tmp_path_factory: pytest.TempPathFactory, text: str
) -> None:
    path = tmp_path_factory.mktemp("configs") / "a.yaml"
    path.write_bytes(text.encode("utf-8", "surrogatepass"))
    result = outcome(lambda: load(path))
    assert result == yaml.safe_load(text) if isinstance(result, dict) else is_one_line(result)
