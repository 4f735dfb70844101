"""Whether data out of a file have the types that a dataclass or a TypedDict says.

Python checks no annotation: a plan whose `blocks` is text would fail far from the file that is damaged.
Standard library only: the Snakefile uses it.
"""

from __future__ import annotations

import types
import typing
from collections.abc import Callable, Mapping, Sequence
from dataclasses import is_dataclass
from functools import cache
from typing import Any, TypeVar

T = TypeVar("T")


def shaped(value: T, shape: Any) -> T:
    """The value, which is of that shape: a type, a dataclass, a TypedDict, or a list, tuple or mapping of them.

    A float may be written as a whole number, a tuple as a list; a truth value is no number. Further keys of a
    TypedDict are let pass: an older Handoff reads what a newer one wrote.

    Raises:
        ValueError: it is not; where, and what was expected.
    """
    if problem := _misfit(value, shape, ""):
        raise ValueError(problem)
    return value


def of_shape(shape: Any) -> Callable[[Any], Any]:
    """A function that lets a value of that shape pass, and raises ValueError at any other."""
    return lambda value: shaped(value, shape)


@cache
def _fields(shape: Any) -> dict[str, Any]:
    return typing.get_type_hints(shape)


def _misfit(value: Any, shape: Any, place: str) -> str:
    """What is wrong with the first part that does not fit; '' if all does."""
    origin, inside = typing.get_origin(shape), typing.get_args(shape)
    if shape is Any:
        return ""
    if origin in (typing.Union, types.UnionType):
        problems = [_misfit(value, each, place) for each in inside]
        return "" if "" in problems else problems[0]
    if typing.is_typeddict(shape):
        return _parts(value, shape, place) if isinstance(value, Mapping) else _wrong(value, "a mapping", place)
    if is_dataclass(shape):
        return _parts(vars(value), shape, place) if type(value) is shape else _wrong(value, str(shape), place)
    if origin in (list, tuple, Sequence):
        return _items(value, inside, place) if isinstance(value, list | tuple) else _wrong(value, "a list", place)
    if origin in (dict, Mapping):
        if not isinstance(value, Mapping) or not all(isinstance(key, str) for key in value):
            return _wrong(value, "a mapping", place)
        return _first(_misfit(below, inside[1], f"{place}.{key}") for key, below in value.items())
    kinds = (int, float) if shape is float else (shape,)
    return "" if type(value) in kinds else _wrong(value, shape.__name__, place)


def _parts(value: Mapping[str, Any], shape: Any, place: str) -> str:
    for name in getattr(shape, "__required_keys__", ()):
        if name not in value:
            return f"{place}.{name} is missing".removeprefix(".")
    hints = _fields(shape)
    return _first(_misfit(value[name], hints[name], f"{place}.{name}") for name in hints if name in value)


def _items(value: Sequence[Any], inside: tuple[Any, ...], place: str) -> str:
    one_for_all = len(inside) == 1 or inside[-1] is Ellipsis
    if not one_for_all and len(value) != len(inside):
        return _wrong(value, f"{len(inside)} values", place)
    shapes = [inside[0]] * len(value) if one_for_all else inside
    return _first(
        _misfit(below, shape, f"{place}[{i}]") for i, (below, shape) in enumerate(zip(value, shapes, strict=True))
    )


def _first(problems: typing.Iterable[str]) -> str:
    return next(filter(None, problems), "")


def _wrong(value: Any, wanted: str, place: str) -> str:
    text = repr(value)
    shown = text if len(text) <= 60 else f"{text[:57]}..."
    return f"{place.removeprefix('.') or 'it'} is {shown} and not {wanted}"
