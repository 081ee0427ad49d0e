"""What a reader says of what it left out."""

from __future__ import annotations

from collections.abc import Mapping


def warnings_of(left_out: Mapping[str, int]) -> tuple[str, ...]:
    """A line for each kind of thing, such as "2 hidden slides left out".

    Args:
        left_out: how often, by what it is, in the singular.
    """
    return tuple(
        f"{count} {what}{'' if count == 1 else 's'} left out" for what, count in sorted(left_out.items()) if count
    )
