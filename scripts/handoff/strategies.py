"""The table of strategies: one line each. Their modules load only when they are used.

A strategy is an executor, a transport and, where the transport writes files, the storage they lie on;
its id is `<executor>-<transport>[-<storage>]`. What an executor or a transport can do stands as a
literal, FACTS, at the top of its own file. It is read here without running that file, so that a plan
can be made, and a missing package named, where the package is not installed.

Standard library only.
"""

from __future__ import annotations

import ast
import difflib
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, Final

from handoff.mistakes import HandoffError

LIBRARY: Final = Path(__file__).parent
SENTINEL: Final = "@again"
"""Suffix of an A/A sentinel: the same strategy measured a second time in every block."""

PLANTED: Final = "@slow"
"""Suffix of a strategy that is made so many percent slower on purpose, as `@slow10`: the instrument must find it."""

INTERPRETER_NAME: Final = "(?!again$|slow[0-9]*$)[a-z][a-z0-9_]{0,11}"
"""What a config may call another Python; with an @ before it, the suffix of what is measured under it: `@py313`."""

_MARK: Final = f"again|slow[1-9][0-9]?|{INTERPRETER_NAME}"

PATTERN_NAMES: Final = (
    "send", "return", "roundtrip", "broadcast", "scatter", "reuse", "mutate_private", "mutate_shared",
)  # fmt: skip
"""How data may flow; patterns.PATTERNS says what each is."""


OWN: Final = "own"
"""The file of executors that are none of Handoff's: a strategy names such a one as `module:factory`."""

_OWN_EXECUTOR: Final = r"([A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*:[A-Za-z_]\w*)-(.*)"


class UnknownStrategy(HandoffError):
    """A name that is neither a strategy's nor a group's, with the nearest right one."""


@dataclass(frozen=True)
class ExecutorFacts:
    """What holds for an executor; the literal FACTS of scripts/handoff/executors/<name>.py."""

    about: str
    """One sentence: who runs the task."""
    simplicity: int
    """Rank among executors, 1 is simplest: decides between strategies that are equally fast."""
    processes: bool = True
    """Workers are processes of their own."""
    channel_carries_references: bool = False
    """A ticket arrives as the same object (threads), not as a pickled copy."""
    needs: tuple[str, ...] = ()
    """Modules that must be importable."""
    own_threads: tuple[str, ...] = ()
    """Variables that say how many threads a library has, which are what makes this way quick: one for each core."""
    python: str = ""
    """The oldest Python that has it, as '3.14'; '' for any that Handoff runs under."""
    safe: bool = True
    why_not_safe: str = ""
    floor: bool = False
    """Not a way to hand data over but what physics allows; never recommended."""

    def runs_under(self, version: tuple[int, int]) -> bool:
        """Whether a Python of that version has it."""
        return not self.python or version >= tuple(map(int, self.python.split(".")))


@dataclass(frozen=True)
class TransportFacts:
    """What holds for a transport; the literal FACTS of scripts/handoff/transports/<name>.py."""

    about: str
    """One sentence: how the payload gets there."""
    simplicity: int
    """Rank among transports, 1 is simplest."""
    kinds: tuple[str, ...]
    """Payload kinds that it carries unchanged; see handoff/payloads."""
    why_not: str = ""
    """Why it carries no other kind, as the end of 'unsupported: ...'."""
    patterns: tuple[str, ...] = PATTERN_NAMES
    """As far as it depends on the transport itself; who may write decides on the two that write."""
    why_not_pattern: str = ""
    platforms: tuple[str, ...] = ("linux", "darwin", "win32")
    needs: tuple[str, ...] = ()
    programs: tuple[str, ...] = ()
    """Programs that must be on the PATH."""
    executors: tuple[str, ...] = ()
    """Only under these executors; empty: under every one."""
    not_executors: tuple[str, ...] = ()
    safe: bool = True
    why_not_safe: str = ""
    zero_copy: bool = False
    """The receiver reads the sender's pages or the file's, not a copy of its own."""
    writable: str = "yes"
    """What the receiver may do with it: 'yes' (its own), 'private copy' (copied as it writes), 'no'."""
    shares_writes: tuple[str, ...] = ()
    """Payload kinds that a receiver can write into so that whoever attaches the ticket next sees it; ('any',): all."""
    born_there: bool = False
    """Needs the payload made in place: ranked in a group of its own."""
    copies: float = 2.0
    """The most memory that one hand-over takes beyond the payload itself, in payloads: for the arithmetic."""
    storage_copies: float = 0.0
    """How much of that lies in files, in payloads: compared with the storage's free room."""
    most_bytes: int = 0
    """Larger payloads are not tried, since it would take too long; 0: no limit."""
    arrives_in: str = ""
    """The library in whose form the payload arrives, where it is another than its own: tasks must be written for it."""
    own_threads: tuple[str, ...] = ()
    """As of executors."""
    from_file: bool = False
    """The payload is the file it came from: what arrives cannot carry this transfer's stamp."""
    hazard: str = ""
    """What goes wrong if it is used carelessly."""


def _literal(path: Path) -> dict[str, Any]:
    """The literal FACTS of a module, without running it."""
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        targets = (
            node.targets if isinstance(node, ast.Assign) else [node.target] if isinstance(node, ast.AnnAssign) else []
        )
        if any(isinstance(target, ast.Name) and target.id == "FACTS" for target in targets):
            facts: dict[str, Any] = ast.literal_eval(node.value)  # type: ignore[attr-defined]
            return facts
    raise LookupError(f"{path.name} has no literal FACTS")


@cache
def _with_imports(path: Path) -> tuple[Path, ...]:
    """A module's file and those of our single modules that it imports, whichever way, without running any."""
    found = [path]
    for file in found:
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and node.module and node.module.partition(".")[0] == "handoff":
                names = (node.module, *(f"{node.module}.{alias.name}" for alias in node.names))
                modules = (LIBRARY.joinpath(*name.split(".")[1:]).with_suffix(".py") for name in names)
                found += [module for module in modules if module.is_file() and module not in found]
    return tuple(found)


def _executor_file(name: str) -> Path:
    return LIBRARY / "executors" / f"{OWN if ':' in name else name}.py"


@cache
def executor_facts(name: str) -> ExecutorFacts:
    return ExecutorFacts(**_literal(_executor_file(name)))


@cache
def transport_facts(name: str) -> TransportFacts:
    return TransportFacts(**_literal(LIBRARY / "transports" / f"{name}.py"))


@dataclass(frozen=True)
class Strategy:
    """One line of the comparison."""

    id: str
    groups: tuple[str, ...] = field(default=(), compare=False)

    @property
    def is_sentinel(self) -> bool:
        return self.id.endswith(SENTINEL)

    @property
    def base(self) -> str:
        """The id without its mark."""
        return self.id.partition("@")[0]

    @property
    def planted(self) -> float:
        """By which share it is made slower on purpose; 0 for every real strategy."""
        found = re.fullmatch(f".*{PLANTED}([1-9][0-9]?)", self.id)
        return int(found[1]) / 100 if found else 0.0

    @property
    def interpreter(self) -> str:
        """What the config calls the Python that it is measured under; '' for the workflow's own."""
        return "" if self.is_sentinel or self.planted else self.id.partition("@")[2]

    @property
    def twin(self) -> str:
        """Which strategy a sentinel or a planted one is compared with; of any other its own id."""
        return self.base if self.is_sentinel or self.planted else self.id

    @property
    def floor(self) -> str:
        """The floor that it is held against: the task alone, under the same Python."""
        return under(FLOORS[0].id, self.interpreter)

    @property
    def parts(self) -> tuple[str, str, str]:
        """Executor, transport, storage. A floor's id is one word, since it is no way to hand data over."""
        executor, transport, storage, *_ = (*_FLOOR_PARTS.get(self.base, tuple(self.base.split("-"))), "", "")
        return executor, transport, storage

    @property
    def executor(self) -> str:
        return self.parts[0]

    @property
    def transport(self) -> str:
        return self.parts[1]

    @property
    def storage(self) -> str:
        """'tmpfs', 'disk', or '' for a transport that does not let one choose."""
        return self.parts[2]

    @property
    def snippet(self) -> Path:
        """The code to paste, the same under every Python; with an executor of one's own, that of the same transport."""
        base = _with_own_executor()[self.base.partition("-")[2]] if ":" in self.base else self.base
        return LIBRARY / "snippets" / f"{base.replace('-', '_')}.py"

    @property
    def is_floor(self) -> bool:
        return executor_facts(self.executor).floor

    @property
    def role(self) -> str:
        marked = "sentinel" if self.is_sentinel else "planted" if self.planted else ""
        return marked or ("floor" if self.is_floor else "candidate")

    @property
    def safe(self) -> bool:
        return executor_facts(self.executor).safe and transport_facts(self.transport).safe

    @property
    def needs(self) -> tuple[str, ...]:
        """Modules that must be importable beyond the payload's own."""
        return tuple(dict.fromkeys((*executor_facts(self.executor).needs, *transport_facts(self.transport).needs)))

    @property
    def own_threads(self) -> tuple[str, ...]:
        """Variables of libraries whose own threads it is meant to use."""
        return (*executor_facts(self.executor).own_threads, *transport_facts(self.transport).own_threads)

    @property
    def programs(self) -> tuple[str, ...]:
        """Programs that must be on the PATH."""
        return transport_facts(self.transport).programs

    @property
    def simplicity(self) -> tuple[bool, int, int, str]:
        """Sorts simplest first: fewest new things to learn and to clean up. The Python that one has comes first."""
        executor, transport = executor_facts(self.executor), transport_facts(self.transport)
        ranks = executor.simplicity + transport.simplicity, transport.simplicity
        return (bool(self.interpreter), *ranks, self.id)

    @property
    def files(self) -> tuple[Path, ...]:
        """The source files that are this strategy's own; editing one asks for new measurements."""
        own = _executor_file(self.executor), LIBRARY / "transports" / f"{self.transport}.py"
        return tuple(dict.fromkeys(file for path in own for file in _with_imports(path)))

    def unsupported(self, kind: str, pattern: str) -> str:
        """Why the facts rule it out for this payload kind and pattern; '' if they do not."""
        facts = transport_facts(self.transport)
        if facts.kinds != ("any",) and kind not in facts.kinds:
            return f"{self.transport} cannot carry {kind}: {facts.why_not}"
        if pattern not in facts.patterns:
            return f"{self.transport} cannot {pattern}: {facts.why_not_pattern}"
        if pattern == "mutate_private" and facts.writable == "no":
            return f"{self.transport} cannot {pattern}: what arrives may not be written into"
        if pattern == "mutate_shared" and not {"any", kind}.intersection(facts.shares_writes):
            return f"{self.transport} cannot {pattern}: what the receiver writes into {kind} nobody else sees"
        return ""


_FLOOR_PARTS: Final = {"inline": ("inline", "reference"), "memcpy": ("inline", "memcpy")}
FLOORS: Final = tuple(Strategy(name) for name in _FLOOR_PARTS)
"""Measured in every block: the task alone, and one copy into warm memory before it."""

TABLE: Final = (
    Strategy("threads-reference", ("article", "stdlib")),
    Strategy("pool_spawn-pickle", ("article", "stdlib")),
    Strategy("process_spawn-pickle4", ("stdlib",)),
    Strategy("process_spawn-pickle5", ("stdlib",)),
    Strategy("process_spawn-pickle5_bounded", ("stdlib",)),
    Strategy("process_spawn-outofband_socket", ("stdlib",)),
    Strategy("process_spawn-outofband_memfd", ("stdlib",)),
    Strategy("process_spawn-outofband_shared_memory", ("stdlib",)),
    Strategy("process_spawn-outofband_file-tmpfs", ("stdlib",)),
    Strategy("process_spawn-outofband_file-disk", ("stdlib",)),
    Strategy("pool_spawn-fastparquet-disk", ("article",)),
    Strategy("process_spawn-fastparquet-tmpfs"),
    Strategy("process_spawn-fastparquet-disk"),
    Strategy("process_spawn-parquet-tmpfs"),
    Strategy("process_spawn-parquet-disk"),
    Strategy("process_spawn-parquet_zstd-tmpfs"),
    Strategy("process_spawn-parquet_zstd-disk"),
    Strategy("process_spawn-arrow-tmpfs"),
    Strategy("process_spawn-arrow-disk"),
    Strategy("process_spawn-arrow_copy-tmpfs"),
    Strategy("process_spawn-arrow_copy-disk"),
    Strategy("process_spawn-feather-tmpfs"),
    Strategy("process_spawn-feather-disk"),
    Strategy("process_spawn-npy-tmpfs"),
    Strategy("process_spawn-npy-disk"),
    Strategy("process_spawn-shared_memory", ("stdlib",)),
    Strategy("process_spawn-shared_memory_reused", ("stdlib",)),
    Strategy("process_spawn-shared_memory_born", ("stdlib",)),
    Strategy("process_spawn-raw_array", ("stdlib",)),
    Strategy("process_spawn-shareable_list", ("stdlib",)),
    Strategy("process_spawn-manager", ("stdlib",)),
    Strategy("process_spawn-arena", ("stdlib",)),
    Strategy("process_spawn-arena_born", ("stdlib",)),
    Strategy("process_fork-inherit", ("stdlib",)),
    Strategy("process_spawn-load_in_worker", ("stdlib",)),
    Strategy("caller-polars"),
    Strategy("process_spawn-cloudpickle"),
    Strategy("joblib-joblib_memmap"),
    Strategy("mpi-pickle"),
    Strategy("mpi_pkl5-mpi_buffers"),
    Strategy("mpi_world-mpi_window"),
    Strategy("dask-pickle"),
    Strategy("dask-dask_scatter"),
    Strategy("ray-argument"),
    Strategy("ray-object_store"),
    Strategy("process_spawn-lmdb-tmpfs"),
    Strategy("process_spawn-polars_ipc-tmpfs"),
    Strategy("process_spawn-zeromq"),
    Strategy("process_spawn-torch"),
    Strategy("process_spawn-redis"),
    Strategy("process_spawn-iceoryx2"),
    Strategy("process_spawn-zenoh"),
    Strategy("process_spawn-initializer", ("stdlib",)),
    Strategy("process_forkserver-pickle5", ("stdlib",)),
    Strategy("process_forkserver_preload-pickle5", ("stdlib",)),
    Strategy("process_forkserver_preload-initializer", ("stdlib",)),
    Strategy("interpreters-pickle", ("stdlib",)),
    Strategy("loky-pickle"),
    Strategy("direct-pickle5", ("stdlib",)),
    Strategy("direct_raw-pickle5", ("stdlib",)),
)


def groups() -> dict[str, tuple[str, ...]]:
    """Names that stand for several strategies; 'all' is every line of the table."""
    names = {name for strategy in TABLE for name in strategy.groups}
    found = {name: tuple(s.id for s in TABLE if name in s.groups) for name in sorted(names)}
    return {**found, "all": tuple(strategy.id for strategy in TABLE)}


@cache
def _with_own_executor() -> dict[str, str]:
    """What can follow an executor of one's own in an id, and the strategy whose code shows the same transport."""
    found: dict[str, str] = {}
    for strategy in TABLE:
        facts = transport_facts(strategy.transport)
        if strategy.executor.endswith("_spawn") and not facts.executors and OWN not in facts.not_executors:
            found.setdefault(strategy.id.partition("-")[2], strategy.id)
    return found


def named_executors(names: Iterable[str]) -> tuple[str, ...]:
    """The executors among the strategies of these ids that are none of Handoff's."""
    return tuple(dict.fromkeys(find(name).executor for name in names if ":" in name))


def nearest(word: str, choices: Sequence[str]) -> str:
    """' Did you mean ...?' for the choice that looks most like the word, or ''."""
    close = difflib.get_close_matches(str(word), choices, n=1, cutoff=0.5)
    return f" Did you mean {close[0]!r}?" if close else ""


def under(strategy: str, interpreter: str) -> str:
    """The id of the strategy under that Python; '' is the workflow's own."""
    return f"{strategy}@{interpreter}" if interpreter else strategy


def find(name: str) -> Strategy:
    """The strategy or floor of that id, also of a marked one's. Which interpreters there are, only a plan knows.

    Raises:
        UnknownStrategy: no such id, with the nearest one; or nothing that may be a mark.
    """
    base, at, mark = name.partition("@")
    if at and not re.fullmatch(_MARK, mark):
        raise UnknownStrategy(
            f"{name!r} has an unknown mark; there are {SENTINEL}, {PLANTED}1 to {PLANTED}99 and interpreters' names, "
            "as @py313."
        )
    for strategy in (*FLOORS, *TABLE):
        if strategy.id == base:
            return Strategy(name, strategy.groups)
    if own := re.fullmatch(_OWN_EXECUTOR, base):
        ways = list(_with_own_executor())
        if own[2] in ways:
            return Strategy(name)
        raise UnknownStrategy(
            f"{name!r} names the executor {own[1]!r}, and {own[2]!r} is no way for one of your own."
            f"{nearest(own[2], ways)} There are: {', '.join(ways)}."
        )
    choices = [s.id for s in (*FLOORS, *TABLE)]
    raise UnknownStrategy(f"{name!r} is not a strategy.{nearest(name, choices)} There are: {', '.join(choices)}.")


def expand(names: Sequence[str]) -> tuple[Strategy, ...]:
    """Strategies of a list of ids and group names, each once, in the list's order.

    Raises:
        UnknownStrategy: a name that is neither.
    """
    found: dict[str, Strategy] = {}
    by_group = groups()
    for name in names:
        if "@" in name or ":" in name:
            find(name)
        elif name not in by_group and name not in {s.id for s in TABLE}:
            choices = [*by_group, *(s.id for s in TABLE)]
            raise UnknownStrategy(
                f"{name!r} is not a strategy or group.{nearest(name, choices)} There are: {', '.join(choices)}."
            )
        for member in by_group.get(name, (name,)):
            found.setdefault(member, find(member))
    return tuple(found.values())
