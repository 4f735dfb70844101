"""Pickle with protocol 5, through the executor's own channel."""

from handoff.transports import pickle

FACTS = {
    "about": "as pickle, with protocol 5 set on both sides whatever the Python version's default is",
    "simplicity": 2,
    "kinds": ("any",),
    "writable": "yes",
    "copies": 4.0,
    "hazard": "a slice of an Arrow table takes its whole parent along",
}


class Way(pickle.Way):
    """The default from Python 3.14 on: one copy of the buffers less than protocol 4."""

    protocol = 5
