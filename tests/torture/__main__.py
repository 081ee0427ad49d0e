"""``python -m tests.torture --minutes N``: trials of random kinds until time is up; exit code 1 if one went wrong."""

from __future__ import annotations

import argparse
import json
import random
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from tests.torture import place as places
from tests.torture.trials import KINDS, writing_is_over

_WRONG = ("lost", "wrong", "hung", "crashed")


def main(arguments: list[str] | None = None) -> int:
    """Run trials; the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.torture", description=__doc__)
    parser.add_argument("--minutes", type=float, default=5.0, help="how long (default: 5)")
    parser.add_argument("--seed", type=int, default=None, help="of the first trial; the next ones count on from it")
    parser.add_argument("--only", choices=sorted(KINDS), action="append", help="trials of this kind alone")
    parser.add_argument("--trials", type=int, default=None, help="so many, however long they take")
    parser.add_argument("--folder", type=Path, default=None, help="where to work (default: a temporary folder)")
    parser.add_argument("--json", action="store_true", help="print the counts as JSON")
    chosen = parser.parse_args(arguments)
    kinds = chosen.only or list(KINDS)
    seed = chosen.seed if chosen.seed is not None else random.SystemRandom().randrange(1_000_000)
    counts: dict[str, Counter[str]] = {kind: Counter() for kind in kinds}
    with tempfile.TemporaryDirectory(prefix="torture-", dir=chosen.folder, ignore_cleanup_errors=True) as room:
        whole = places.make(Path(room) / "whole")
        end = time.monotonic() + chosen.minutes * 60
        number = 0
        while number < chosen.trials if chosen.trials is not None else time.monotonic() < end:
            kind = kinds[number % len(kinds)]
            counts[kind] += _one(whole, Path(room) / f"trial{number}", kind, seed + number)
            number += 1
    if chosen.json:
        print(json.dumps({kind: {name: found[name] for name in ("trials", *_WRONG)} for kind, found in counts.items()}))
    else:
        print(f"{'kind':12} " + " ".join(f"{name:>8}" for name in ("trials", *_WRONG)))
        for kind, found in counts.items():
            print(f"{kind:12} " + " ".join(f"{found[name]:8}" for name in ("trials", *_WRONG)))
    return 1 if any(found[name] for found in counts.values() for name in _WRONG) else 0


def _one(whole: places.Place, folder: Path, kind: str, seed: int) -> Counter[str]:
    """One trial, in a copy of the whole place; what went wrong, by kind, counted once each."""
    began = time.monotonic()
    place = places.copy(whole, folder)
    KINDS[kind](place, random.Random(seed))
    seconds = time.monotonic() - began
    state = "FAILED" if place.problems else "ok"
    print(f"{state} in {seconds:.0f} s: --only {kind} --trials 1 --seed {seed}", file=sys.stderr, flush=True)
    for problem in place.problems:
        print(f"   {problem.kind}: {problem.detail}", file=sys.stderr, flush=True)
    writing_is_over(place)
    return Counter({"trials": 1, **dict.fromkeys({problem.kind for problem in place.problems}, 1)})


if __name__ == "__main__":
    sys.exit(main())
