"""Nothing that a document, its name or a model says steers the terminal."""

from __future__ import annotations

import json
import re

import pytest

from rag_pipeline.answering.answer import Answer, Citation
from rag_pipeline.cli import run
from rag_pipeline.cli.answers import show_answer_text, show_sources
from rag_pipeline.cli.output import note, print_error, print_json, result, shown
from rag_pipeline.cli.passages import show_passages
from rag_pipeline.passages import Passage

CLIPBOARD = "\x1b]52;c;cm0gLXJmIH4=\x07"
TITLE = "\x9d0;제목\x9c"
REVERSED = "\u202egnp.exe"
STEERING = [CLIPBOARD, TITLE, REVERSED, "\x1b[2J\x1b[1A", "\x7f\x08", "가\rerror: 지움", "\u2028새 줄"]


STEERS = re.compile("[^\\n\\t -~\\xa0-\\u2027\\u202f-\\U0010ffff]")


def steers(text):
    return STEERS.findall(text)


@pytest.mark.parametrize("text", STEERING)
def test_what_steers_a_terminal_is_shown_and_not_sent(text, capsys):
    for write in (note, print_error, result):
        write(text)
    out, err = capsys.readouterr()
    assert not steers(out + err)
    assert len(shown(text)) == len(text)


def test_korean_emoji_and_line_breaks_of_a_text_stay():
    assert shown("최대 흘수\t12.04 m 👨‍👩‍👧", lines=True) == "최대 흘수\t12.04 m 👨‍👩‍👧"
    assert shown("가\n나", lines=True) == "가\n나"


def test_a_line_break_in_a_name_makes_no_line_of_ours():
    assert shown("a.md\nadd     b.md") == "a.md\\nadd     b.md"


def test_json_keeps_its_values_and_sends_nothing_that_steers(capsys):
    content = {"text": "".join(STEERING)}
    print_json(content)
    out, _ = capsys.readouterr()
    assert not steers(out)
    assert json.loads(out) == content


def test_passages_and_answers_are_shown_safely(capsys):
    bad = "".join(STEERING)
    passage = Passage(1, 0.5, "id", f"제목\n{bad}", bad, f"a{bad}.md", bad, {})
    show_passages("질문" + bad, [passage])
    show_answer_text_of(bad)
    out, err = capsys.readouterr()
    assert not steers(out + err)
    assert "제목\\n" in out


def show_answer_text_of(text):
    answer = Answer(text, [Citation(1, f"a{text}.md", "", text)], "model", {}, "STOP")
    show_answer_text([text, answer])
    show_sources(answer)


def test_names_of_files_cannot_forge_lines_of_a_plan(tmp_path, capsys, monkeypatch):
    folder = tmp_path / "docs"
    folder.mkdir()
    (folder / "a.md\nremove  전부.md").write_text("# 배\n\n본문이다.\n", "utf-8")
    (folder / f"b{CLIPBOARD.replace('/', '')}.bin").write_bytes(b"x")
    (folder / f"c{REVERSED}.txt").write_bytes(b"\0")
    monkeypatch.chdir(tmp_path)
    run("ingest", ["docs", "--dry-run"])
    out, err = capsys.readouterr()
    assert not steers(out + err)
    assert not any(line.startswith("remove ") for line in out.splitlines())
