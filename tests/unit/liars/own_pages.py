"""Whoever writes does so into pages of his own, though the facts say that others see it."""

from __future__ import annotations

from handoff.transports import Transport

FACTS = {"about": "for a test", "simplicity": 9, "kinds": ("any",), "shares_writes": ("any",)}


class Way(Transport):
    """Pickle: the receiver gets a copy."""
