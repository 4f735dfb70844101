"""By reference: the worker runs in the sender's process and uses the very same object."""

from handoff.transports import Transport

FACTS = {
    "about": "the worker uses the sender's own object; nothing moves",
    "simplicity": 0,
    "kinds": ("any",),
    "executors": ("inline", "threads"),
    "zero_copy": True,
    "writable": "yes",
    "copies": 0.0,
    "hazard": "sender and worker share one object: what one writes, the other sees, without any lock",
}


class Way(Transport):
    """The channel of threads carries references."""
