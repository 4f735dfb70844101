"""What every transport keeps, for every payload kind that its facts claim."""

from __future__ import annotations

import contextlib
import gc
import importlib
import multiprocessing
import operator
import os
import socket
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from optional import marks, missing
from payload_strategies import OF_KIND
from two_sides import (
    elsewhere,
    give,
    is_framework,
    leave,
    made,
    open_files,
    receive,
    receive_and_write,
    remains,
    send_at_start,
    source_of,
    through_channel,
    two_sides,
    workplace,
)  # fmt: skip

from handoff import payloads, scenarios, strategies, transports
from handoff.scenarios import unsupported
from handoff.strategies import Strategy, TransportFacts
from handoff.transports import CannotCarry


def facts_of(strategy: Strategy) -> TransportFacts:
    return strategies.transport_facts(strategy.transport)


def shares_references(strategy: Strategy) -> bool:
    return strategies.executor_facts(strategy.executor).channel_carries_references


def at_start(strategy: Strategy) -> bool:
    """Its payload is published before its workers start, so that no ready worker can receive it."""
    if missing(strategy):  # its file cannot be loaded, and its laws are skipped
        return False
    way: type[transports.Transport] = importlib.import_module(f"handoff.transports.{strategy.transport}").Way
    return way.before_start


def is_one_object(strategy: Strategy) -> bool:
    """Both sides hold the same object, and the facts say so."""
    return shares_references(strategy) and facts_of(strategy).zero_copy and facts_of(strategy).writable == "yes"


def channel(strategy: Strategy) -> str:
    """What sort of channel it has: by reference, a framework's own, or any process's."""
    return "reference" if shares_references(strategy) else strategy.executor if is_framework(strategy) else ""


# Each transport once with each sort of channel: neither the storage nor which process it is makes another law.
# The first strategy that has it: those behind it need more, as a newer Python.
EVERY = tuple({(s.transport, channel(s)): s for s in reversed((*strategies.FLOORS, *strategies.TABLE))}.values())
SLOW = {"manager": ("array", "text_frame", "objects")}
"""Transports that start a process of their own, which may have to import pandas, for every example; and the kinds that
they are tried with: more would show no more, since a pickle is what they hand on."""

CARRIED = [
    (s, kind) for s in EVERY for kind in SLOW.get(s.transport, scenarios.KINDS) if not unsupported(s, kind, "broadcast")
]


EXAMPLES = 25 if os.environ.get("HANDOFF_THOROUGH") else 5
"""Odd payloads that each transport is tried with, of each kind."""


def writable(kind: str) -> bool:
    return scenarios.kind_facts(kind).writable


def like(kind: str) -> str:
    """The kind that handles it."""
    return scenarios.kind_facts(kind).like or kind


def each(*chosen: tuple[Strategy, str]) -> pytest.MarkDecorator:
    def slow(strategy: Strategy) -> list[pytest.MarkDecorator]:
        return [pytest.mark.slow] if strategy.transport in SLOW else []

    params = [pytest.param(s, k, id=f"{s.id}-{k}", marks=[*slow(s), *marks(s)]) for s, k in chosen]
    return pytest.mark.parametrize("strategy, kind", params)


every_transport_and_kind = each(*CARRIED)
every_hand_over_in_one_process = each(*((s, kind) for s, kind in CARRIED if not at_start(s)))
every_process = each(
    *((s, kind) for s, kind in CARRIED if strategies.executor_facts(s.executor).processes and not at_start(s))
)
every_return = each(
    *((s, k) for s, k in CARRIED if strategies.executor_facts(s.executor).processes and not s.unsupported(k, "return"))
)


@pytest.fixture
def folder() -> Iterator[Path]:
    """For the file that a payload was read from."""
    with tempfile.TemporaryDirectory() as name:
        yield Path(name)


# --- what arrives ---


@every_transport_and_kind
@settings(max_examples=EXAMPLES, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(data=st.data())
def test_what_is_attached_equals_what_was_published(strategy: Strategy, kind: str, data: st.DataObject) -> None:
    payload = data.draw(OF_KIND[kind])
    assume(payloads.load(kind).holds(payload))
    with tempfile.TemporaryDirectory() as name:
        source = ""
        if facts_of(strategy).from_file:
            source, payload = _as_a_file_of_the_user(kind, payload, Path(name))
        before = payloads.digest(payload)
        expected = {before, payloads.digest(_native(payload)) if like(kind) == "array" else before}
        with two_sides(strategy, source=source) as (sender, receiver, _):
            place = sender.reserve()
            # Who claims any payload refuses none.
            with contextlib.nullcontext() if facts_of(strategy).kinds == ("any",) else contextlib.suppress(CannotCarry):
                ticket = through_channel(strategy, sender.publish(payload, place))
                with receiver.attach(ticket, "read") as attached:
                    assert payloads.digest(attached) in expected
                    del attached
            sender.release(place)
        assert payloads.digest(payload) == before, "publishing changed the sender's payload"


def _native(array: Any) -> Any:
    """Equal items in the machine's own byte order: numpy gives them back so where it pickles a copy of them."""
    return array.astype(array.dtype.newbyteorder("="))


def _as_a_file_of_the_user(kind: str, payload: Any, folder: Path) -> tuple[str, Any]:
    """The file's source, and what was read from it: the payload of a transport that hands the file's path over."""
    if kind == "array":
        source = source_of(kind, payload, folder)
    else:
        # An empty one is refused as a payload before any transport sees it.
        assume(like(kind) not in ("array", "frame") or payload.size)
        path = folder / "payload.pkl"
        path.write_bytes(pickle_of(payload))
        source = f"{kind}:{path}"
    return source, payloads.read_source(source)


def pickle_of(payload: Any) -> bytes:
    return bytes(multiprocessing.reduction.ForkingPickler.dumps(payload))


@every_transport_and_kind
def test_payloads_in_flight_do_not_mix_and_a_place_used_again_shows_the_new_one(
    strategy: Strategy, kind: str, folder: Path
) -> None:
    if strategy.is_floor and not is_one_object(strategy):
        pytest.skip("a floor is measured with one payload at a time")
    many = [made(kind, seed) for seed in range(4)]
    if facts_of(strategy).from_file:
        many = [made(kind)] * 4
    source = source_of(kind, many[0], folder)
    with two_sides(strategy, 2, source) as (sender, receiver, _):

        def hand_over(payload: Any) -> tuple[Any, Any]:
            place = sender.reserve()
            return place, through_channel(strategy, sender.publish(payload, place))

        waiting = [(payload, *hand_over(payload)) for payload in many[:2]]
        assert waiting[0][1] != waiting[1][1]
        for payload in many[2:]:
            (first, place, ticket), (second, _, other) = waiting
            with receiver.attach(ticket, "read") as one, receiver.attach(other, "read") as two:
                assert payloads.digest(one) == payloads.digest(first)
                assert payloads.digest(two) == payloads.digest(second)
                del one, two
            sender.release(place)
            waiting = [waiting[1], (payload, *hand_over(payload))]
        for payload, place, ticket in waiting:
            with receiver.attach(ticket, "read") as last:
                assert payloads.digest(last) == payloads.digest(payload)
                del last
            sender.release(place)


# --- what is left ---


@every_transport_and_kind
def test_nothing_is_left_also_of_a_place_where_nothing_arrived(strategy: Strategy, kind: str, folder: Path) -> None:
    payload = made(kind)
    source = source_of(kind, payload, folder)

    def hand_over() -> None:
        with two_sides(strategy, 2, source) as (sender, receiver, _):
            used, unused = sender.reserve(), sender.reserve()
            with receiver.attach(through_channel(strategy, sender.publish(payload, used)), "read") as attached:
                payloads.checksum(attached)
                del attached
            sender.release(used)
            sender.release(unused)

    def still_open() -> list[str]:
        gc.collect()  # what lies in a cycle keeps its file until then
        # A framework's threads open and close what they like, but nothing where the hand-over took place.
        return [name for name in open_files() if not is_framework(strategy) or "/run=1 " in name or "laws-" in name]

    hand_over()  # packages open files of their own when they are first used
    before = still_open()
    hand_over()
    assert still_open() == before


# --- who may write ---


@every_hand_over_in_one_process
def test_a_reader_cannot_change_what_the_sender_holds(strategy: Strategy, kind: str, folder: Path) -> None:
    payload = made(kind)
    before = payloads.digest(payload)
    with two_sides(strategy, source=source_of(kind, payload, folder)) as (sender, receiver, _):
        place = sender.reserve()
        ticket = sender.publish(payload, place)
        with receiver.attach(through_channel(strategy, ticket), "read") as attached:
            assert (attached is payload) == is_one_object(strategy)
            if attached is not payload:
                payloads.overwrite(attached, 987)
            del attached
        assert payloads.digest(payload) == before
        if facts_of(strategy).zero_copy:
            with receiver.attach(through_channel(strategy, ticket), "read") as again:
                assert payloads.digest(again) == before, "a reader wrote into memory that others read"
                del again
        sender.release(place)


@each(*(
    (s, kind) for s, kind in CARRIED
    if not at_start(s) and not s.is_floor and not is_one_object(s) and facts_of(s).writable != "no" and writable(kind)
))  # fmt: skip
def test_a_private_copy_can_be_written_into_and_nobody_else_sees_it(
    strategy: Strategy, kind: str, folder: Path
) -> None:
    payload = made(kind)
    before = payloads.digest(payload)
    with two_sides(strategy, source=source_of(kind, payload, folder)) as (sender, receiver, _):
        place = sender.reserve()
        ticket = sender.publish(payload, place)
        with receiver.attach(through_channel(strategy, ticket), "private") as attached:
            assert payloads.overwrite(attached, 987)
            assert payloads.digest(attached) != before
            with receiver.attach(through_channel(strategy, ticket), "private") as again:
                assert payloads.digest(again) == before
                del again
            del attached
        assert payloads.digest(payload) == before
        sender.release(place)


@each(*(
    (s, kind) for s, kind in CARRIED
    if not at_start(s) and not is_one_object(s) and {"any", kind}.intersection(facts_of(s).shares_writes)
))  # fmt: skip
def test_what_is_written_into_a_shared_payload_is_seen_by_whoever_attaches_next(strategy: Strategy, kind: str) -> None:
    payload = made(kind)
    expected = payloads.copy(payload)
    payloads.overwrite(expected, 987)
    with two_sides(strategy) as (sender, receiver, _):
        place = sender.reserve()
        ticket = sender.publish(payload, place)
        with receiver.attach(through_channel(strategy, ticket), "shared") as attached:
            assert payloads.overwrite(attached, 987)
            del attached
        with sender.attach(ticket, "read") as seen:
            assert payloads.digest(seen) == payloads.digest(expected)
            del seen
        sender.release(place)


@each(*((s, kind) for s, kind in CARRIED if facts_of(s).writable == "no" and kind == "array"))
def test_what_is_declared_read_only_is(strategy: Strategy, kind: str) -> None:
    payload = made(kind)
    with two_sides(strategy) as (sender, receiver, _):
        place = sender.reserve()
        with receiver.attach(through_channel(strategy, sender.publish(payload, place)), "read") as attached:
            with pytest.raises(ValueError, match="read-only"):
                attached[0] = 0
            del attached
        sender.release(place)


# --- what was made there ---


@pytest.mark.parametrize("shared", [False, True], ids=["read", "shared"])
@each(*((s, kind) for s, kind in CARRIED if facts_of(s).born_there))
def test_what_was_made_there_is_handed_over_without_a_copy(strategy: Strategy, kind: str, shared: bool) -> None:
    payload = made(kind)
    before = payloads.digest(payload)
    with two_sides(strategy, shared=shared) as (sender, receiver, _):
        born = sender.adopt(payload, sender.reserve())
        assert payloads.digest(born) == before
        place = sender.reserve()
        ticket = through_channel(strategy, sender.publish(born, place))
        assert payloads.stamp(born, 987)
        assert payloads.digest(payload) == before
        assert sender.stored(place) == 0
        with receiver.attach(ticket, "read") as attached:
            assert payloads.digest(attached) == payloads.digest(born) != before
            del attached
        sender.release(place)
        del born


# --- between two processes ---


@every_process
def test_another_process_gets_what_was_sent(strategy: Strategy, kind: str, folder: Path) -> None:
    other = elsewhere(strategy)
    payload = made(kind)
    before = payloads.digest(payload)
    with workplace(strategy, source=source_of(kind, payload, folder)) as spec:
        sender = transports.build(spec)
        place = sender.reserve()
        ticket = sender.publish(payload, place)
        pid, arrived = other.submit(receive, spec, ticket).result(60)
        assert pid != os.getpid()
        assert arrived == before
        if facts_of(strategy).writable != "no" and writable(kind):
            assert other.submit(receive_and_write, spec, ticket).result(60)
        assert payloads.digest(payload) == before
        assert other.submit(leave, spec).result(60) == []
        sender.release(place)
        sender.close()


@every_return
def test_the_parent_gets_what_another_process_published(strategy: Strategy, kind: str) -> None:
    other = elsewhere(strategy)
    with workplace(strategy) as spec:
        parent = transports.build(spec)
        for seed in (5, 6):  # the second one into a place that may have been used before
            place = parent.reserve()
            ticket = other.submit(give, spec, kind, seed, place).result(60)
            with parent.attach(ticket, "read") as result:
                assert payloads.digest(result) == payloads.digest(made(kind, seed))
                del result
            parent.release(place)
        assert other.submit(leave, spec).result(60) == []
        parent.close()
        assert remains(spec) == []


@each(*((s, kind) for s, kind in CARRIED if at_start(s)))
def test_a_worker_that_starts_after_publishing_gets_it_and_writes_into_a_copy(strategy: Strategy, kind: str) -> None:
    # From a process without threads, which alone may be forked.
    with workplace(strategy) as spec:
        found = elsewhere(strategy).submit(send_at_start, strategy, spec, kind).result(60)
    assert found == {
        "elsewhere": True, "arrived": True, "wrote": writable(kind), "sender's unchanged": True, "left open": [],
    }  # fmt: skip


# --- one transport's own promises ---


@pytest.mark.parametrize("name, protocol", [("pickle4", 4), ("pickle5", 5), ("pickle5_bounded", 5)])
def test_a_protocol_holds_for_the_channel_until_its_last_instance_is_closed(name: str, protocol: int) -> None:
    def in_use() -> int:
        return pickle_of([1.5])[1]

    usual = in_use()
    spec = transports.Spec(name, "", "", 1)
    first = transports.build(spec)
    assert in_use() == protocol
    second = transports.build(spec)
    first.close()
    assert in_use() == protocol
    second.close()
    assert in_use() == usual


def test_pipes_are_read_in_small_pieces_until_the_last_instance_is_closed() -> None:
    def most_wanted() -> int:
        wanted = []

        def read(descriptor: int, size: int) -> bytes:
            wanted.append(size)
            return bytes(min(size, 1000))

        reading, writing = multiprocessing.Pipe(duplex=False)
        with reading, writing:
            assert len(reading._recv(10**6, read).getvalue()) == 10**6
        return max(wanted)

    usual = most_wanted()
    assert (usual <= 65536) == (sys.version_info >= (3, 14))
    spec = transports.Spec("pickle5_bounded", "", "", 1)
    first, second = transports.build(spec), transports.build(spec)
    first.close()
    assert most_wanted() == 65536
    second.close()
    assert most_wanted() == usual


def test_a_socket_gives_nothing_where_its_publisher_has_forgotten_or_ended(folder: Path) -> None:
    spec = transports.Spec("outofband_socket", str(folder), "", 1)
    parent, worker = transports.build(spec), transports.build(spec)
    first, second = parent.reserve(), parent.reserve()
    for place in (first, second):
        worker.publish(b"payload", place)
    parent.release(first)
    with pytest.raises(FileNotFoundError), parent.attach(first, "read"):
        pass
    worker.close()
    with pytest.raises(OSError, match=r"No such file|refused"), parent.attach(second, "read"):
        pass
    parent.release(second)
    parent.close()
    assert list(folder.iterdir()) == []


def test_a_receiver_that_has_gone_does_not_keep_a_socket_from_closing(folder: Path) -> None:
    spec = transports.Spec("outofband_socket", str(folder), "", 1)
    sender = transports.build(spec)
    place = sender.publish(bytes(10**7), sender.reserve())
    with socket.socket(socket.AF_UNIX) as stuck, socket.socket(socket.AF_UNIX) as gone:
        for receiver in (stuck, gone):
            receiver.connect(place)
            receiver.sendall(b"give %s\n" % Path(place).name.encode())
            assert receiver.recv(1)
        gone.close()
        sender.release(place)
        sender.close()
    assert list(folder.iterdir()) == []


def test_an_arrow_table_arrives_as_one(folder: Path) -> None:
    pa = importlib.import_module("pyarrow")
    words = [pa.array(["a", "b"]).dictionary_encode(), pa.array(["c"]).dictionary_encode()]
    table = pa.table({"words": pa.chunked_array(words), "numbers": [1, None, 3]}).replace_schema_metadata({"a": "b"})
    sides = [transports.build(transports.Spec("arrow", str(folder), "", 1)) for _ in range(2)]
    place = sides[0].reserve()
    with sides[1].attach(sides[0].publish(table[1:], place), "read") as attached:
        assert attached.schema.equals(table.schema, check_metadata=True)
        assert attached.to_pydict() == table[1:].to_pydict()
        assert attached["words"].num_chunks == 2
    sides[0].release(place)


JOBLIB = strategies.find("joblib-joblib_memmap")


@pytest.mark.skipif(bool(missing(JOBLIB)), reason=missing(JOBLIB))
def test_joblib_sends_an_array_as_it_was_the_first_time_unless_it_is_another_object() -> None:
    np = importlib.import_module("numpy")
    first = operator.itemgetter(0)
    with workplace(JOBLIB) as spec:
        way, other, array = transports.build(spec), elsewhere(JOBLIB), np.zeros(2**18)
        assert other.submit(first, array).result(60) == 0
        array[0] = 1
        assert other.submit(first, array).result(60) == 0, "the hazard that the facts name has gone"
        assert other.submit(first, way.publish(array, way.reserve())).result(60) == 1


def _refused(transport: str, payload: Any) -> str:
    strategy = next(s for s in EVERY if s.transport == transport)
    with two_sides(strategy) as (sender, _, _):
        place = sender.reserve()
        with pytest.raises(CannotCarry) as refusal:
            sender.publish(payload, place)
        sender.release(place)
    return str(refusal.value)


def test_a_refusal_says_what_cannot_be_carried() -> None:
    np, pd = (importlib.import_module(name) for name in ("numpy", "pandas"))
    assert _refused("arrow", np.zeros(2, ">f8")) == "Arrow has no items of dtype >f8: Byte-swapped arrays not supported"
    assert _refused("arrow", np.zeros(2, "U3")) == "Arrow would give items of dtype <U3 back as object"
    assert "complex" in _refused("arrow", pd.DataFrame({"z": [1j]}))
    held = pd.DataFrame({"x": pd.Series([1, "a"], dtype=object)})
    said = "column 'x' holds Python objects, whose types would not come back"
    assert [_refused(name, held) for name in ("arrow", "parquet")] == [said, said]
    seconds = pd.DataFrame({"t": np.zeros(1, "M8[s]")})
    assert _refused("parquet", seconds) == "Parquet has no dates in whole seconds, as column 't' holds them"
    single = "a ShareableList holds Python's numbers of 64 bits, not items of dtype float32"
    assert _refused("shareable_list", np.zeros(2, "f4")) == single
    half = pd.DataFrame({"h": np.zeros(1, "f2")})
    assert _refused("fastparquet", half) == "fastparquet would give column 'h' of dtype float16 back as float32"
