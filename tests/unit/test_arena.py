"""The arena: what is attached equals what was published, memory is bounded and given back, nobody is surprised."""

from __future__ import annotations

import itertools
import multiprocessing
import os
import pickle
import signal
import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from handoff import arena, copying
from handoff.arena import HUGE, MUCH, SMALL, TURNS, Arena, Place
from handoff.copying import Copier

SCRIPTS = Path(__file__).parents[2] / "scripts"
MIB = 2**20


@pytest.fixture
def owner() -> Iterator[Arena]:
    with closing(Arena(name="test-arena")) as made:
        yield made


@pytest.fixture
def other() -> Iterator[Arena]:
    """Another side, in the same process: it shares nothing with the owner but what lies outside of both."""
    with closing(Arena(name="test-arena")) as made:
        yield made


def held(place: Place) -> int:
    """Bytes that the kernel has handed out for the place."""
    return Path(place[0]).stat().st_blocks * 512


def turn(owner: Arena, size: int) -> Place:
    """One payload of that size comes and goes."""
    place = owner.reserve()
    owner.publish(np.ones(size, np.uint8), place)
    owner.release(place)
    return place


def descriptors() -> list[str]:
    """What this process's descriptors stand for."""
    links = [Path("/proc/self/fd", name) for name in os.listdir("/proc/self/fd")]  # noqa: PTH208 (its own is closed)
    return sorted(str(link.readlink()) for link in links if link.is_symlink())


def mapped(name: str) -> bool:
    """Whether this process still maps memory of that name."""
    return f"/memfd:{name} " in Path("/proc/self/maps").read_text(encoding="utf-8")


# --- what arrives ---

_BYTES = st.sampled_from([0, 1, 63, 64, 65, SMALL - 1, SMALL, SMALL + 1, 3 * SMALL])
_ARRAYS = st.builds(
    lambda size, dtype, step: np.arange(size // np.dtype(dtype).itemsize * step, dtype=np.int64).astype(dtype)[::step],
    _BYTES, st.sampled_from(["u1", "f8", "i2"]), st.sampled_from([1, 2]),
)  # fmt: skip
_PAYLOADS = st.recursive(
    st.one_of(_ARRAYS, st.text(max_size=9), st.none(), _BYTES.map(bytes), _BYTES.map(bytearray)),
    lambda part: st.one_of(st.lists(part, max_size=4), st.dictionaries(st.integers(), part, max_size=3)),
    max_leaves=6,
)


def same(one: Any, two: Any) -> bool:
    if isinstance(one, np.ndarray):
        return bool(one.dtype == two.dtype and np.array_equal(one, two))
    if isinstance(one, list):
        return len(one) == len(two) and all(map(same, one, two))
    if isinstance(one, dict):
        return bool(one.keys() == two.keys()) and all(same(one[key], two[key]) for key in one)
    return type(one) is type(two) and bool(one == two)


@given(
    st.lists(st.tuples(_PAYLOADS, st.sampled_from(["read", "private", "shared"])), min_size=1, max_size=4), st.data()
)
@settings(deadline=None)
def test_what_is_attached_equals_what_was_published(payloads: list[tuple[Any, Any]], data: st.DataObject) -> None:
    in_band = data.draw(st.sampled_from([0, 1, SMALL, 2 * SMALL]))
    with closing(Arena(in_band=in_band)) as owner, closing(Arena()) as other:
        for payload, access in payloads:
            place = owner.reserve()
            ticket = pickle.loads(pickle.dumps(owner.publish(payload, place)))
            with other.attach(ticket, access) as attached:
                assert same(payload, attached)
                del attached
            owner.release(place)


def test_a_ticket_is_small_whatever_the_payload(owner: Arena) -> None:
    strided = np.zeros((1000, 1000))[:, ::2]
    for payload in (np.zeros(MIB), strided, list(range(100_000)), bytes(MIB), "x" * MIB, [np.zeros(100)] * 100):
        assert len(pickle.dumps(owner.publish(payload, owner.reserve()))) < 2 * SMALL


def test_what_is_small_needs_no_memory(owner: Arena) -> None:
    place = owner.reserve()
    ticket = owner.publish({"numbers": np.arange(100.0), "words": ["a"] * 100}, place)
    assert isinstance(ticket, bytes)
    assert (held(place), owner.stored(place)) == (0, 0)


@pytest.mark.parametrize("size", [1, 1000, HUGE, 3 * HUGE + 8])
def test_arrays_begin_at_cache_lines_and_large_memory_at_huge_pages(owner: Arena, size: int) -> None:
    with closing(Arena(in_band=1)) as owner:
        place = owner.reserve()
        ticket = owner.publish([np.ones(size, np.uint8), np.ones(3, np.uint8), np.ones(5)], place)
        for access in ("read", "private", "shared"):
            with owner.attach(ticket, access) as arrays:
                addresses = [array.ctypes.data for array in arrays]
                del arrays
            assert [address % 64 for address in addresses] == [0, 0, 0]
            assert addresses[0] % (HUGE if size >= HUGE else 64) == 0
        assert owner.stored(place) == ticket[1][-1][1]


# --- who may write ---


@pytest.mark.parametrize("size", [SMALL, 2 * HUGE])
def test_a_reader_may_not_write_a_private_copy_stays_private_and_shared_writes_are_seen(
    owner: Arena, other: Arena, size: int
) -> None:
    ticket = owner.publish(np.zeros(size, np.uint8), owner.reserve())

    def first_and_last() -> tuple[int, int]:
        with owner.attach(ticket) as array:
            found = int(array[0]), int(array[-1])
            del array
            return found

    with other.attach(ticket, "read") as array:
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 1
        del array
    with other.attach(ticket, "private") as array:
        array[0] = array[-1] = 1
        assert first_and_last() == (0, 0)
        del array
    with other.attach(ticket, "private") as array:
        assert not array.any()
        del array
    with other.attach(ticket, "shared") as array:
        array[0], array[-1] = 2, 3
        del array
    assert first_and_last() == (2, 3)


# --- memory ---


def test_it_grows_by_a_quarter_more_than_needed_and_not_each_time(owner: Arena) -> None:
    sizes = range(100_000, 6 * MIB, 100_000)
    kept = [held(turn(owner, size)) for size in sizes]
    assert all(size <= has <= 1.25 * size + HUGE for size, has in zip(sizes, kept, strict=True))
    assert kept == sorted(kept)
    assert len(set(kept)) < 20


@pytest.mark.parametrize("large", [3 * HUGE, 40 * MIB])
def test_it_gives_memory_back_when_none_of_the_last_turns_needed_it(owner: Arena, large: int) -> None:
    place = turn(owner, large)
    kept = []
    for _ in range(TURNS):
        assert turn(owner, SMALL) == place
        kept.append(held(place))
    assert kept[:-1] == [kept[0]] * (TURNS - 1)
    assert kept[0] >= large
    assert kept[-1] == HUGE
    # And takes it again.
    assert held(turn(owner, large)) >= large


def test_what_is_needed_now_and_then_stays(owner: Arena) -> None:
    place = turn(owner, 10 * MIB)
    for _ in range(3):
        for _ in range(TURNS - 1):
            turn(owner, SMALL)
        assert held(place) >= 10 * MIB
        turn(owner, 10 * MIB)
    for _ in range(2 * TURNS):
        turn(owner, held(place) // MUCH)
    assert held(place) >= 10 * MIB


def test_a_place_that_is_not_used_any_more_gives_memory_back(owner: Arena) -> None:
    places = [owner.reserve() for _ in range(3)]
    for place in places:
        owner.publish(np.ones(8 * MIB, np.uint8), place)
    for place in places:
        owner.release(place)
    for _ in range(TURNS):
        assert turn(owner, 8 * MIB) == places[-1]
    assert [held(place) for place in places] == [HUGE, HUGE, held(places[-1])]
    assert held(places[-1]) >= 8 * MIB


def test_who_still_looks_at_memory_that_was_given_back_sees_zeros(owner: Arena, other: Arena) -> None:
    place = owner.reserve()
    ticket = owner.publish(np.ones(8 * MIB, np.uint8), place)
    with other.attach(ticket) as kept:
        pass
    owner.release(place)
    for _ in range(TURNS):
        turn(owner, SMALL)
    assert (kept[0], kept[-1]) == (1, 0)


def test_more_than_can_be_had_is_an_error_before_anything_is_taken(
    owner: Arena, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(arena, "available_memory", lambda: 5 * MIB)
    place = owner.reserve()
    with pytest.raises(MemoryError, match=r"^the arena needs 8,388,608 bytes more, and 5,242,880 can be had$"):
        owner.publish(np.ones(8 * MIB, np.uint8), place)
    assert held(place) == 0
    # A quarter more would be too much; what is needed can be had, and then counts as there.
    for size in (4 * MIB, 9 * MIB):
        with owner.attach(owner.publish(np.ones(size - HUGE, np.uint8), place)) as array:
            assert int(array.sum()) == size - HUGE
            del array


def test_memory_that_is_refused_while_it_is_handed_out_is_given_back(
    owner: Arena, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = owner.reserve()
    owner.publish(np.ones(HUGE, np.uint8), place)
    before = held(place)
    allocate = os.posix_fallocate

    def full(descriptor: int, start: int, length: int) -> None:
        if length > 1:
            raise OSError(28, "No space left on device")
        allocate(descriptor, start, length)

    monkeypatch.setattr(os, "posix_fallocate", full)
    with pytest.raises(OSError, match="No space left on device"):
        owner.publish(np.ones(8 * HUGE, np.uint8), place)
    assert held(place) == before


@pytest.mark.parametrize(
    "groups, files, left",
    [
        ("0::/\n", {}, 9 * MIB),
        ("0::/a/b\n", {"a/memory.max": "max", "a/memory.current": "5"}, 9 * MIB),
        (
            "0::/a/b\n",
            {"a/memory.max": "3000000", "a/memory.current": "2000000", "a/memory.stat": "anon 7\ninactive_file 500"},
            1_000_500,
        ),
        ("0::/host/path\n", {"memory.max": "100", "memory.current": "200", "memory.stat": ""}, 0),
        (
            "1:name=systemd:/\n8:memory:/x\n0::/\n",
            {
                "memory/x/memory.limit_in_bytes": "4000", "memory/x/memory.usage_in_bytes": "1000",
                "memory/x/memory.stat": "inactive_file 1\ntotal_inactive_file 10",
            },
            3010,
        ),
    ],
)  # fmt: skip
def test_what_can_be_had_is_what_the_machine_and_every_cgroup_above_leave(
    tmp_path: Path, groups: str, files: dict[str, str], left: int
) -> None:
    (tmp_path / "proc/self").mkdir(parents=True)
    (tmp_path / "proc/self/cgroup").write_text(groups, encoding="utf-8")
    (tmp_path / "proc/meminfo").write_text(f"MemFree: 1 kB\nMemAvailable: {9 * 1024} kB\n", encoding="ascii")
    for name, text in files.items():
        path = tmp_path / "sys/fs/cgroup" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="ascii")
    assert arena.available_memory(tmp_path) == left


def test_on_this_machine_something_can_be_had() -> None:
    assert MIB < arena.available_memory() < 2**60


def test_many_arenas_come_and_go_and_leave_no_descriptor() -> None:
    def come_and_go() -> None:
        arenas = [Arena(name="test-many") for _ in range(30)]
        for each in arenas:
            assert turn(each, SMALL) != turn(arenas[0], SMALL) or each is arenas[0]
        for each in arenas:
            each.close()

    come_and_go()
    before = descriptors()
    come_and_go()
    assert descriptors() == before
    assert not mapped("test-many")


# --- objects that are kept ---


def test_the_owners_place_is_not_used_while_its_payload_is(owner: Arena) -> None:
    place = owner.reserve()
    with owner.attach(owner.publish(np.full(SMALL, 7, np.uint8), place)) as kept:
        part = kept[10:20]
    del kept
    owner.release(place)
    assert turn(owner, SMALL) != place
    assert part.tolist() == [7] * 10
    del part
    assert place in [owner.reserve(), owner.reserve()]


def test_closing_leaves_objects_their_memory_for_as_long_as_they_live() -> None:
    made = Arena(name="test-closed")
    place = made.reserve()
    with made.attach(made.publish(np.full(3 * HUGE, 7, np.uint8), place)) as kept:
        pass
    made.release(place)
    made.close()
    assert not [name for name in descriptors() if "test-closed" in name]
    assert int(kept.sum()) == 7 * 3 * HUGE
    assert mapped("test-closed")
    del kept
    assert not mapped("test-closed")


def test_an_arena_that_is_forgotten_leaves_nothing() -> None:
    turn(Arena(name="test-forgotten"), HUGE)
    assert not mapped("test-forgotten")
    assert not [name for name in descriptors() if "test-forgotten" in name]


def test_a_path_that_means_something_else_by_now_is_refused(other: Arena) -> None:
    gone = Arena()
    place = gone.reserve()
    ticket = gone.publish(np.ones(HUGE), place)
    gone.close()
    with closing(Arena()) as successor:
        assert successor.reserve()[0] == place[0]  # the same number of a descriptor
        with pytest.raises(FileNotFoundError, match="is no arena any more"), other.attach(ticket):
            pytest.fail("it was attached")


def test_memory_whose_owner_has_gone_is_let_go_of_when_a_new_place_is_met(other: Arena) -> None:
    gone = Arena(name="test-gone")
    with other.attach(gone.publish(np.ones(HUGE), gone.reserve())) as array:
        del array
    gone.close()
    assert mapped("test-gone")
    with closing(Arena()) as owner, other.attach(owner.publish(np.ones(HUGE), owner.reserve())) as array:
        del array
    assert not mapped("test-gone")


# --- where there is no memory without a name ---


@pytest.fixture
def without_memfd(monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_: Any) -> int:
        raise PermissionError

    monkeypatch.setattr(os, "memfd_create", refused)


@pytest.mark.usefixtures("without_memfd")
@pytest.mark.parametrize("folder", ["shared", "disk"])
def test_a_file_serves_as_well_and_is_removed(tmp_path: Path, other: Arena, folder: str) -> None:
    directory = Path("/dev/shm", f"test-arena-{os.getpid()}") if folder == "shared" else tmp_path / "files"
    directory.mkdir(mode=0o700)
    try:
        with closing(Arena(str(directory), "named")) as owner:
            places = [owner.reserve(), owner.reserve()]
            assert [Path(path).parent for path, _ in places] == [directory] * 2
            assert {Path(path).stat().st_mode & 0o777 for path, _ in places} == {0o600}
            for size in (SMALL, 3 * HUGE, SMALL):
                with other.attach(owner.publish(np.full(size, 5, np.uint8), places[0])) as array:
                    assert int(array.sum()) == 5 * size
                    del array
        assert list(directory.iterdir()) == []
    finally:
        directory.rmdir()


def test_a_proc_that_shows_others_processes_is_noticed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(arena, "_is_there", lambda place: False)
    before = descriptors()
    with closing(Arena(str(tmp_path), "named")) as owner:
        assert owner.reserve()[0].startswith(str(tmp_path))
    assert descriptors() == before


# --- other processes ---

_worker: Arena | None = None


def worker_arena() -> Arena:
    global _worker
    _worker = _worker or Arena(name="test-worker")
    return _worker


def total(ticket: Any, access: Any = "read") -> tuple[int, float]:
    with worker_arena().attach(ticket, access) as array:
        if access != "read":
            array[0] = 99
        found = float(array.sum())
        del array
        return os.getpid(), found


def give(place: Place, size: int, value: int) -> Any:
    return worker_arena().publish(np.full(size, value, np.uint8), place)


@pytest.fixture(scope="module")
def pool() -> Iterator[ProcessPoolExecutor]:
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as executor:
        yield executor


def test_another_process_gets_one_payload_after_another(owner: Arena, pool: ProcessPoolExecutor) -> None:
    for size, value in itertools.product([SMALL, HUGE, 5 * HUGE, 10], [1, 2]):
        place = owner.reserve()
        ticket = owner.publish(np.full(size, value, np.uint8), place)
        pid, found = pool.submit(total, ticket).result(60)
        assert (pid != os.getpid(), found) == (True, size * value)
        owner.release(place)


def test_another_process_fills_a_place_and_its_owner_grows_along(owner: Arena, pool: ProcessPoolExecutor) -> None:
    place = owner.reserve()
    for size, value in [(SMALL, 1), (HUGE, 2), (5 * HUGE, 3), (SMALL, 4)]:
        with owner.attach(pool.submit(give, place, size, value).result(60)) as array:
            assert (array.nbytes, int(array.sum())) == (size, size * value)
            del array
        assert owner.stored(place) == size


def test_another_process_writes_for_itself_or_for_all(owner: Arena, pool: ProcessPoolExecutor) -> None:
    ticket = owner.publish(np.zeros(HUGE, np.uint8), owner.reserve())
    for access, seen in (("private", 0), ("shared", 99)):
        assert pool.submit(total, ticket, access).result(60)[1] == 99
        with owner.attach(ticket) as array:
            assert int(array[0]) == seen
            del array


def test_threads_use_one_arena_at_the_same_time(owner: Arena, other: Arena) -> None:
    def round_trip(number: int) -> bool:
        place = owner.reserve()
        with other.attach(owner.publish(np.full(SMALL, number, np.uint8), place)) as array:
            right = int(array.sum()) == SMALL * number
            del array
        owner.release(place)
        return right

    with ThreadPoolExecutor(8) as threads:
        assert all(threads.map(round_trip, range(200)))


def program(text: str) -> subprocess.Popen[bytes]:
    """A process of its own that runs the text, after what every one needs."""
    start = f"import os, pickle, sys\nsys.path.insert(0, {str(SCRIPTS)!r})\n"
    start += "import numpy as np\nfrom handoff.arena import Arena\n"
    return subprocess.Popen(
        [sys.executable, "-c", start + textwrap.dedent(text)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )


OWNER = """
    arena = Arena(name="test-killed")
    ticket = arena.publish(np.full(6_000_000, 3, np.uint8), arena.reserve())
    pickle.dump(ticket, sys.stdout.buffer)
    sys.stdout.buffer.flush()
    sys.stdin.read()
"""

RECEIVER = """
    arena = Arena()
    with arena.attach(pickle.load(sys.stdin.buffer)) as array:
        print(int(array.sum()), flush=True)
        sys.stdin.read()
"""


def names_in_shared_memory() -> list[str]:
    return [path.name for path in Path("/dev/shm").iterdir() if "test-killed" in path.name]


def test_an_owner_that_is_killed_leaves_nothing_and_whoever_reads_goes_on(other: Arena) -> None:
    with program(OWNER) as process:
        assert process.stdout is not None
        ticket = pickle.load(process.stdout)
        with other.attach(ticket) as array:
            process.send_signal(signal.SIGKILL)
            process.wait(60)
            assert int(array.sum()) == 18_000_000
            del array
    assert names_in_shared_memory() == []
    with closing(Arena()) as late, pytest.raises(FileNotFoundError), late.attach(ticket):
        pytest.fail("it was attached")
    # Its memory is held by this process alone, until it meets another arena.
    with closing(Arena()) as owner, other.attach(owner.publish(np.ones(SMALL), owner.reserve())) as array:
        del array
    assert not mapped("test-killed")


def test_a_receiver_that_is_killed_leaves_nothing_and_its_place_is_used_again() -> None:
    with closing(Arena(name="test-killed")) as owner:
        place = owner.reserve()
        with program(RECEIVER) as process:
            assert process.stdin is not None
            assert process.stdout is not None
            pickle.dump(owner.publish(np.full(6_000_000, 3, np.uint8), place), process.stdin)
            process.stdin.flush()
            assert process.stdout.readline() == b"18000000\n"
            process.send_signal(signal.SIGKILL)
            process.wait(60)
        owner.release(place)
        assert turn(owner, 6_000_000) == place
    assert names_in_shared_memory() == []
    assert not mapped("test-killed")


FORK = """
    arena, copies = Arena(), []
    place = arena.reserve()
    ticket = arena.publish(np.full(9_000_000, 1, np.uint8), place)
    child = os.fork()
    if not child:
        with arena.attach(ticket) as array:
            assert int(array.sum()) == 9_000_000
            del array
        try:
            arena.reserve()
        except RuntimeError as error:
            print(error, flush=True)
        arena.publish(np.full(9_000_000, 2, np.uint8), place)
        arena.close()
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0
    with arena.attach(ticket) as array:
        print(int(array.sum()))
        del array
    arena.close()
"""


def test_a_child_by_fork_reads_and_fills_its_parents_place_and_reserves_none() -> None:
    with program(FORK) as process:
        said = process.communicate(timeout=60)[0].decode().splitlines()
    assert said == ["an arena that came by fork reserves nothing: make one in this process", "18000000"]
    assert process.returncode == 0


# --- copying by several threads ---


@given(st.integers(0, 1000), st.integers(1, 7))
def test_every_byte_is_copied_once_by_any_number_of_threads(size: int, threads: int) -> None:
    source = np.random.default_rng(size).integers(0, 256, size, np.uint8)
    target = bytearray(size)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(copying, "THREADED", 0)
        Copier(threads)(memoryview(target), memoryview(source.tobytes()))
    assert bytes(target) == source.tobytes()


def _taking(seconds: Callable[[int], float]) -> Callable[[Any, Any, int], float]:
    return lambda to, of, threads: seconds(threads)


@pytest.mark.parametrize(
    "seconds, chosen",
    [(lambda n: 1.0, 1), (lambda n: 1 / n, 4), (lambda n: 1 - 0.01 * n, 1), (lambda n: abs(n - 2) + 0.1, 2)],
)
def test_several_threads_copy_only_if_they_are_clearly_faster(
    monkeypatch: pytest.MonkeyPatch, seconds: Callable[[int], float], chosen: int
) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(5)))
    monkeypatch.setattr(copying, "_fastest", _taking(seconds))
    copier = Copier()
    target, source = np.zeros(copying.THREADED, np.uint8), np.ones(copying.THREADED, np.uint8)
    copier(target[: copying.THREADED - 1], source[: copying.THREADED - 1])
    assert copier.threads == 0
    copier(target, source)
    assert copier.threads == chosen
    assert target.all()
