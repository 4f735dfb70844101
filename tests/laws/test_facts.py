"""Facts of transports, executors and kinds are well-formed, and agree with the table."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import pytest

from handoff import executors, scenarios, strategies
from handoff.scenarios import KINDS, PATTERNS
from handoff.strategies import FLOORS, TABLE, Strategy


def names_in(room: str) -> list[str]:
    return sorted(path.stem for path in (strategies.LIBRARY / room).glob("*.py") if path.stem != "__init__")


TRANSPORTS, EXECUTORS = names_in("transports"), names_in("executors")
EVERY = (*FLOORS, *TABLE)
OWN_POOL = "own_pool:make"
"""An executor that is none of Handoff's."""

every_transport = pytest.mark.parametrize("name", TRANSPORTS)
every_executor = pytest.mark.parametrize("name", EXECUTORS)
every_strategy = pytest.mark.parametrize("strategy", EVERY, ids=lambda strategy: strategy.id)


def check_sentence(text: str) -> None:
    """A clause that the report can put into a sentence of its own."""
    assert text == text.strip()
    assert text
    assert not text.endswith(".")
    assert ". " not in text


@every_transport
def test_a_transports_facts_are_known_words(name: str) -> None:
    facts = strategies.transport_facts(name)
    check_sentence(facts.about)
    assert facts.kinds == ("any",) or set(facts.kinds) <= set(KINDS)
    assert facts.kinds
    assert set(facts.patterns) <= set(PATTERNS)
    assert facts.patterns
    assert set(facts.platforms) <= {"linux", "darwin", "win32"}
    assert "linux" in facts.platforms
    assert facts.writable in ("yes", "private copy", "no")
    assert {*facts.executors, *facts.not_executors} <= set(EXECUTORS)
    assert not (facts.executors and facts.not_executors)
    assert min(facts.copies, facts.storage_copies, facts.simplicity) >= 0


@every_transport
def test_what_a_transport_cannot_do_has_a_reason(name: str) -> None:
    facts = strategies.transport_facts(name)
    assert bool(facts.why_not) == (facts.kinds != ("any",) and set(facts.kinds) != set(KINDS))
    assert bool(facts.why_not_pattern) == (set(facts.patterns) != set(PATTERNS))
    assert bool(facts.why_not_safe) == (not facts.safe)


@every_executor
def test_an_executors_facts_are_known_words(name: str) -> None:
    facts = strategies.executor_facts(name)
    check_sentence(facts.about)
    assert bool(facts.why_not_safe) == (not facts.safe)
    assert not (facts.processes and facts.channel_carries_references), "a reference means nothing in another process"
    assert callable(executors.load(OWN_POOL if name == strategies.OWN else name))


@pytest.mark.parametrize("kind", KINDS)
def test_a_kinds_facts_hold_its_defaults_among_what_is_allowed(kind: str) -> None:
    facts = scenarios.kind_facts(kind)
    check_sentence(facts.about)
    assert all(facts.options[option] in allowed for option, allowed in facts.allowed.items())


def test_every_file_of_a_kind_is_named() -> None:
    with_facts = [name for name in names_in("payloads") if "\nFACTS = {" in _text("payloads", name)]
    assert sorted(KINDS) == with_facts


def _text(room: str, name: str) -> str:
    return Path(strategies.LIBRARY / room / f"{name}.py").read_text(encoding="utf-8")


def test_every_transport_and_executor_is_used() -> None:
    assert {strategy.transport for strategy in EVERY} == set(TRANSPORTS)
    assert {strategy.executor for strategy in EVERY} | {strategies.OWN} == set(EXECUTORS)


@every_strategy
def test_a_strategys_executor_is_one_that_its_transport_allows(strategy: Strategy) -> None:
    facts = strategies.transport_facts(strategy.transport)
    assert not facts.executors or strategy.executor in facts.executors
    assert strategy.executor not in facts.not_executors


@every_strategy
def test_a_strategy_can_be_found_and_names_its_files(strategy: Strategy) -> None:
    assert strategies.find(strategy.id) == strategy
    assert strategies.find(strategy.id + strategies.SENTINEL).parts == strategy.parts
    assert all(path.is_file() for path in strategy.files)
    assert strategy.storage in ("", "tmpfs", "disk")
    assert any(not strategy.unsupported(kind, "broadcast") for kind in KINDS)


def test_a_strategys_files_are_also_those_that_its_own_import() -> None:
    def files(name: str) -> set[str]:
        return {str(path.relative_to(strategies.LIBRARY)) for path in strategies.find(name).files}

    assert files("process_spawn-arena") == {
        "executors/process_spawn.py", "transports/arena.py", "arena.py", "copying.py",
    }  # fmt: skip
    assert "transports/pickle.py" in files("process_spawn-pickle5")


def test_no_two_strategies_have_one_id() -> None:
    assert len({strategy.id for strategy in EVERY}) == len(EVERY)


def test_simplicity_orders_the_table_completely() -> None:
    assert len({strategy.simplicity for strategy in EVERY}) == len(EVERY)


def test_no_line_of_the_table_is_a_floor() -> None:
    assert [strategy.is_floor for strategy in TABLE] == [False] * len(TABLE)
    assert [strategy.is_floor for strategy in FLOORS] == [True] * len(FLOORS)


def test_an_unknown_fact_is_refused() -> None:
    with pytest.raises(TypeError, match="unexpected keyword argument 'zerocopy'"):
        strategies.TransportFacts(**asdict(strategies.transport_facts("npy")) | {"zerocopy": True})  # type: ignore[arg-type]


def test_a_file_without_facts_is_refused(tmp_path: Path) -> None:
    (tmp_path / "new.py").write_text('"""A way."""\n', encoding="utf-8")
    with pytest.raises(LookupError, match=r"new\.py has no literal FACTS"):
        strategies._literal(tmp_path / "new.py")
