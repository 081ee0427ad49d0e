"""One trial of each kind, with chance that is the same every time."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from tests.conftest import started

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not sys.platform.startswith("linux"), reason="forks, limits and rights are those of Linux"),
]


def test_one_trial_of_each_kind_goes_well(tmp_path: Path) -> None:
    running = started("-m", "tests.torture", "--trials", "6", "--seed", "3", "--folder", str(tmp_path), "--json")
    out, err = running.communicate(timeout=500)
    assert running.returncode == 0, err
    counts = json.loads(out)
    assert set(counts) == {"kill", "killed-save", "full-disk", "damage", "together", "hostile"}
    assert all(found == {"trials": 1, "lost": 0, "wrong": 0, "hung": 0, "crashed": 0} for found in counts.values())


SPOILED = """
import random, sys
from pathlib import Path
from tests.torture import place as places
whole = places.make(Path(sys.argv[1]) / "whole")
broken = places.copy(whole, Path(sys.argv[1]) / "broken")
(broken.folder / "docs" / "01.md").unlink()
(broken.folder / "docs" / "03.md").write_text("# Other\\n\\nOther.\\n")
broken.check()
print(sorted({problem.kind for problem in broken.problems}))
"""


def test_what_is_lost_or_wrong_is_seen(tmp_path: Path) -> None:
    out, err = started("-c", SPOILED, str(tmp_path)).communicate(timeout=300)
    assert out == "['lost', 'wrong']\n", err
