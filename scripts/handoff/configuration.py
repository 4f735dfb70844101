"""The config file: read it, check it against the schema, fill in the defaults.

What is wrong is told as one error: the key's path, the value, what would be right. What a schema cannot
see (strategies, options of a kind, files, names that stand twice) is checked as the plan is made.

Not for measured processes, since it needs jsonschema.
"""

from __future__ import annotations

import copy
import math
import re
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any, Final

import yaml
from jsonschema import Draft202012Validator
from jsonschema.exceptions import ValidationError
from jsonschema.validators import extend

from handoff.mistakes import ConfigError
from handoff.strategies import nearest
from handoff.words import shortened

SCHEMA: Final = Path(__file__).parents[2] / "workflow" / "schemas" / "config.schema.yaml"

_TYPES: Final = {
    "object": "a mapping of keys to values",
    "array": "a list",
    "string": "text",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
}

MOST_BYTES: Final = 256 * 1024
"""Of a config file: the largest run that may be asked for needs less."""

MOST_VALUES: Final = 50_000
MOST_LEVELS: Final = 20
"""Of a config, counted as one reads it: a few lines of YAML whose aliases name each other can hold billions."""

LONGEST_NUMBER: Final = 4096
"""Bits. Python refuses to print a whole number of more than 4300 digits, and an error prints the value."""

LONGEST_SAID: Final = 300
"""Characters of what PyYAML has to say: a key or a tag in it may be of any length."""

Schema = Mapping[str, Any]


class _Loader(yaml.SafeLoader):
    """YAML's safe loader, but a key that stands twice is an error: YAML forbids it, PyYAML keeps the last."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        lines: dict[str, int] = {}
        for key in (key for key, _ in node.value if isinstance(key, yaml.ScalarNode) and key.value != "<<"):
            if key.value in lines:
                problem = f"the key {key.value!r} stands twice, first in line {lines[key.value]}; only one can count"
                raise yaml.constructor.ConstructorError(None, None, problem, key.start_mark)
            lines[key.value] = key.start_mark.line + 1
        return super().construct_mapping(node, deep)

    def flatten_mapping(self, node: yaml.MappingNode) -> None:
        # Merged mappings are copied out, so that each level of `<<: [*a, *a]` doubles what the last one had.
        super().flatten_mapping(node)
        if len(node.value) > MOST_VALUES:
            raise yaml.constructor.ConstructorError(None, None, "too many keys are merged (<<)", node.start_mark)


def load(path: Path) -> dict[str, Any]:
    """The keys and values of one config file, unchecked and without defaults.

    Raises:
        ConfigError: the file cannot be read, is no YAML, has a key twice, or is not a mapping.
    """
    try:
        loaded = yaml.load(_text(path), _Loader)  # nosec B506: a safe loader
    except FileNotFoundError as error:
        raise ConfigError(str(path), "there is no such file.") from error
    except OSError as error:
        raise ConfigError(str(path), f"cannot be read: {error.strerror}.") from error
    except UnicodeDecodeError as error:
        raise ConfigError(str(path), f"is not text in UTF-8, see its byte {error.start}.") from error
    except RecursionError as error:
        raise ConfigError(str(path), "is nested too deep.") from error
    except yaml.MarkedYAMLError as error:
        raise ConfigError(str(path), _where_and_what(error)) from error
    # What its constructors run into: a date of a 13th month, a number of ten thousand digits, !!bool of a word.
    except (yaml.YAMLError, ValueError, ArithmeticError, LookupError, AttributeError, TypeError) as error:
        raise ConfigError(
            str(path), f"is not YAML: {shortened(' '.join(str(error).split()), LONGEST_SAID)}."
        ) from error
    if loaded is None:
        raise ConfigError(str(path), "is empty; config/mine.yaml is one to start from.")
    if not isinstance(loaded, dict):
        raise ConfigError(str(path), "is not a mapping of keys to values, as 'blocks: 6' in a line of its own.")
    return loaded


def _text(path: Path) -> str:
    with path.open("rb") as file:
        content = file.read(MOST_BYTES + 1)
    if len(content) > MOST_BYTES:
        raise ConfigError(str(path), f"has more than {MOST_BYTES:,} bytes; no config needs so many.")
    return content.decode("utf-8")


def _where_and_what(error: yaml.MarkedYAMLError) -> str:
    mark = error.problem_mark or error.context_mark
    line = f"line {mark.line + 1}: " if mark else ""
    problem = error.problem or error.context or "this is not YAML"
    if "'\\t'" in problem:
        return f"{line}there is a tab; YAML is indented with blanks."
    return f"{line}{shortened(problem, LONGEST_SAID)}."


def _is_whole(_checker: Any, value: Any) -> bool:
    """JSON Schema calls 6.0 an integer; a number of blocks it is not."""
    return isinstance(value, int) and not isinstance(value, bool)


def _is_number(checker: Any, value: Any) -> bool:
    return _is_whole(checker, value) or (isinstance(value, float) and math.isfinite(value))


def _is_mapping(_checker: Any, value: Any) -> bool:
    """JSON's keys are text; YAML's may be anything, and jsonschema loses its way at a key that is None."""
    return isinstance(value, dict) and all(isinstance(key, str) for key in value)


def _pattern(_validator: Any, pattern: str, value: Any, _schema: Schema) -> Iterator[ValidationError]:
    """JSON Schema's `$` is the end of the text; Python's would also let a line break pass."""
    if isinstance(value, str) and not re.search(pattern.replace("$", r"\Z"), value):
        yield ValidationError(f"{value!r} does not match {pattern!r}")


def _unique(validator: Any, wanted: bool, value: Any, schema: Schema) -> Iterator[ValidationError]:
    """Not asked of a list that is too long anyway: every item would be compared with every other."""
    if isinstance(value, list) and len(value) <= schema.get("maxItems", math.inf):
        yield from Draft202012Validator.VALIDATORS["uniqueItems"](validator, wanted, value, schema)


_Validator: Final = extend(  # type: ignore[no-untyped-call]
    Draft202012Validator,
    validators={"pattern": _pattern, "uniqueItems": _unique},
    type_checker=Draft202012Validator.TYPE_CHECKER.redefine_many(
        {"object": _is_mapping, "integer": _is_whole, "number": _is_number}
    ),
)


@cache
def read_schema(path: Path = SCHEMA) -> Schema:
    """The schema of the config, as JSON Schema 2020-12."""
    schema: Schema = yaml.safe_load(path.read_text(encoding="utf-8"))
    return schema


def resolve(schema: Schema, part: Schema) -> Schema:
    """A part of the schema with its `$ref` followed; what stands beside the `$ref` wins."""
    if "$ref" not in part:
        return part
    target = schema["$defs"][part["$ref"].removeprefix("#/$defs/")]
    return {**resolve(schema, target), **{key: value for key, value in part.items() if key != "$ref"}}


def complete(config: Mapping[str, Any]) -> dict[str, Any]:
    """The config with every default filled in; the given one stays as it is.

    Raises:
        ConfigError: the schema refuses it. Of several mistakes, the unknown keys come first
            (a misspelt key is often the cause of the others), then the order of the file.
    """
    _check_extent(config)
    given = copy.deepcopy(dict(config))
    schema = read_schema()
    if errors := list(_Validator(schema).iter_errors(given)):
        raise _told(min(errors, key=lambda error: _rank(error, given)), schema)
    filled: dict[str, Any] = _filled(given, schema, schema)
    return filled


def _check_extent(config: Mapping[Any, Any]) -> None:
    """Refuse a config that nobody could look through, before anything tries to."""
    values = 0
    for key, whole in config.items():
        waiting = [(whole, 1)]
        while waiting:
            value, level = waiting.pop()
            values += 1
            below = [*value.values()] if isinstance(value, Mapping) else value if isinstance(value, list) else []
            if values + len(waiting) + len(below) > MOST_VALUES or level > MOST_LEVELS:
                raise ConfigError(
                    str(key), f"holds more than {MOST_VALUES:,} values, or more than {MOST_LEVELS} levels of them."
                )
            if isinstance(value, int) and value.bit_length() > LONGEST_NUMBER:
                raise ConfigError(str(key), "holds a number of more than a thousand digits.")
            waiting += [(each, level + 1) for each in below]


def _filled(value: Any, part: Schema, schema: Schema) -> Any:
    part = resolve(schema, part)
    if isinstance(value, dict):
        for key, below in part.get("properties", {}).items():
            below = resolve(schema, below)
            if "default" in below:
                value.setdefault(key, copy.deepcopy(below["default"]))
            if key in value:
                value[key] = _filled(value[key], below, schema)
    elif isinstance(value, list) and "items" in part:
        return [_filled(item, part["items"], schema) for item in value]
    return value


def _rank(error: ValidationError, config: Any) -> tuple[bool, list[int]]:
    """Sorts unknown keys first, then by place in the file, the outer before the inner."""
    places = []
    for step in error.absolute_path:
        places.append(list(config).index(step) if isinstance(config, dict) else int(step))
        config = config[step]
    return error.validator != "additionalProperties", places


def _key(path: list[Any]) -> str:
    """['scenarios', 1, 'payload', 'size'] -> 'scenarios[1].payload.size'."""
    return "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in path).removeprefix(".")


def _told(error: ValidationError, schema: Schema) -> ConfigError:
    """One mistake that the schema found, in a user's words."""
    path = list(error.absolute_path)
    value: Any = error.instance
    rule: Any = error.validator_value
    part: Any = error.schema
    given = _short(value)
    match error.validator:
        case "additionalProperties":
            known = list(part["properties"])
            extra = next(key for key in value if key not in known)
            # A key that stands there already is not what another one was meant to be. Outside of scenarios
            # that says nothing: Snakemake has laid the user's file over config.yaml, and every key stands there.
            guess = nearest(extra, [key for key in known if key not in value] if path[:1] == ["scenarios"] else known)
            problem = f"there is no such key here.{guess} There are: {', '.join(known)}."
            return ConfigError(_key([*path, extra]), problem)
        case "required":
            name = next(name for name in rule if name not in value)
            return ConfigError(_key([*path, name]), _missing(name, value, part, schema))
        case "type" if rule == "object" and isinstance(value, dict):
            odd = next(key for key in value if not isinstance(key, str))
            return ConfigError(_key([*path, str(odd)]), "there is no such key; every key is text.")
        case "type" if value is None:
            problem = f"has no value; give one, or remove the line. {_right(part)}"
        case "type" | "pattern" if {"title", "description"} <= set(part):
            problem = f"{given} is not {part['title']}. {part['description']}"
        case "type" | "enum" if "enum" in part:
            problem = f"{given} is not possible.{nearest(value, part['enum'])} {_right(part)}"
        case "type":
            problem = f"{given} is not {_TYPES[rule]}.{_hint(value, rule)}"
        case "minimum":
            problem = f"{given} is too small; the least is {rule}."
        case "exclusiveMinimum":
            problem = f"{given} is too small; it must be above {rule}."
        case "maximum":
            problem = f"{given} is too large; the most is {rule}."
        case "minLength":
            problem = "is empty text."
        case "maxLength":
            problem = f"{given} is too long; the most is {rule} characters."
        case "maxItems":
            problem = f"is a list of {len(value):,}; the most is {rule:,}."
        case "minItems":
            problem = "is an empty list; give at least one."
        case "uniqueItems":
            twice = next(item for number, item in enumerate(value) if item in value[:number])
            problem = f"{_short(twice)} stands in the list twice."
        case _:  # a rule that the schema got and this function did not
            problem = error.message
    return ConfigError(_key(path), problem)


def _missing(name: str, value: Mapping[Any, Any], part: Schema, schema: Schema) -> str:
    """What is missing, and which of the keys that stand there was perhaps meant to be it."""
    known = list(part["properties"])
    below = resolve(schema, part["properties"][name])
    # Of 'one or several', the one says what is right; of several forms, the last.
    while "else" in below:
        below = {**{key: value for key, value in below.items() if key != "else"}, **resolve(schema, below["else"])}
    other = ""
    if name == "kind":  # a misspelt 'file' looks like a payload without a kind
        known.append("file")
        other = " A payload from a file of yours has the key file instead."
    for key in value:
        if key not in known and (guess := nearest(key, known)):
            return f"is missing; there is {key!r}.{guess}"
    return f"is missing; {part['title']} needs one. {_right(below)}{other}"


def _right(part: Schema) -> str:
    """What would be right, in a sentence."""
    if "enum" in part:
        return f"Possible: {', '.join(part['enum'])}."
    if isinstance(part.get("type"), str):
        return f"It must be {_TYPES[part['type']]}."
    return str(part["description"])


def _hint(value: Any, kind: str) -> str:
    """Most values of a wrong type have quotes or brackets too many or too few."""
    bare = {"integer": "[0-9]{1,15}", "number": r"[0-9]{1,15}(\.[0-9]+)?", "boolean": "true|false"}
    if isinstance(value, str) and kind in bare:
        return f" Write it without quotes: {value}." if re.fullmatch(bare[kind], value) else ""
    if isinstance(value, str) and kind == "array" and len(value) <= 100:
        return f" Write it in brackets: [{value}]."
    return " Write it in quotes." if kind == "string" and not isinstance(value, list | dict) else ""


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:77]}..."
