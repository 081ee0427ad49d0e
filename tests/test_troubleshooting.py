"""docs/troubleshooting.md has an entry for each message that the source can raise, and none for another."""

from __future__ import annotations

import re

import pytest

from tests.conftest import ROOT
from tests.front import broken_links
from tests.messages import HOLE, Message, error_classes, letters, messages

PAGE = ROOT / "docs" / "troubleshooting.md"
MESSAGES = messages()


def entries() -> dict[str, list[str]]:
    """The phrases of each class of error, as the page has them."""
    found = {}
    for section in re.split(r"^## ", PAGE.read_text("utf-8"), flags=re.MULTILINE)[1:]:
        if heading := re.match(r"(\w+) \(exit code (\d)\)\n", section):
            cells = re.findall(r"^\| (`.*?) \|", section, re.MULTILINE)
            found[heading[1]] = [phrase for cell in cells for phrase in re.findall(r"`([^`]+)`", cell)]
    return found


ENTRIES = entries()


def fits(phrase: str, message: Message) -> bool:
    """Whether the words of a phrase stand in a message in their order, with anything where one of them has a …

    One with few words of its own, such as `folder …: …`, would fit too much: it is a message as a whole.
    """
    core = phrase.strip(HOLE)
    pieces = [re.escape(piece) for piece in phrase.split(HOLE)]
    if HOLE in core and letters(phrase) < _FEW:
        return re.fullmatch(f"{HOLE}+".join(pieces), message.template) is not None
    return re.search(".*?".join(map(re.escape, core.split(HOLE))), message.template) is not None


_FEW = 12


@pytest.mark.parametrize(("name", "code"), error_classes().items())
def test_each_class_of_error_has_a_section_with_its_exit_code(name, code):
    assert f"\n## {name} (exit code {code})\n" in PAGE.read_text("utf-8")


def test_messages_are_found_in_the_source():
    assert len(MESSAGES) > 300
    assert {message.kind for message in MESSAGES} == error_classes().keys() - {"RagPipelineError"}


@pytest.mark.parametrize("message", MESSAGES, ids=lambda message: message.place)
def test_each_message_has_an_entry(message):
    known = [phrase for phrase in ENTRIES[message.kind] if fits(phrase, message)]
    assert known, f"{PAGE.name} has no entry under {message.kind} for: {message.template}"


@pytest.mark.parametrize(("name", "phrase"), [(name, phrase) for name in ENTRIES for phrase in ENTRIES[name]])
def test_each_entry_is_of_a_message(name, phrase):
    assert any(fits(phrase, message) for message in MESSAGES if message.kind == name), phrase


def test_no_entry_is_so_general_that_it_fits_most_messages():
    for name, phrases in ENTRIES.items():
        of_class = [message for message in MESSAGES if message.kind == name]
        for phrase in phrases if len(of_class) > 8 else []:
            assert sum(fits(phrase, message) for message in of_class) <= 0.3 * len(of_class), (name, phrase)


def test_its_links_lead_somewhere():
    assert [link for link in broken_links(PAGE) if "RagPipelineError" not in link] == []
