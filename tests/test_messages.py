"""The language that is spoken, and translations that say all there is to say."""

from __future__ import annotations

import ast
import re
import sys

import pytest

from rag_pipeline import messages
from rag_pipeline.messages import FOLDER, _, language_of, ngettext, speaking, spoken
from tests.conftest import ROOT

PACKAGE = FOLDER.parent


@pytest.mark.parametrize(
    ("environment", "language"),
    [
        ({}, "en"),
        ({"LANG": "ko_KR.UTF-8"}, "ko"),
        ({"LANG": "ko"}, "ko"),
        ({"LANG": "ko_KR.eucKR@hanja"}, "ko"),
        ({"LANG": "en_US.UTF-8"}, "en"),
        ({"LANG": "kok_IN"}, "en"),
        ({"LANG": "C.UTF-8"}, "en"),
        # The first that is not empty.
        ({"LC_ALL": "", "LC_MESSAGES": "", "LANG": "ko_KR.UTF-8"}, "ko"),
        ({"LC_MESSAGES": "ko_KR.UTF-8", "LANG": "en_US.UTF-8"}, "ko"),
        ({"LC_ALL": "C", "LC_MESSAGES": "ko_KR.UTF-8", "LANG": "ko_KR.UTF-8"}, "en"),
        ({"LC_CTYPE": "ko_KR.UTF-8"}, "en"),
        # A list by preference, which goes first unless the locale is C.
        ({"LANGUAGE": "ko", "LANG": "en_US.UTF-8"}, "ko"),
        ({"LANGUAGE": "de:ko:en", "LANG": "en_US.UTF-8"}, "ko"),
        ({"LANGUAGE": "en:ko", "LANG": "ko_KR.UTF-8"}, "en"),
        ({"LANGUAGE": "de", "LANG": "ko_KR.UTF-8"}, "ko"),
        ({"LANGUAGE": "", "LANG": "ko_KR.UTF-8"}, "ko"),
        ({"LANGUAGE": "ko", "LANG": "C"}, "en"),
        ({"LANGUAGE": "ko", "LC_ALL": "POSIX", "LANG": "ko_KR.UTF-8"}, "en"),
        ({"LANGUAGE": "ko"}, "en"),
    ],
)
def test_the_language_is_the_one_that_the_locale_asks_for(environment, language):
    assert language_of(environment) == language


def test_a_language_is_spoken_for_as_long_as_asked():
    assert _("score") == "score"
    with speaking("ko"):
        assert (spoken(), _("score")) == ("ko", "점수")
        assert ngettext("{store}: {count} collection", "{store}: {count} collections", 1) == "{store}: 컬렉션 {count}개"
        with speaking("en"):
            assert _("score") == "score"
        assert _("no such text") == "no such text"
    assert spoken() == "en"
    assert ngettext("one", "several", 1) == "one"
    assert ngettext("one", "several", 2) == "several"


def test_in_english_no_catalogue_is_read(monkeypatch):
    monkeypatch.setattr(messages, "FOLDER", "/nowhere")
    messages._catalogue.cache_clear()
    assert _("score") == "score"


@pytest.fixture(scope="module")
def catalogue():
    sys.path.insert(0, str(ROOT / "scripts"))
    try:
        import catalogue
    finally:
        sys.path.remove(str(ROOT / "scripts"))
    return catalogue


@pytest.fixture
def korean():
    return FOLDER / "ko" / "LC_MESSAGES" / "rag_pipeline.po"


@pytest.mark.slow
def test_every_text_has_a_translation_and_every_translation_a_text(catalogue, korean):
    assert catalogue.problems(korean) == []  # scripts/catalogue.py brings them in step
    assert len(catalogue.texts()) > 200


@pytest.mark.slow
def test_what_is_wrong_with_a_catalogue_is_seen(catalogue, korean, tmp_path):
    folder = tmp_path / "ko" / "LC_MESSAGES"
    folder.mkdir(parents=True)
    spoilt = folder / korean.name
    text = korean.read_text("utf-8")
    text = text.replace('msgid "score"\nmsgstr "점수"\n', 'msgid "nothing of ours"\nmsgstr "점수"\n')
    text = text.replace('msgid "passage"\nmsgstr "구절"\n', 'msgid "passage"\nmsgstr ""\n')
    text = text.replace('msgid "damaged"\n', '#, fuzzy\nmsgid "damaged"\n')
    text = text.replace('msgstr "{leg} {rank}위"', 'msgstr "{leg} {number}위"')
    spoilt.write_text(text, "utf-8")
    spoilt.with_suffix(".mo").write_bytes(korean.with_suffix(".mo").read_bytes())
    assert catalogue.problems(spoilt) == [
        "fuzzy: 'damaged'",
        "left over: 'nothing of ours'",
        "missing: 'score'",
        "not translated: 'passage'",
        "other fields than its text has: '{leg} rank {rank}'",
        "rag_pipeline.mo is not what the .po makes",
    ]


@pytest.mark.slow
def test_a_text_that_is_marked_is_one_text(catalogue):
    """What tools cannot see, such as a text with values in it, would never be translated."""
    wrong = []
    for file in PACKAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            if isinstance(node, ast.JoinedStr) and "_('" in ast.unparse(node).replace("__('", ""):
                wrong.append(f"{file.name}:{node.lineno}: {ast.unparse(node)}")
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "N_":
                assert isinstance(node.args[0], ast.Constant), f"{file.name}:{node.lineno}"
    assert wrong == []


def test_particles_hold_for_any_value(catalogue, korean):
    """Whether a word ends in a consonant is not known of a value: both forms are written."""
    alone = re.compile(r"\}(?:은|는|이|가|을|를|과|와|으로|로)(?![가-힣(]|입)")
    for message in catalogue.catalogue(korean):
        texts = [message.string] if isinstance(message.string, str) else message.string
        assert not any(alone.search(text) for text in texts), message.string
