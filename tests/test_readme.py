"""The README says in few words what is so: its commands run, its links lead somewhere, its pictures are of today."""

from __future__ import annotations

import re
import tomllib

import pytest

from tests.conftest import ROOT
from tests.front import Checkout, blocks, broken_links, installed_extras

pytestmark = pytest.mark.slow

ENGLISH, KOREAN = ROOT / "README.md", ROOT / "README.ko.md"
BOTH = pytest.mark.parametrize("page", [ENGLISH, KOREAN], ids=lambda page: page.name)


@BOTH
def test_it_is_short(page):
    assert len(page.read_text("utf-8").split()) <= 900


def test_both_languages_say_the_same():
    shapes = []
    for page in (ENGLISH, KOREAN):
        text = page.read_text("utf-8")
        levels = re.findall(r"^#+(?= )", text, re.MULTILINE)
        figures = re.findall(
            r"(?<![\w.-])\d[\d,.]*\d(?![\w.-])", text.partition("\n| |")[2].partition("\n\n")[0], re.ASCII
        )
        links = {link.replace("quickstart.ko.md", "quickstart.md") for link in re.findall(r"\]\((docs/[^)]+)\)", text)}
        shapes.append((levels, blocks(page, "sh"), blocks(page, "python"), figures, links))
    assert shapes[0] == shapes[1]
    assert shapes[0][3]


@BOTH
def test_links_and_pictures_lead_somewhere(page):
    assert broken_links(page) == []


@BOTH
def test_the_command_has_one_spelling(page):
    text = page.read_text("utf-8")
    assert sorted(re.findall(r"\b(?:ingest|query)\.py", text)) == ["ingest.py", "query.py"]
    assert "python -m rag_pipeline" not in text
    assert ".venv/bin/rag-pipeline" not in text


@BOTH
def test_every_command_option_and_extra_exists(page):
    known = (ROOT / "docs" / "commands.md").read_text("utf-8")
    text = page.read_text("utf-8")
    for command in re.findall(r"rag-pipeline ([a-z][\w-]*)", text):
        assert f"\n## {command}\n" in known, command
    for line in re.findall(r"rag-pipeline [^`\n]*|(?<=`)--[a-z-]+(?=`)", text):
        for option in re.findall(r"(?<![\w-])--[a-z][a-z-]+", line):
            assert option in known, option


@BOTH
def test_benchmarks_that_are_named_exist(page):
    table = [line.split("|") for line in page.read_text("utf-8").splitlines() if re.search(r"\| 20\d\d-", line)]
    assert table
    for row in table:
        script, *arguments = row[-3].strip().strip("`").split()
        source = (ROOT / "benchmarks" / script).read_text("utf-8")
        assert all(argument in source for argument in arguments if argument.startswith("--"))


def test_its_figures_are_those_of_the_pages_on_benchmarks():
    pages = "".join((ROOT / "docs" / name).read_text("utf-8") for name in ("benchmarks.md", "retrieval.md"))
    rows = [line.split("|")[2:4] for line in ENGLISH.read_text("utf-8").splitlines() if re.search(r"\| 20\d\d-", line)]
    for figure in [re.sub(r" (s|ms)$", "", cell.strip()) for row in rows for cell in row]:
        assert re.search(rf"(?<![\d.,]){re.escape(figure)}(?![\d,]|\.\d)", pages), figure


@pytest.mark.timeout(1800)
def test_its_commands_and_python_run(tmp_path, cache_dir):
    checkout = Checkout(tmp_path, cache_dir)
    try:
        done = checkout.script(blocks(ENGLISH, "sh"))
        assert done.returncode == 0, done.stderr[-4000:]
    finally:
        checkout.run("sh", "-c", ". .venv/bin/activate; rag-pipeline serve --stop")
    assert "container_panamax.md" in done.stdout  # of the demo
    assert "quarter.md" in done.stdout  # of the folder of one's own
    noted = checkout.noted()
    assert any(line.startswith("-m pytest") for line in noted)  # of make test
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["optional-dependencies"]
    assert installed_extras(noted)
    assert installed_extras(noted) <= extras.keys()
    for code in blocks(ENGLISH, "python"):
        done = checkout.python(code + "\nprint(len(documents), 'documents')" * ("documents =" in code))
        assert done.returncode == 0, done.stderr[-4000:]
        assert re.search(r"quarter\.md|[1-4] documents", done.stdout)


def test_the_picture_shows_the_passages_that_are_found(python, cache_dir):
    done = python("scripts/answer_picture.py", "--check", env={"RAG_PIPELINE_CACHE_DIR": str(cache_dir)})
    assert done.returncode == 0, done.stderr
