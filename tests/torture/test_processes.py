"""What counts as hung: a process that stands still, not one that a busy machine leaves waiting."""

from __future__ import annotations

import os
import time

import pytest

from tests.torture import processes
from tests.torture.processes import call

pytestmark = pytest.mark.slow


@pytest.fixture(autouse=True)
def _soon(monkeypatch):
    monkeypatch.setattr(processes, "_WINDOW", 1.0)
    monkeypatch.setattr(processes, "_SAMPLES", 10)
    monkeypatch.setattr(processes, "_IDLE", 0.01)


def wait_for_ever() -> int:
    while True:
        time.sleep(60)


def compute(seconds: float) -> int:
    os.nice(19)
    while time.process_time() < seconds:
        pass
    return 3


def test_a_process_that_waits_for_nothing_is_hung(tmp_path):
    ending = call(wait_for_ever, folder=tmp_path, deadline=0.5)
    assert ending.hung and ending.code < 0


def test_one_that_computes_has_until_it_has_used_its_deadline_in_processor_time(tmp_path):
    ending = call(compute, 600.0, folder=tmp_path, deadline=1.5)
    assert ending.hung
    # Whatever else the machine does, and however long that takes.
    ending = call(compute, 0.5, folder=tmp_path, deadline=0.5)
    assert (ending.hung, ending.code) == (False, 3)


def test_one_that_ends_in_time_is_not_hung(tmp_path):
    ending = call(compute, 0.0, folder=tmp_path)
    assert (ending.hung, ending.code) == (False, 3)
