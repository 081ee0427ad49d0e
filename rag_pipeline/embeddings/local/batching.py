"""Texts of like length share a forward pass."""

from __future__ import annotations

from collections.abc import Iterator, Sequence


def length_sorted_batches(lengths: Sequence[int], budget: int) -> Iterator[list[int]]:
    """Positions of texts, batch by batch, longest first.

    Sorting keeps padding small, and the longest batch coming first shows at once whether memory is enough.

    Args:
        lengths: tokens of each text.
        budget: most tokens of a batch, padding counted; a longer text has a batch of its own.
    """
    batch: list[int] = []
    for position in sorted(range(len(lengths)), key=lambda i: (-lengths[i], i)):
        if batch and (len(batch) + 1) * lengths[batch[0]] > budget:
            yield batch
            batch = []
        batch.append(position)
    if batch:
        yield batch
