"""The user's mistakes that are told as one clear error.

In a room of its own: the schema's checks (configuration.py, which needs jsonschema) and the plan's
(scenarios.py, which a measured process imports) raise the same error.
"""

from __future__ import annotations


class ConfigError(Exception):
    """Something in the config is wrong: which key, its value, what would be right."""

    def __init__(self, key: str, problem: str) -> None:
        # A key or a path may hold anything; the error stays one line of text that every terminal shows.
        message = f"config: {key}: {problem}"
        super().__init__("".join(sign if sign.isprintable() else repr(sign)[1:-1] for sign in message))
