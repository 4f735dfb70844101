"""Whatever stands in a config file: a plan, or one error of one line; never another exception, never for ever."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from damages import of_bytes
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from handoff import configuration, scenarios
from handoff.blocks import run_order
from handoff.configuration import MOST_BYTES, MOST_VALUES, complete, load, read_schema
from handoff.mistakes import ConfigError
from handoff.scenarios import MOST_JOBS, MOST_SCENARIOS, Plan, make_plan, plan_from_json

ROOT = Path(__file__).parents[2]
CONFIGS = sorted((ROOT / "config").glob("*.yaml"))
ARRAY = {"kind": "array", "size": "64KiB"}
MANY = settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)


def planned(path: Path) -> Plan | ConfigError:
    """What a config file gives on a machine of two cores."""
    try:
        return make_plan(complete(load(path)), path.parent, 2)
    except ConfigError as error:
        return error


def is_clear(error: object) -> bool:
    """One line that a terminal can show, of a length that one can read."""
    text = str(error)
    assert isinstance(error, ConfigError)
    assert text.startswith("config: ")
    assert text.isprintable()
    return len(text) < 3000


def is_sound(plan: Plan) -> bool:
    """It can be written, read again and put into order."""
    assert plan_from_json(json.loads(json.dumps(plan.to_json()))) == plan
    return 1 <= len(plan.scenarios) <= MOST_SCENARIOS and 1 <= len(run_order(plan)) <= MOST_JOBS


def outcome(path: Path, text: str | bytes) -> Plan | ConfigError:
    path.write_bytes(text if isinstance(text, bytes) else text.encode("utf-8", "surrogatepass"))
    found = planned(path)
    assert is_sound(found) if isinstance(found, Plan) else is_clear(found)
    return found


# ---------------------------------------------------------------- valid files, changed

HOSTILE: list[Any] = [
    None, True, False, 0, 1, -1, 2, 1001, 10**6, 10**9, 10**18, 10**400, -(10**30), 0.0, 0.5, -0.5, 1e-300, 1e300,
    float("nan"), float("inf"), -float("inf"), "", " ", "x", "max", "all", "64MiB", "0MiB", "1e9GiB", "9" * 400, "5min",
    "1_000", "'", '"', '"; rm -rf / #', "$(touch /tmp/owned)", "`id`", "a\nb", "a\x00b", "\x1b[2J", "\u202eevil", "é",
    "实", "𝒜" * 60, "../../etc/passwd", "/", "~nobody-of-that-name/a.npy", "~/a.npy", "a" * 300 + ".npy", "x" * 10_000,
    "<<", "*a", "{run}", "@again", "pool_spawn-pickle@slow10", [], [[]], [None], [1, 1], [1, "max"], ["send", "return"],
    {}, {"kind": "array"}, {"file": "a.npy"}, {1: 2}, [[[[[["x"]]]]]], list(range(1, 300)),
    [f"{n}KiB" for n in range(1, 150)], [{"payload": ARRAY}], [{"payload": ARRAY}] * 2,
    json.loads("[" * 100 + "]" * 100),
]  # fmt: skip
KEYS = [
    "typo",
    "<<",
    "",
    "run",
    "kind",
    "size",
    "file",
    "name",
    "strategies",
    "x" * 5000,
    "a\nb",
    "null",
    "1",
    "~",
    "\u202e",
]
HOSTILE_VALUES = st.sampled_from(HOSTILE).map(copy.deepcopy)


def _places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    below = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [found for key, part in below for found in ((*path, key), *_places(part, (*path, key)))]


@st.composite
def changed_configs(draw: st.DrawFn) -> Any:
    """A config of config/ in which up to three keys are gone, renamed, added, or of another value."""
    config = copy.deepcopy(load(draw(st.sampled_from(CONFIGS))))
    for _ in range(draw(st.integers(1, 3))):
        if not (places := _places(config)):
            break
        path = draw(st.sampled_from([place for place in places if len(place) == 1]) | st.sampled_from(places))
        holder: Any = config
        for key in path[:-1]:
            holder = holder[key]
        match draw(st.sampled_from(["other", "other", "other", "gone", "renamed", "added"])):
            case "other":
                holder[path[-1]] = draw(HOSTILE_VALUES)
            case "gone":
                del holder[path[-1]]
            case "renamed" if isinstance(holder, dict):
                holder[draw(st.sampled_from(KEYS))] = holder.pop(path[-1])
            case "added" if isinstance(holder, dict):
                holder[draw(st.sampled_from(KEYS))] = draw(HOSTILE_VALUES)
            case _:
                holder.append(draw(HOSTILE_VALUES))
    return config


@MANY
@given(config=changed_configs())
def test_a_changed_config_is_planned_or_told(config: Any, tmp_path: Path) -> None:
    outcome(tmp_path / "mine.yaml", yaml.safe_dump(config, allow_unicode=True))


@MANY
@given(data=st.data())
def test_a_damaged_config_file_is_planned_or_told(data: st.DataObject, tmp_path: Path) -> None:
    """Its bytes: cut, flipped, with tabs, NUL or no UTF-8 in them."""
    content = data.draw(st.sampled_from(CONFIGS)).read_bytes()
    signs = [
        b"\t",
        b"\x00",
        b"\xff",
        b"\xed\xa0\x80",
        b"&a ",
        b"*a",
        b"<<: *a\n",
        b": ",
        b"- ",
        b"{",
        b"[",
        b"!!bool x",
        b"|\n",
    ]
    some = st.tuples(st.integers(0, len(content)), st.sampled_from(signs))
    how = of_bytes(content, signs) | some.map(lambda at: content[: at[0]] + at[1] + content[at[0] :])
    outcome(tmp_path / "mine.yaml", data.draw(how))


# ---------------------------------------------------------------- what is odd in YAML

LAUGHS = "\n".join(["a0: &a0 [lol, lol]", *(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 15))])
MERGED = "\n".join(["a0: &a0 {k0: 1}", *(f"a{n}: &a{n} {{<<: [*a{n - 1}, *a{n - 1}], k{n}: 1}}" for n in range(1, 40))])


@pytest.mark.parametrize(
    "text, said",
    [
        (LAUGHS, "holds more than 50,000 values"),
        (LAUGHS + "\nstrategies: *a14\n", "holds more than 50,000 values"),
        (LAUGHS + "\nscenarios: [{payload: {kind: array, size: *a14}}]\n", "holds more than 50,000 values"),
        (MERGED, "too many keys are merged (<<)"),
        ("scenarios: &a [*a]\n", "more than 20 levels"),
        ("needs: &a {safe: *a}\n", "more than 20 levels"),
        ("needs: &a {<<: *a}\n", ""),
        (f"? {'x' * 5000}\n: 1\n" * 2, "the key 'xxx"),
        (f"run: !{'x' * 5000} 1\n", "could not determine a constructor"),
        ("scenarios: " + "[" * 30 + "]" * 30, "more than 20 levels"),
        ("scenarios: " + "[" * 5000 + "]" * 5000, "is nested too deep"),
        ("seed: 0x" + "f" * 5000, "a number of more than a thousand digits"),
        ("seed: " + "9" * 5000, "is not YAML: "),
        ("seed: 1e5", "seed: '1e5' is not a whole number"),
        ("seed: 1:30:30\n", ""),
        ("run: !!bool x\n", "is not YAML: "),
        ("run: !!timestamp x\n", "is not YAML: "),
        ("run: !!int ''\n", "is not YAML: "),
        ("run: !!float ''\n", "is not YAML: "),
        ("run: !!binary '*'\n", "run: b'' is not text"),
        ("run: !!set {a, b}\n", "run: {"),
        ("run: !!python/object/apply:os.system [id]\n", "line 1: could not determine a constructor"),
        ("run: 9999-12-31 23:59:59-23:59\n", "run: datetime.datetime("),
        ("run: 2026-01-01\n", "run: datetime.date(2026, 1, 1) is not text"),
        ("run: *nowhere\n", "line 1: found undefined alias"),
        ("? [a, b]\n: 1\n", "line 1: "),
        ("blocks: 1000000000\n", "blocks: 1000000000 is too large; the most is 1000."),
        ("seed: 10000000000000000000\n", "seed: 10000000000000000000 is too large"),
        ("scenarios: [{payload: {kind: array, size: 1KiB}, workers: 1000000000}]\n", "the most is 1024."),
        ("scenarios: [{payload: {kind: array, size: 1KiB}, calls: 1000000000}]\n", "the most is 100000."),
        ("x: 1\n" * 2, "the key 'x' stands twice"),
        ("a: 1\n" + "#" * MOST_BYTES, f"has more than {MOST_BYTES:,} bytes"),
        ('run: "\\ud800"\n', "cannot name a folder inside results/"),
        ("scenarios: [{payload: {file: ~nobody-of-that-name/a.npy}}]\n", "begins with a home that nobody has here"),
        ('scenarios: [{payload: {file: "a\\0.npy"}}]\n', "a\\x00.npy'. It is looked for from"),
    ],
)
def test_what_yaml_allows_and_no_config_needs_is_told(text: str, said: str, tmp_path: Path) -> None:
    found = outcome(tmp_path / "mine.yaml", text)
    assert said in str(found) if said else isinstance(found, Plan)


def test_a_config_that_is_no_file_does_not_hang(tmp_path: Path) -> None:
    assert f"has more than {MOST_BYTES:,} bytes" in str(planned(Path("/dev/zero")))


# ---------------------------------------------------------------- too much of it


def entry(**keys: Any) -> dict[str, Any]:
    return {"payload": ARRAY, **keys}


def told(config: dict[str, Any]) -> str:
    with pytest.raises(ConfigError) as error:
        make_plan(complete(config), ROOT, 2)
    assert is_clear(error.value)
    return str(error.value)


def test_a_million_scenarios_are_refused_at_once() -> None:
    sizes, workers = [f"{n}KiB" for n in range(1, 201)], list(range(1, 201))
    crossed = {"payload": {"kind": "array", "size": sizes}, "workers": workers, "task": ["read", "sum", "loop"],
               "pattern": ["send", "return", "reuse"]}  # fmt: skip
    assert "there are more than 1,000 scenarios" in told({"scenarios": [crossed]})
    assert "is a list of 201; the most is 200." in told({"scenarios": [crossed | {"workers": list(range(1, 202))}]})
    assert "is a list of 1,001; the most is 1,000." in told({"scenarios": [entry()] * 1001})


def test_a_thousand_scenarios_are_planned() -> None:
    sizes = [f"{n}KiB" for n in range(1, 201)]
    config = {"scenarios": [{"payload": {"kind": "array", "size": sizes}, "workers": [1, 2, 3, 4, 5]}]}
    plan = make_plan(complete(config), ROOT, 2)
    assert len(plan.scenarios) == MOST_SCENARIOS
    assert is_sound(plan)


def test_too_many_measuring_jobs_are_refused(tmp_path: Path) -> None:
    for number in range(60):
        (tmp_path / f"own{number}.npy").touch()
    config = {"blocks": 1000, "scenarios": [{"payload": {"file": f"own{number}.npy"}} for number in range(60)]}
    with pytest.raises(
        ConfigError, match=r"blocks: 1,000 make up to [0-9,]+ measuring jobs, and a run has 50,000 at most"
    ):
        make_plan(complete(config), tmp_path, 2)
    assert make_plan(complete(config | {"blocks": 10}), tmp_path, 2).blocks == 10


def test_the_largest_list_of_unlike_items_is_compared_in_no_time() -> None:
    """Items that cannot be sorted are compared each with each."""
    odd = [{"a": number} for number in range(20_000)]
    assert "is a list of 20,000; the most is 200." in told({"strategies": odd})
    assert "'a'" in told({"strategies": odd[:200]})
    assert f"holds more than {MOST_VALUES:,} values" in told({"strategies": odd * 3})


def test_a_file_whose_name_is_too_long_needs_another_one(tmp_path: Path) -> None:
    path = tmp_path / f"{'é' * 120}.npy"
    path.touch()
    config = {"scenarios": [{"payload": {"file": path.name}}]}
    with pytest.raises(ConfigError, match=r"payload\.file: its name has 240 bytes, .* as name: mine\."):
        make_plan(complete(config), tmp_path, 2)
    config["scenarios"][0]["payload"]["name"] = "mine"
    assert make_plan(complete(config), tmp_path, 2).kinds == ("mine",)


def test_the_limits_of_a_plan_are_those_of_the_schema() -> None:
    schema = read_schema()
    definitions = schema["$defs"]
    assert (
        schema["properties"]["blocks"]["maximum"]
        == schema["properties"]["max_blocks"]["maximum"]
        == scenarios.MOST_BLOCKS
    )
    assert definitions["worker_count"]["maximum"] == scenarios.MOST_WORKERS
    assert definitions["entry"]["properties"]["calls"]["maximum"] == scenarios.MOST_CALLS
    assert schema["properties"]["scenarios"]["maxItems"] == MOST_SCENARIOS
    about = schema["properties"]["scenarios"]["description"]
    assert f"{MOST_SCENARIOS} scenarios and {MOST_JOBS:,} measuring jobs" in about


def test_no_config_of_ours_is_near_the_limits() -> None:
    for path in CONFIGS:
        assert path.stat().st_size < MOST_BYTES / 10
        assert len(make_plan(complete(load(path)), ROOT, 64).scenarios) < MOST_SCENARIOS / 2
    assert configuration.MOST_LEVELS > 10
