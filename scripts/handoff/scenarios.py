"""From the config to what is measured: payloads, scenarios, and the strategies of each.

Standard library only: the Snakefile reads this at every start. What is on disk already, and in which
order the rest is measured, is the next floor's matter (blocks.py).
"""

from __future__ import annotations

import itertools
import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final, TypedDict

from handoff import own_functions
from handoff.interpreters import Interpreter, look_up
from handoff.kinds import FILES as FILES
from handoff.kinds import KINDS as KINDS
from handoff.kinds import SLICED
from handoff.kinds import KindFacts as KindFacts
from handoff.kinds import format_size as format_size
from handoff.kinds import kind_facts as kind_facts
from handoff.kinds import parse_size as parse_size
from handoff.mistakes import ConfigError as ConfigError
from handoff.own_functions import OwnFunction
from handoff.patterns import PATTERNS as PATTERNS
from handoff.patterns import Pattern as Pattern
from handoff.provenance import CORES_VARIABLE
from handoff.records import read_json
from handoff.shapes import shaped
from handoff.strategies import (
    FLOORS,
    SENTINEL,
    Strategy,
    UnknownStrategy,
    expand,
    find,
    named_executors,
    nearest,
    transport_facts,
    under,
)

TASKS: Final = {
    "read": "reads every byte of the payload, as numpy reads memory: the default",
    "sum": "adds up the payload's numbers; those of arrays and frames by numpy, which lets go of the GIL",
    "loop": "adds up the payload's numbers in a Python loop, holding the GIL; of arrays and frames the first ones",
    "noop": "does nothing: the article's own, which never looks at what it received",
    "busy": "reads one value, then computes for 100 ms: the instrument's own check",
    "group_sum": "groups a frame by its last column of text and adds up its first column of 64-bit whole numbers in "
    "each group; written for pandas and for Polars, with one result",
}

TASK_KINDS: Final = {"group_sum": ("text_frame",)}
"""Tasks that not every payload is fit for, with the kinds that are; beside these, any frame of a user's own."""

TASK_LIBRARIES: Final = {"noop": ("any",), "busy": ("any",), "group_sum": ("pandas", "polars")}
"""Tasks that know a payload in another library's form, too; every other one takes it as its kind has it."""


MOST_WORKERS: Final = 1024
MOST_CALLS: Final = 100_000
MOST_BLOCKS: Final = 1000
"""As the config's schema has them."""

MOST_SCENARIOS: Final = 1000
"""Of one run. A measuring job gets those of its kind on its command line, which the kernel limits."""

MOST_JOBS: Final = 50_000
"""Of one run. Snakemake plans some hundreds a second."""

MOST_NAME_BYTES: Final = 200
"""Of a payload's name: names of files are made from it, which may have 255."""


def unsupported(strategy: Strategy, kind: str, pattern: str, task: str = "", writes: bool = False) -> str:
    """Why the facts of the strategy, of the payload's kind or of the task rule it out; '' if they do not.

    Of the kind `any`, which only the payload itself can tell, nothing is ruled out; nor is it by no task.
    """
    if kind != "any":
        facts = kind_facts(kind)
        if facts.cannot(pattern):
            return f"{kind} cannot {pattern}: {facts.why_not}"
        if not facts.forkable and strategy.executor.endswith("_fork"):
            return f"{strategy.executor} cannot use {kind}: {facts.why_not}"
        if reason := strategy.unsupported(kind, pattern):
            return reason
    if writes and not strategy.is_floor and transport_facts(strategy.transport).writable == "no":
        return f"{task} writes into what it receives, and what {strategy.transport} hands over may not be written into"
    library = transport_facts(strategy.transport).arrives_in
    if task and library and {"any", library}.isdisjoint(TASK_LIBRARIES.get(task, ())):
        fit = [name for name, libraries in TASK_LIBRARIES.items() if {"any", library}.intersection(libraries)]
        return f"the task {task} is not written for {library}: {', '.join(fit)} are"
    return ""


@dataclass(frozen=True)
class Payload:
    """An object that is handed over: a kind that Handoff makes, or a user's file."""

    id: str
    kind: str
    """A group of payloads that are measured together; a user's file is a kind of its own."""
    size: int = 0
    """Nominal bytes; 0 for a user's own whole one, whose size shows when it is read."""
    options: tuple[tuple[str, Any], ...] = ()
    path: str = ""
    """The user's file, '' for a payload that Handoff makes."""
    maker: str = ""
    """The user's function that returns it, as `module:function`; called by each process that needs the payload."""
    home: str = ""
    """The folder that the function's module is imported from."""

    @property
    def own(self) -> bool:
        """It is the user's: what it is shows when it is read."""
        return bool(self.path or self.maker)

    @property
    def function(self) -> OwnFunction | None:
        return OwnFunction(self.maker, self.home) if self.maker else None

    @property
    def may_be(self) -> str:
        """The kind that decides what can carry it, as far as the plan can know."""
        return FILES[Path(self.path).suffix] if self.path else "any" if self.maker else self.kind

    @property
    def file(self) -> str:
        """The name of the data file inside payloads/; '' if the user's own file or function is used as it is."""
        if self.maker or (self.path and not self.size):
            return ""
        if self.path:
            return f"{self.id}{Path(self.path).suffix}"
        # A constant payload is its recipe: a file of gigabytes of ones would say no more.
        extension = "json" if dict(self.options).get("content") == "ones" else kind_facts(self.kind).extension
        return f"{self.id}.{extension}"

    @property
    def description(self) -> str:
        """The name of the file inside payloads/ that says what must arrive."""
        return f"{self.file or self.id}.digest.json"


@dataclass(frozen=True)
class Scenario:
    """What the user wants done. Strategies are ranked inside one scenario only."""

    payload: Payload
    task: str
    pattern: str
    workers: int
    calls: int = 1
    cold: bool = False
    """The pool is made but not warmed, and only its first transfer counts (the article's way)."""
    task_home: str = ""
    """Where a user's function comes from: the folder that its module is imported from."""
    writes: bool = False
    """The user's function writes into what it receives (needs.writable)."""
    strategies: tuple[str, ...] = ()

    @property
    def function(self) -> OwnFunction | None:
        """The task, if it is the user's own."""
        return OwnFunction(self.task, self.task_home) if own_functions.is_own(self.task) else None

    @property
    def id(self) -> str:
        calls = f"x{self.calls}" if self.pattern == "reuse" else ""
        cold = ".cold" if self.cold else ""
        return f"{self.payload.id}.{slug(self.task)}.{self.pattern}{calls}.w{self.workers}{cold}"

    def to_json(self) -> dict[str, Any]:
        """As a measuring job gets it."""
        fields = asdict(self)
        del fields["strategies"]
        fields["payload"]["options"] = dict(self.payload.options)
        return {"scenario": self.id, **fields}


def scenario_from_json(data: Mapping[str, Any]) -> Scenario:
    payload = dict(data["payload"])
    payload["options"] = tuple(payload.get("options", {}).items())
    rest = {key: value for key, value in data.items() if key not in ("payload", "scenario")}
    return Scenario(payload=Payload(**payload), **rest)


def slug(name: str) -> str:
    """A name as it can stand in a path and in a scenario's id: letters, digits, '_' and '-'."""
    return re.sub(r"[^\w-]+", "_", name).strip("_") or "payload"


def _listed(value: Any) -> list[Any]:
    return list(value) if isinstance(value, list) else [value]


def _own_name(given: Mapping[str, Any], fallback: str, key: str) -> str:
    """What the results call a payload of the user's own."""
    name = slug(given.get("name", fallback))
    if name in KINDS:
        name = f"{name}_file"
    if len(name.encode()) > MOST_NAME_BYTES:
        raise ConfigError(
            key, f"its name has {len(name.encode())} bytes, too many for the names of files made from it; "
            "give it a shorter one beside it, as name: mine."
        )  # fmt: skip
    return name


def _only(given: Mapping[str, Any], known: Sequence[str], key: str) -> None:
    if extra := sorted(set(given) - set(known)):
        raise ConfigError(f"{key}.{extra[0]}", f"a payload from a {known[0]} has the keys {', '.join(known)} alone.")


def _own_file(given: Mapping[str, Any], key: str, directory: Path) -> Iterator[Payload]:
    """The user's file as it is, or of each size asked for as many of its first rows."""
    _only(given, ("file", "name", "size"), key)
    try:
        path = directory / Path(given["file"]).expanduser()
    except RuntimeError as error:
        raise ConfigError(f"{key}.file", f"{given['file']!r} begins with a home that nobody has here.") from error
    if path.suffix not in FILES:
        raise ConfigError(f"{key}.file", f"{str(path)!r} is not of a known type. Known are: {', '.join(FILES)}.")
    if not os.path.isfile(path):  # noqa: PTH113 (Path.is_file raises where a folder may not be entered)
        raise ConfigError(f"{key}.file", f"there is no file {str(path)!r}. It is looked for from {str(directory)!r}.")
    if not os.access(path, os.R_OK):
        raise ConfigError(f"{key}.file", f"{str(path)!r} cannot be read; its permissions forbid it.")
    name = _own_name(given, path.stem, f"{key}.file")
    if "size" not in given:
        yield Payload(id=name, kind=name, path=str(path))
        return
    if path.suffix not in SLICED:
        raise ConfigError(
            f"{key}.size", f"no shorter payload can be made of a {path.suffix} file, only of {', '.join(SLICED)}. "
            "Write files of several sizes, or a function that returns them."
        )  # fmt: skip
    for size in _listed(given["size"]):
        nbytes = parse_size(size, f"{key}.size")
        yield Payload(f"{name}-{format_size(nbytes)}", name, nbytes, path=str(path))


def _own_maker(given: Mapping[str, Any], key: str, directory: Path) -> Iterator[Payload]:
    """What the user's function returns: called without an argument, or with each of those that are listed."""
    _only(given, ("function", "name", "argument"), key)
    made_by = own_functions.parse(given["function"], directory, f"{key}.function")
    own_functions.check(made_by, f"{key}.function", "the maker of a payload", "returns a payload")
    name = _own_name(given, made_by.name.partition(":")[2], f"{key}.function")
    for value in _listed(given.get("argument", "")):
        options = (("argument", value),) if "argument" in given else ()
        mark = f"-{slug(str(value))}" if options else ""
        yield Payload(f"{name}{mark}", name, options=options, maker=made_by.name, home=made_by.home)


def _payloads(given: Mapping[str, Any], key: str, directory: Path) -> list[Payload]:
    if "file" in given:
        return list(_own_file(given, key, directory))
    return list(_own_maker(given, key, directory) if "function" in given else _made(given, key))


def _task(name: str, key: str, directory: Path) -> tuple[str, str]:
    """The task's name, and the folder that it comes from if it is the user's own."""
    if not own_functions.is_own(name):
        return name, ""
    found = own_functions.parse(name, directory, key)
    own_functions.check(found, key, "the task", "takes the payload")
    return found.name, found.home


def _made(given: Mapping[str, Any], key: str) -> Iterator[Payload]:
    kind = given["kind"]
    facts = kind_facts(kind)
    for option in given:
        if option not in ("kind", "size", *facts.options):
            known = ["kind", "size", *facts.options]
            raise ConfigError(
                f"{key}.{option}", f"{kind} has no such option.{nearest(option, known)} It has: {', '.join(known)}."
            )
    if "size" not in given:
        raise ConfigError(f"{key}.size", f"is missing; {kind} needs one, as 64MiB.")
    for option, allowed in facts.allowed.items():
        for value in _listed(given.get(option, facts.options[option])):
            if (type(value), value) not in [(type(one), one) for one in allowed]:  # True == 1 == 1.0
                raise ConfigError(
                    f"{key}.{option}", f"{value!r} is not possible for {kind}."
                    f"{nearest(value, [str(a) for a in allowed])} Possible: {', '.join(map(str, allowed))}."
                )  # fmt: skip
    choices = [_listed(given.get(option, default)) for option, default in facts.options.items()]
    for size, *values in itertools.product(_listed(given["size"]), *choices):
        nbytes = parse_size(size, f"{key}.size")
        if facts.largest and nbytes > facts.largest:
            raise ConfigError(
                f"{key}.size", f"{format_size(nbytes)} is too much; a {kind} has {format_size(facts.largest)} at most."
            )  # fmt: skip
        options = tuple(zip(facts.options, values, strict=True))
        marks = [f"{name}{value}" if isinstance(value, int) else str(value)
                 for name, value in options if value != facts.options[name]]  # fmt: skip
        yield Payload("-".join([kind, format_size(nbytes), *map(slug, marks)]), kind, nbytes, options)


def available_cores() -> int:
    """The cores that this process may run on."""
    return len(os.sched_getaffinity(0))


def planned_cores() -> int:
    """What `max` workers means: the cores of the nodes that are measured on, else those of this process."""
    given = os.environ.get(CORES_VARIABLE, "")
    return int(given) if given.isdecimal() and int(given) else available_cores()


def _entry(
    entry: Mapping[str, Any], key: str, directory: Path, cores: int, default: Sequence[str], pythons: Sequence[str],
    writable: bool,
) -> Iterator[Scenario]:  # fmt: skip
    payloads = _payloads(entry["payload"], f"{key}.payload", directory)
    tasks = [_task(name, f"{key}.task", directory) for name in _listed(entry["task"])]
    # [1, max] is one worker count on a machine of one core, and no mistake of the user's.
    workers = list(dict.fromkeys(cores if count == "max" else count for count in _listed(entry["workers"])))
    ids = _strategies(entry["strategies"], f"{key}.strategies", pythons) if "strategies" in entry else tuple(default)
    for payload, (task, home), pattern, count in itertools.product(payloads, tasks, _listed(entry["pattern"]), workers):
        kinds = TASK_KINDS.get(task, ("any",))
        may_fit = payload.own and payload.may_be in ("frame", "any")  # what is in a file shows when it is read
        if not ("any" in kinds or payload.may_be in kinds or may_fit):
            raise ConfigError(f"{key}.task", f"{task!r} is for {', '.join(kinds)}, not for {payload.kind}.")
        if entry.get("pool") == "cold" and pattern != "send":
            raise ConfigError(
                f"{key}.pool", f"a cold pool has no {pattern}: its workers hold nothing yet. It goes with send."
            )
        if entry.get("pool") == "cold" and any(find(name).planted for name in ids):
            raise ConfigError(
                f"{key}.pool", "a cold pool makes one transfer, of which no share is known to plant (@slow). Use warm."
            )
        calls = entry.get("calls", 10) if pattern == "reuse" else 1
        if home and PATTERNS[pattern].writes:
            raise ConfigError(
                f"{key}.pattern", f"{pattern} writes into the payload by itself; if your own function does, take send, "
                "and say needs: {writable: true}."
            )  # fmt: skip
        cold, writes = entry.get("pool", "warm") == "cold", bool(home) and writable
        yield Scenario(payload, task, pattern, count, calls, cold, home, writes, ids)


def _strategies(names: Sequence[str], key: str, pythons: Sequence[str]) -> tuple[str, ...]:
    """The ids that a list of ids and groups asks for, each under every Python.

    A list that names a Python itself is taken as it stands, and so is each strategy with another mark.
    """
    try:
        found = expand(names)
    except UnknownStrategy as error:
        raise ConfigError(key, str(error)) from error
    asked = [strategy.interpreter for strategy in found if strategy.interpreter]
    for python in asked:
        if python not in pythons:
            known = f"{nearest(python, pythons)} There are: {', '.join(pythons) or 'none'}."
            raise ConfigError(key, f"'@{python}' is not one of the config's interpreters.{known}")
    more = [under(strategy.id, python) for python in pythons for strategy in found if "@" not in strategy.id]
    return tuple(dict.fromkeys([strategy.id for strategy in found] + ([] if asked else more)))


@dataclass(frozen=True)
class Extra:
    """A block beyond `blocks`, of one payload kind: only what was still open is measured in it."""

    block: int
    kind: str
    scenarios: tuple[str, ...]
    strategies: tuple[str, ...]


class Needs(TypedDict):
    """What an answer must meet."""

    writable: bool
    safe: bool
    dependencies: str


@dataclass(frozen=True)
class Plan:
    """Everything that a run measures, derived from its config and the number of cores."""

    run: str
    seed: int
    blocks: int
    reference: str
    tie_zone: float
    seconds_per_invocation: float
    budget_s: float
    needs: Mapping[str, Any]
    experiments: tuple[str, ...]
    scenarios: tuple[Scenario, ...]
    effort: str = "fixed"
    """'fixed': so many blocks. 'adaptive': more where the answer is still open, a start of the workflow at a time."""
    max_blocks: int = 40
    precision: float = 0.05
    race_out: float = 3.0
    """Who is so many times as slow as the best, in two blocks or more, need not be measured again."""
    extra: tuple[Extra, ...] = ()
    interpreters: tuple[Interpreter, ...] = ()
    """Other Pythons that strategies are measured under."""
    hosts: tuple[str, ...] = ()
    """The nodes of a cluster that measure; without any, the cluster chooses, or this machine measures."""

    @property
    def level(self) -> float:
        """Confidence of the intervals that are shown as 95 %.

        Who looks at the interval to decide whether to go on stops too often at a lucky one. An interval of 97.5 %
        pays for that, unless the truth lies on the edge of the tie zone (docs/method.md has the simulation).
        """
        return 0.975 if self.effort == "adaptive" or self.extra else 0.95

    @property
    def calibrates(self) -> bool:
        """Whether slow-downs are planted, so that the run says how right its verdicts are."""
        return any(find(name).planted for scenario in self.scenarios for name in scenario.strategies)

    @property
    def kinds(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(scenario.payload.kind for scenario in self.scenarios))

    @property
    def payloads(self) -> dict[str, Payload]:
        return {scenario.payload.id: scenario.payload for scenario in self.scenarios}

    def of_kind(self, kind: str) -> tuple[Scenario, ...]:
        return tuple(scenario for scenario in self.scenarios if scenario.payload.kind == kind)

    def beyond(self, kind: str, block: int) -> Extra | None:
        """What an extra block holds; None for a block that holds everything."""
        return next((extra for extra in self.extra if (extra.kind, extra.block) == (kind, block)), None)

    def strategies(self, kind: str, block: int = 1) -> tuple[Strategy, ...]:
        """Floors, sentinels and candidates that measure anything of this kind, in the table's order."""
        extra = self.beyond(kind, block)
        known = self.known({name for scenario in self.of_kind(kind) for name in scenario.strategies})
        asked = [strategy for strategy in known if extra is None or strategy.id in extra.strategies]
        return tuple(strategy for strategy in asked if self.jobs(kind, strategy, block))

    def host_of(self, kind: str, block: int) -> str:
        """The node that measures that block: of each kind the blocks are dealt out in turn. '' where any may do it."""
        return self.hosts[(block - 1 + self.kinds.index(kind)) % len(self.hosts)] if self.hosts else ""

    def known(self, names: Iterable[str]) -> tuple[Strategy, ...]:
        """Everything that may take part: floors, the table, both sentinels; of the names, those that no table has.

        Each Python that they name has floors of its own.
        """
        marked = {name for name in names if "@" in name or ":" in name}
        pythons = {find(name).interpreter for name in marked} - {""}
        marked |= {under(floor.id, python) for floor in FLOORS for python in pythons}
        marked |= {FLOORS[0].id + SENTINEL, self.reference + SENTINEL}
        return (*FLOORS, *expand(["all"]), *map(find, sorted(marked)))

    def python(self, strategy: str) -> str:
        """Which Python it is measured under, as 'CPython 3.13.0'; '' for the workflow's own."""
        name = find(strategy).interpreter
        return next((each.about for each in self.interpreters if each.name == name), "")

    @property
    def pythons_said(self) -> str:
        """What the marks of interpreters mean, in one sentence; '' without interpreters."""
        said = "; ".join(f"@{each.name} is {each.about}" for each in self.interpreters)
        return f"{said}; without a mark it is the Python of the workflow." if said else ""

    def jobs(self, kind: str, strategy: Strategy, block: int = 1) -> tuple[Scenario, ...]:
        """The scenarios of this kind that this strategy is measured in, in that block."""
        extra = self.beyond(kind, block)
        return tuple(
            s for s in self.of_kind(kind)
            if (extra is None or s.id in extra.scenarios)
            and self.takes_part(s, strategy) and not self.unsupported(s, strategy)
        )  # fmt: skip

    def takes_part(self, scenario: Scenario, strategy: Strategy) -> bool:
        """Floors take part everywhere, others where they are asked for; the reference brings its sentinel.

        The floors of another Python take part where anything is measured under it.
        """
        if strategy.is_floor and strategy.interpreter:
            return any(find(name).interpreter == strategy.interpreter for name in scenario.strategies)
        asked = self.reference if strategy.id == self.reference + SENTINEL else strategy.id
        return (strategy.is_floor and not strategy.planted) or not {asked, strategy.id}.isdisjoint(scenario.strategies)

    def unsupported(self, scenario: Scenario, strategy: Strategy) -> str:
        """Why the facts rule it out; '' if they do not or only the payload itself can tell."""
        return unsupported(strategy, scenario.payload.may_be, scenario.pattern, scenario.task, scenario.writes)

    def to_json(self) -> dict[str, Any]:
        """As the later steps read it: results/<run>/plan.json."""
        fields = asdict(self)
        fields["scenarios"] = [{**s.to_json(), "strategies": list(s.strategies)} for s in self.scenarios]
        return fields


def plan_from_json(data: Mapping[str, Any]) -> Plan:
    """The plan that to_json wrote.

    Raises:
        ValueError, LookupError, TypeError, AttributeError, UnknownStrategy: these are no such data.
    """
    scenarios = []
    for entry in data["scenarios"]:
        names = tuple(entry["strategies"])
        rest = {key: value for key, value in entry.items() if key != "strategies"}
        scenario = scenario_from_json(rest)
        scenarios.append(Scenario(**{**scenario.__dict__, "strategies": names}))
    fields = {
        **data, "scenarios": tuple(scenarios), "experiments": tuple(data["experiments"]),
        "extra": tuple(extra_from_json(entry) for entry in data.get("extra", ())),
        "hosts": tuple(data.get("hosts", ())),
        "interpreters": tuple(
            Interpreter(**{**entry, "facts": tuple(entry["facts"])}) for entry in data.get("interpreters", ())
        ),
    }  # fmt: skip
    plan = shaped(Plan(**fields), Plan)
    _check_possible(plan, [entry["scenario"] for entry in data["scenarios"]])
    return plan


def _check_possible(plan: Plan, ids: Sequence[str]) -> None:
    """Refuse what no config allows, whatever its type: later steps divide by it, loop over it or look it up."""
    shaped(plan.needs, Needs)
    pythons = {"", *(each.name for each in plan.interpreters)}
    for name in {plan.reference, *(name for scenario in plan.scenarios for name in scenario.strategies)}:
        if find(name).interpreter not in pythons:
            raise ValueError(f"there is no interpreter for {name!r}")
    for scenario, name in zip(plan.scenarios, ids, strict=True):
        payload = scenario.payload
        if scenario.id != name or scenario.pattern not in PATTERNS or not (
            1 <= scenario.workers <= MOST_WORKERS and 1 <= scenario.calls <= MOST_CALLS and payload.size >= 0
            and (payload.kind in KINDS or payload.maker or Path(payload.path).suffix in FILES)
        ):  # fmt: skip
            raise ValueError(f"there is no scenario {name!r}")
    if not plan.scenarios or len(set(ids)) < len(ids):
        raise ValueError("it has no scenario, or one of them twice")
    if not (
        1 <= plan.blocks <= MOST_BLOCKS and 0 <= plan.tie_zone <= 0.5 and plan.effort in ("fixed", "adaptive")
        and min(plan.seconds_per_invocation, plan.budget_s, plan.precision) > 0 and plan.race_out > 1
        and all(plan.blocks < extra.block <= MOST_BLOCKS for extra in plan.extra)
    ):  # fmt: skip
        raise ValueError("a setting in it is one that no config allows")


def extra_from_json(data: Mapping[str, Any]) -> Extra:
    """The block beyond the others that Plan.to_json or Effort.to_json wrote; raises what plan_from_json does."""
    return shaped(Extra(data["block"], data["kind"], tuple(data["scenarios"]), tuple(data["strategies"])), Extra)


def read_plan(path: Path) -> Plan:
    """The plan of results/<run>/plan.json.

    Raises:
        BadTable: it is missing or damaged.
    """
    return read_json(path, plan_from_json)


def parse_duration(text: str | int | float) -> float:
    """Seconds of '90s', '5min', '2h' or a bare number of seconds; the schema has checked its form."""
    found = re.fullmatch(r"([0-9.]+) ?(s|min|h)?", str(text))
    if not found:
        raise ConfigError("budget", f"{text!r} is not a time; a time is 90s, 5min or 2h.")
    return float(found[1]) * {"s": 1, "min": 60, "h": 3600}[found[2] or "s"]


def check_run_name(run: str) -> str:
    """The run's name becomes a folder inside results/, and must stay there.

    Raises:
        ConfigError: it would leave results/, or cannot be a folder's name.
    """
    if (
        run in ("", ".", "..", "example")
        or set("/{}").intersection(run)  # braces: Snakemake takes them for wildcards
        or run.startswith((".", "-"))
        or not run.isprintable()
        or len(run.encode()) > 100
    ):
        raise ConfigError(
            "run", f"{run!r} cannot name a folder inside results/. A run's name is 1 to 100 bytes of letters, digits, "
            "blanks and most signs, without '/', '{' and '}', not beginning with '.' or '-'; 'example' is taken."
        )  # fmt: skip
    return run


def make_plan(config: Mapping[str, Any], directory: Path, cores: int | None = None) -> Plan:
    """The plan of a config that the schema has accepted and completed (configuration.complete).

    directory is where a user's relative payload paths start; cores defaults to planned_cores().

    Raises:
        ConfigError: what the schema cannot see: an unknown strategy, a missing file, a name twice.
    """
    cores = cores or planned_cores()
    reference = config["reference"]
    interpreters = look_up(config["interpreters"], directory)
    pythons = [each.name for each in interpreters]
    choices = [strategy.id for strategy in expand(["all"])]
    if reference not in choices:
        raise ConfigError(
            "reference",
            f"{reference!r} is not a strategy.{nearest(reference, choices)} There are: {', '.join(choices)}.",
        )
    # An entry with strategies of its own measures those alone; everywhere else the reference takes part.
    default = tuple(dict.fromkeys((*_strategies(config["strategies"], "strategies", pythons), reference)))
    scenarios: dict[str, Scenario] = {}
    payloads: dict[str, Payload] = {}
    origin: dict[str, str] = {}
    for number, entry in enumerate(config["scenarios"]):
        key = f"scenarios[{number}]"
        for scenario in _entry(entry, key, directory, cores, default, pythons, config["needs"]["writable"]):
            if scenario.id in scenarios:
                raise ConfigError(
                    key, f"{scenario.id} stands in {origin[scenario.id]} already; a scenario is measured once."
                )
            same = payloads.setdefault(scenario.payload.id, scenario.payload)
            if same != scenario.payload:
                both = " and ".join(each.path or each.maker for each in (same, scenario.payload))
                raise ConfigError(
                    f"{key}.payload", f"two payloads would be called {same.id!r}: {both}. Give one of them a name."
                )
            scenarios[scenario.id], origin[scenario.id] = scenario, key
            if len(scenarios) > MOST_SCENARIOS:
                raise ConfigError(key, f"with it there are more than {MOST_SCENARIOS:,} scenarios, too many for a run.")
    asked = dict.fromkeys(name for scenario in scenarios.values() for name in scenario.strategies)
    own_functions.check_executors(named_executors(asked), directory)
    plan = Plan(
        run=check_run_name(config["run"]),
        seed=config["seed"],
        blocks=config["blocks"],
        reference=reference,
        tie_zone=config["tie_zone"],
        seconds_per_invocation=config["seconds_per_invocation"],
        budget_s=parse_duration(config["budget"]),
        needs=config["needs"],
        experiments=tuple(config["experiments"]),
        scenarios=tuple(scenarios.values()),
        effort=config["effort"],
        max_blocks=config["max_blocks"],
        precision=config["precision"],
        race_out=config["race_out"],
        interpreters=interpreters,
        hosts=tuple(config["hosts"]),
    )
    jobs = plan.blocks * sum(_most_jobs(plan.of_kind(kind)) for kind in plan.kinds)
    if jobs > MOST_JOBS:
        raise ConfigError(
            "blocks", f"{plan.blocks:,} make up to {jobs:,} measuring jobs, and a run has {MOST_JOBS:,} at most. "
            "Take fewer blocks, kinds of payloads or strategies."
        )  # fmt: skip
    return plan


def _most_jobs(scenarios: Sequence[Scenario]) -> int:
    """Of one kind in one block: its strategies, each Python's floors and two sentinels."""
    names = {name for scenario in scenarios for name in scenario.strategies}
    return len(names) + len(FLOORS) * len({"", *(find(name).interpreter for name in names)}) + 2
