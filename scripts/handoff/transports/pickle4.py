"""Pickle with protocol 4, through the executor's own channel."""

from handoff.transports import pickle

FACTS = {
    "about": "as pickle, with protocol 4 set on both sides whatever the Python version's default is",
    "simplicity": 2,
    "kinds": ("any",),
    "writable": "yes",
    "copies": 5.0,
    "hazard": "a slice of an Arrow table takes its whole parent along",
}


class Way(pickle.Way):
    """The default up to Python 3.13."""

    protocol = 4
