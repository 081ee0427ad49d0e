"""The documentation builds without a warning, and says what is so."""

from __future__ import annotations

import os
import re
import subprocess
import sys

import pytest

import rag_pipeline
from tests.conftest import ROOT
from tests.front import Checkout, blocks, broken_links, installed_extras

pytestmark = pytest.mark.slow

DOCS = ROOT / "docs"
WITH_COMMANDS = (
    "index.md", "ingesting.md", "asking.md", "developing.md", "serving.md", "quickstart.md", "quickstart.ko.md",
    "how-it-works.md", "configuration.md", "troubleshooting.md", "models.md",
)  # fmt: skip


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
    for page in WITH_COMMANDS:
        text = (DOCS / page).read_text("utf-8")
        for command in re.findall(r"rag-pipeline ([\w-]+)", text):
            assert f"\n## {command}\n" in known, (page, command)
        for option in re.findall(r"(?<=[\s`])--[a-z][a-z-]+", text):
            assert option in known, (page, option)


@pytest.mark.parametrize("page", sorted(DOCS.glob("*.md")), ids=lambda page: page.name)
def test_links_of_the_pages_lead_somewhere_also_outside_of_the_site(page):
    assert [link for link in broken_links(page) if not link.startswith("rag_pipeline.")] == []


def test_every_page_is_in_the_navigation():
    navigation = (ROOT / "mkdocs.yml").read_text("utf-8").partition("\nnav:")[2]
    assert sorted(re.findall(r": ([\w.-]+\.md)$", navigation, re.MULTILINE)) == sorted(
        p.name for p in DOCS.glob("*.md")
    )


def test_the_picture_of_frameworks_shows_the_table(python):
    done = python("scripts/framework_chart.py", "--check")
    assert done.returncode == 0, done.stderr


@pytest.mark.timeout(1800)
def test_the_quickstart_runs_and_is_the_same_in_both_languages(tmp_path, cache_dir):
    english, korean = (blocks(DOCS / name, "sh") for name in ("quickstart.md", "quickstart.ko.md"))
    assert english == korean
    checkout = Checkout(tmp_path, cache_dir)
    done = checkout.script(english)
    assert done.returncode == 0, done.stderr[-4000:]
    assert "quarter.md" in done.stdout
    assert installed_extras(checkout.noted()) == {"readers"}


@pytest.mark.parametrize("name", ["quickstart.md", "quickstart.ko.md"])
def test_the_quickstart_lists_every_command(name):
    listed = re.findall(r"^\| `([\w-]+)` \|", (DOCS / name).read_text("utf-8").rpartition("\n## ")[2], re.MULTILINE)
    known = re.findall(r"^## ([\w-]+)$", (DOCS / "commands.md").read_text("utf-8"), re.MULTILINE)
    assert sorted(listed) == sorted(known)


def test_the_glossary_has_each_term_once_and_in_order():
    terms = re.findall(r"^\| ([^|]+) \|(?= [^|]+\| [a-zA-Z])", (DOCS / "glossary.md").read_text("utf-8"), re.MULTILINE)[
        1:
    ]
    assert len(terms) > 30
    assert [term.casefold() for term in terms] == sorted({term.casefold() for term in terms})
