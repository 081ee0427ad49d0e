"""The documentation builds without a warning, and says what is so."""

from __future__ import annotations

import os
import re
import subprocess
import sys

import pytest

import rag_pipeline
from tests.conftest import ROOT

pytestmark = pytest.mark.slow

DOCS = ROOT / "docs"


def test_the_site_builds_without_a_warning(tmp_path):
    done = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", tmp_path / "site"],
        cwd=ROOT,
        env={**os.environ, "NO_MKDOCS_2_WARNING": "1"},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "WARNING" not in done.stderr
    reference = (tmp_path / "site" / "reference" / "index.html").read_text("utf-8")
    assert 'id="rag_pipeline.Pipeline.ingest"' in reference
    assert ":class:" not in reference
    assert "create_agent" in (tmp_path / "site" / "developing" / "index.html").read_text("utf-8")


def test_the_pages_of_commands_are_their_help(python):
    done = python("scripts/command_help.py", "--check")
    assert done.returncode == 0, done.stderr


def test_the_reference_has_every_public_name():
    named = re.findall(r"^::: rag_pipeline\.(\w+)$", (DOCS / "reference.md").read_text("utf-8"), re.MULTILINE)
    assert sorted(named) == rag_pipeline.__all__


def test_every_command_and_option_of_the_pages_exists():
    known = (DOCS / "commands.md").read_text("utf-8")
    for page in ("index.md", "ingesting.md", "asking.md", "developing.md", "serving.md"):
        text = (DOCS / page).read_text("utf-8")
        for command in re.findall(r"rag-pipeline ([\w-]+)", text):
            assert f"\n## {command}\n" in known, (page, command)
        for option in re.findall(r"(?<=[\s`])--[a-z][a-z-]+", text):
            assert option in known, (page, option)
