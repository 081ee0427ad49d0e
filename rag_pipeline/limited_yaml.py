"""YAML that a stranger may have written: read with limits on its size, and without guesses at what a word means.

A few hundred bytes of aliases and merges stand for millions of values ("billion laughs"); they are counted while the
text is taken apart, before anything is built of them.
"""

from __future__ import annotations

import math
import re
from typing import Any

import yaml

# Values of a whole text, those that aliases repeat counted each time: the largest honest configuration has hundreds.
_MOST_VALUES = 20_000
# PyYAML takes a second for some 50 kB.
_MOST_CHARACTERS = 500_000
_DEEPEST = 100


class TooLargeError(yaml.YAMLError):
    """A text that holds more than is read."""

    def __init__(self, problem: str) -> None:
        super().__init__(problem)
        self.problem = problem


class _LimitedLoader(yaml.SafeLoader):
    def __init__(self, text: str) -> None:
        if len(text) > _MOST_CHARACTERS:
            raise TooLargeError(f"it has {len(text):,} characters, more than {_MOST_CHARACTERS:,}")
        super().__init__(text)
        self._values = 0
        self._depth = 0
        self._sizes: dict[str, int] = {}

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        """Count values, and what an alias stands for as often as it stands there."""
        event: yaml.Event = self.peek_event()  # type: ignore[no-untyped-call]
        anchor = getattr(event, "anchor", None)
        if isinstance(event, yaml.AliasEvent):
            # An alias inside of what it names has no size yet, and would have no end.
            if anchor in self.anchors and anchor not in self._sizes:
                raise TooLargeError(f"&{anchor} holds itself")
            self._count(self._sizes.get(str(anchor), 0))
            return super().compose_node(parent, index)
        before = self._values
        self._count(1)
        self._depth += 1
        if self._depth > _DEEPEST:
            raise TooLargeError(f"it is nested more than {_DEEPEST} deep")
        node = super().compose_node(parent, index)
        self._depth -= 1
        if anchor is not None:
            self._sizes[anchor] = self._values - before
        return node

    def _count(self, values: int) -> None:
        self._values += values
        if self._values > _MOST_VALUES:
            raise TooLargeError(f"it holds more than {_MOST_VALUES:,} values, counting what aliases repeat")


class _WrittenLoader(_LimitedLoader):
    """A figure is a number where it reads back as it was written: 1.10 is a version, and 007 a number plate."""


# Its own, and none of those that it would inherit.
_WrittenLoader.yaml_implicit_resolvers = {}


def _date_as_text(loader: _WrittenLoader, node: yaml.ScalarNode) -> str:
    try:
        return str(loader.construct_yaml_timestamp(node).isoformat())
    except ValueError:  # the 30th of February
        return str(node.value)


def _number_as_written(loader: _WrittenLoader, node: yaml.ScalarNode) -> float | str:
    value = float(loader.construct_yaml_float(node))
    return value if repr(value) == node.value or not math.isfinite(value) else str(node.value)


_SPECIAL = r"[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)"
for _tag, _pattern, _first in (
    ("bool", r"true|True|TRUE|false|False|FALSE", "tTfF"),
    ("null", r"~|null|Null|NULL|", ["~", "n", "N", ""]),
    ("int", r"0|-?[1-9][0-9]{0,400}", "-0123456789"),
    ("float", rf"-?(?:0|[1-9][0-9]{{0,400}})\.[0-9]{{1,400}}|{_SPECIAL}", "-+.0123456789"),
    ("timestamp", r"[0-9]{4}-[0-9]{2}-[0-9]{2}(?:(?:[Tt]|[ \t]+)[0-9]{1,2}:[0-9]{2}:[0-9]{2}\S*)?", "0123456789"),
    ("merge", r"<<", "<"),
):
    _WrittenLoader.add_implicit_resolver(f"tag:yaml.org,2002:{_tag}", re.compile(rf"^(?:{_pattern})$"), list(_first))
_WrittenLoader.add_constructor("tag:yaml.org,2002:timestamp", _date_as_text)
_WrittenLoader.add_constructor("tag:yaml.org,2002:float", _number_as_written)


def load(text: str) -> Any:
    """What a text of YAML holds, as ``yaml.safe_load`` has it.

    Raises:
        yaml.YAMLError: it is no YAML, or holds more than is read. PyYAML also lets through whatever its parts stumble
            over, such as an IndexError.
    """
    return _load(text, _LimitedLoader)


def load_as_written(text: str) -> Any:
    """As :func:`load`, with fewer guesses.

    Only ``true`` and ``false`` are truth values, dates are ISO text, and a number is one only where it reads back as it
    was written.
    """
    return _load(text, _WrittenLoader)


def _load(text: str, kind: type[_LimitedLoader]) -> Any:
    loader = kind(text)
    try:
        return loader.get_single_data()
    finally:
        loader.dispose()
