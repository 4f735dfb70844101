"""Settings of all tests."""

from __future__ import annotations

from hypothesis import settings

# How long an example takes depends on what else the machine does, which no test may fail of.
settings.register_profile("handoff", deadline=None)
settings.load_profile("handoff")
