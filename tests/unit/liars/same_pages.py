"""A private copy is promised, and the sender's own object is handed out (under threads)."""

from __future__ import annotations

from handoff.transports import Transport

FACTS = {"about": "for a test", "simplicity": 9, "kinds": ("any",)}


class Way(Transport):
    """The channel of threads carries references."""
