"""How long a hand-over to many workers on many nodes would take: a discrete-event simulation, and no measurement.

Pure: parts of one hand-over in, seconds out; the same input gives the same output. It needs SimPy, which is optional
(envs/projection.in). docs/projection.md has the assumptions in one list.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from handoff.mistakes import HandoffError
from handoff.records import LARGEST

if TYPE_CHECKING:
    import simpy

Steps: TypeAlias = Iterator[Any]
"""What a process of the simulation waits for, one event after another."""

SHAPES: Final = {
    "map": "each worker gets a payload of its own",
    "broadcast": "all workers get the same payload",
}

RELAYS: Final = {
    "node": "once to each node, where one process hands it on to the others",
    "worker": "once to each worker, also where several share a node",
    "tree": "once to each node along a binomial tree: a node that has it passes it on",
}
"""How a broadcast leaves the sender's node. In a map there is nothing to choose."""

TOPOLOGIES: Final = {
    "switch": "a link of this bandwidth for each node, to a switch that hinders nobody (full bisection)",
    "shared": "one uplink of this bandwidth, which all traffic between nodes shares",
}

MOST_HAND_OVERS: Final = 20_000
"""Of one simulation, which takes a few seconds then."""


class CannotProject(HandoffError):
    """There is no projection: why, and what would give one."""


def _one_of(name: str, known: dict[str, str], what: str) -> None:
    if name not in known:
        raise CannotProject(f"{name!r} is no {what}. There are: {', '.join(known)}.")


@dataclass(frozen=True)
class Parts:
    """What one hand-over to one worker is made of, measured on one machine. All in seconds, but for the last two."""

    publish_s: float = 0.0
    """The sender, before it calls: a file or a segment is written."""
    pickle_s: float = 0.0
    """The sender's channel pickles the call, with the payload in it or a ticket."""
    move_s: float = 0.0
    """The channel's bytes reach the worker, which wakes up."""
    wake_s: float = 0.0
    """The part of it that no byte adds to: what is left of it where a network moves the bytes."""
    unpickle_s: float = 0.0
    """The worker, as the next two."""
    attach_s: float = 0.0
    task_s: float = 0.0
    apart_s: float = 0.0
    """A task instead of the measured one, of which workers do not hinder each other."""
    reply_s: float = 0.0
    """From the task's end until the caller has the reply: it takes one after another."""
    contention: float = 0.0
    """Share of a worker's time that the others on its node cannot overlap, from 0 to 1 (costs.contention)."""
    payload_bytes: float = 0.0
    """What goes over the network for one payload."""

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if not (0 <= value <= LARGEST):
                raise CannotProject(f"{field.name} is {value:g}; it must be 0 or more, and finite.")
        if self.contention > 1:
            raise CannotProject(f"contention is {self.contention:g}; it is a share, from 0 to 1.")

    @property
    def hindered_s(self) -> float:
        """What a worker does with its node's memory, of which `contention` is a queue."""
        return self.unpickle_s + self.attach_s + self.task_s

    @property
    def total_s(self) -> float:
        """One worker, on the sender's own node."""
        before = self.publish_s + self.pickle_s + self.move_s
        return before + self.hindered_s + self.apart_s + self.reply_s


@dataclass(frozen=True)
class Network:
    """What lies between nodes."""

    bandwidth: float = math.inf
    """Bytes a second of one link; may be infinite."""
    latency_s: float = 0.0
    """Seconds from the last byte's departure to its arrival."""
    topology: str = "switch"
    """One of TOPOLOGIES."""

    def __post_init__(self) -> None:
        if not self.bandwidth > 0:
            raise CannotProject(
                f"a bandwidth of {self.bandwidth:g} bytes a second carries nothing; it must be above 0."
            )
        if not 0 <= self.latency_s <= LARGEST:
            raise CannotProject(f"a latency of {self.latency_s:g} s is impossible; it must be 0 or more, and finite.")
        _one_of(self.topology, TOPOLOGIES, "topology")


@dataclass(frozen=True)
class Cluster:
    """Nodes that are all like the machine that was measured; the sender is on the first."""

    nodes: int
    workers: int
    """On each node."""
    network: Network = Network()

    def __post_init__(self) -> None:
        if self.nodes < 1 or self.workers < 1:
            raise CannotProject(
                f"{self.nodes} nodes with {self.workers} workers each do nothing; it takes one node and one worker."
            )
        if self.nodes * self.workers > MOST_HAND_OVERS:
            raise CannotProject(
                f"{self.nodes:,} nodes with {self.workers:,} workers each are {self.nodes * self.workers:,} "
                f"hand-overs, and a simulation has {MOST_HAND_OVERS:,} at most. Take fewer nodes or workers."
            )


@dataclass(frozen=True)
class Outcome:
    """What came of a simulation: seconds until the last reply, and how long the busiest of each kind was at work."""

    total_s: float
    publish_s: float
    """The sender, publishing."""
    channel_s: float
    """The busiest channel: pickling one call after another and, on its own node, moving it."""
    network_s: float
    """The busiest link."""
    workers_s: float
    """A node's workers, from the first's work to the last's if all began at once."""
    replies_s: float
    """The sender, taking replies."""

    @property
    def bound(self) -> str:
        """Which of them was at work for the longest."""
        busy = {
            "publishing": self.publish_s, "the channel": self.channel_s, "the network": self.network_s,
            "the workers": self.workers_s, "the replies": self.replies_s,
        }  # fmt: skip
        return max(busy, key=lambda name: busy[name])


def simulate(
    parts: Parts, cluster: Cluster, shape: str = "map", relay: str = "node", gate: bool = False
) -> Outcome:  # fmt: skip
    """One transfer to all workers of the cluster, until the sender has the last reply.

    gate: no worker replies before all are done, as when measuring, where it makes each of them take one call
    (measure/gate.py). Nobody else has one.

    Raises:
        CannotProject: an unknown shape or relay, or SimPy is not installed.
    """
    _one_of(shape, SHAPES, "shape")
    _one_of(relay, RELAYS, "relay")
    try:
        import simpy  # noqa: F401
    except ImportError as error:
        raise CannotProject(
            "a projection needs SimPy, which is not installed. Install it: "
            "python -m pip install --require-hashes -r envs/projection.lock"
        ) from error
    return _World(parts, cluster, shape, relay, gate).run()


class _World:
    """The cluster at work. Each method that yields is a process of the simulation.

    Whatever does one thing after another is one process with a queue, or a resource of capacity 1 that is granted in
    the order of asking. All jobs at one of them are alike, so more jobs, or slower ones, never end sooner.
    """

    def __init__(self, parts: Parts, cluster: Cluster, shape: str, relay: str, gate: bool) -> None:
        import simpy

        self.parts, self.cluster, self.shape, self.relay = parts, cluster, shape, relay
        self.env: simpy.Environment = simpy.Environment()
        self.memory = [simpy.Resource(self.env) for _ in range(cluster.nodes)]
        links = 1 if cluster.network.topology == "shared" else cluster.nodes
        self.links = [simpy.Resource(self.env) for _ in range(links)]
        self.link_s = [0.0] * links
        self.channel_s = [0.0] * cluster.nodes
        self.publish_s = 0.0
        self.caller = simpy.Resource(self.env)
        self.at_work = cluster.nodes * cluster.workers
        self.gate: simpy.Event | None = self.env.event() if gate else None

    def run(self) -> Outcome:
        self.env.process(self._map() if self.shape == "map" else self._broadcast())
        self.env.run()
        hindered, workers = self.parts.hindered_s, self.cluster.workers
        at_work = hindered * (1 + self.parts.contention * (workers - 1)) + self.parts.apart_s
        replies = workers * self.cluster.nodes * self.parts.reply_s
        return Outcome(self.env.now, self.publish_s, max(self.channel_s), max(self.link_s), at_work, replies)

    def _map(self) -> Steps:
        """The sender publishes one payload after another; its channel takes each as soon as it is there."""
        import simpy

        published: simpy.Store = simpy.Store(self.env)
        # Other nodes first: the network is then at work while the sender's own node is served.
        targets = [node for node in [*range(1, self.cluster.nodes), 0] for _ in range(self.cluster.workers)]
        self.env.process(self._channel(published, targets))
        for _ in targets:
            yield from self._publish()
            published.put(None)

    def _broadcast(self) -> Steps:
        """One payload is published once; what then leaves the node depends on the relay."""
        import simpy

        others, workers = range(1, self.cluster.nodes), self.cluster.workers
        yield from self._publish()
        if self.relay == "tree" and others:
            yield from self._at_channel(0, self.parts.pickle_s)
            self.env.process(self._along_tree(0))
            away: Sequence[int] = ()
        else:
            away = others if self.relay == "node" else [node for node in others for _ in range(workers)]
        targets = [*away, *[0] * workers]
        ready: simpy.Store = simpy.Store(self.env)
        for _ in targets:
            ready.put(None)
        yield from self._channel(ready, targets)

    def _publish(self) -> Steps:
        self.publish_s += self.parts.publish_s
        yield self.env.timeout(self.parts.publish_s)

    def _at_channel(self, node: int, seconds: float) -> Steps:
        self.channel_s[node] += seconds
        yield self.env.timeout(seconds)

    def _channel(self, ready: simpy.Store, targets: Sequence[int]) -> Steps:
        """The sender's: one call after another, in this order; what is for another node goes to the network."""
        for node in targets:
            yield ready.get()
            yield from self._at_channel(0, self.parts.pickle_s)
            if node:
                self.env.process(self._away(node))
            else:
                yield from self._at_channel(0, self.parts.move_s)
                self.env.process(self._work(0))

    def _away(self, node: int) -> Steps:
        yield from self._send(0)
        yield self.env.timeout(self.cluster.network.latency_s)
        if self.shape == "broadcast" and self.relay == "node":
            yield from self._hand_on(node)
        else:
            yield self.env.timeout(self.parts.wake_s)
            yield from self._work(node)

    def _send(self, source: int) -> Steps:
        """One payload leaves a node; its last byte arrives a latency later."""
        number = 0 if len(self.links) == 1 else source
        seconds = self.parts.payload_bytes / self.cluster.network.bandwidth
        with self.links[number].request() as turn:
            yield turn
            self.link_s[number] += seconds
            yield self.env.timeout(seconds)

    def _hand_on(self, node: int) -> Steps:
        """One process of the node has the payload, and calls the node's workers as the sender does its own."""
        yield self.env.timeout(self.parts.unpickle_s)
        for _ in range(self.cluster.workers):
            yield from self._at_channel(node, self.parts.pickle_s + self.parts.move_s)
            self.env.process(self._work(node))

    def _along_tree(self, rank: int) -> Steps:
        """Pass it on to rank + 1, + 2, + 4, ..., from the first power of two above the rank on (binomial tree)."""
        step = 1 << rank.bit_length()
        while rank + step < self.cluster.nodes:
            yield from self._send(rank)
            self.env.process(self._arrive(rank + step))
            step *= 2

    def _arrive(self, rank: int) -> Steps:
        """Passing it on and handing it on go side by side."""
        yield self.env.timeout(self.cluster.network.latency_s)
        self.env.process(self._along_tree(rank))
        yield from self._hand_on(rank)

    def _work(self, node: int) -> Steps:
        """A worker: its own work, of which a share is a queue with its node's others; then the reply."""
        parts = self.parts
        yield self.env.timeout((1 - parts.contention) * parts.hindered_s)
        if parts.contention:
            with self.memory[node].request() as turn:
                yield turn
                yield self.env.timeout(parts.contention * parts.hindered_s)
        yield self.env.timeout(parts.apart_s)
        self.at_work -= 1
        if self.gate is not None:
            if not self.at_work:
                self.gate.succeed()
            yield self.gate
        yield self.env.timeout(self.cluster.network.latency_s if node else 0.0)
        with self.caller.request() as turn:
            yield turn
            yield self.env.timeout(parts.reply_s)
