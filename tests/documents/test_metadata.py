from __future__ import annotations

import os

import pytest

from rag_pipeline.documents import read_document
from rag_pipeline.documents.metadata import read_sidecar, split_front_matter
from rag_pipeline.errors import DocumentError
from rag_pipeline.metadata_values import MOST_KEYS


def values(yaml):
    return split_front_matter(f"---\n{yaml}\n---\ntext\n").values


def sidecar(folder, text):
    (folder / "a.md.meta.yaml").write_text(text, "utf-8")
    return read_sidecar(folder / "a.md")


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("1.10", "1.10"),
        ("007", "007"),
        ("1_000", "1_000"),
        ("0x1f", "0x1f"),
        ("12:30", "12:30"),
        ("1e5", "1e5"),
        ("1.5", 1.5),
        ("-12", -12),
        ("no", "no"),
        ("on", "on"),
        ("true", True),
        ("False", False),
        ("2024-03-05", "2024-03-05"),
        ("2024-03-05 14:30:00", "2024-03-05T14:30:00"),
        ("2001-02-30", "2001-02-30"),
        ("'12'", "12"),
        ("[선박, 007]", "선박, 007"),
    ],
)
def test_values_stay_as_they_are_written(tmp_path, written, value):
    assert values(f"a: {written}") == sidecar(tmp_path, f"a: {written}") == {"a": value}
    assert type(values(f"a: {written}")["a"]) is type(value)


def test_tabs_between_keys_and_values_do_no_harm():
    assert values("title:\t제목\nby:\t가람") == {"title": "제목", "by": "가람"}


def test_a_mark_of_byte_order_and_windows_line_ends_do_no_harm():
    document = read_document("a.md", "\ufeff---\r\ntitle: 제목\r\nby: 가람\r\n---\r\n\r\n본문\r\n".encode())
    assert (document.title, document.metadata, document.sections[0].text) == ("제목", {"by": "가람"}, "본문")


def test_front_matter_may_be_toml():
    text = '+++\ntitle = "제목"\ndate = 2024-01-01\nversion = 1.10\nn = 2\ntime = 09:30:00\ndraft = true\n+++\n\n본문\n'
    document = read_document("a.md", text.encode())
    assert (document.title, document.sections[0].text) == ("제목", "본문")
    assert document.metadata == {
        "date": "2024-01-01",
        "version": "1.10",
        "n": 2,
        "time": "09:30:00",
        "draft": True,
    }


def test_what_of_front_matter_no_store_takes_is_said():
    document = read_document("a.md", b"---\n$schema: x\n'#b': 1\nnested: {a: 1}\nempty:\npage: 3\nok: 1\n---\ntext\n")
    assert document.metadata == {"ok": 1}
    assert document.warnings == (
        "front matter: left out, for it is nested or its name is taken: '$schema', '#b', 'nested', 'page'",
    )


@pytest.mark.slow
def test_thousands_of_keys_in_front_matter_are_cut_and_said():
    front = split_front_matter("---\n" + "".join(f"k{n}: {n}\n" for n in range(3000)) + "---\ntext")
    assert (len(front.values), front.body) == (MOST_KEYS, "text")
    assert front.warnings[0].endswith(f"taken: {', '.join(repr(f'k{MOST_KEYS + n}') for n in range(5))}, …")


def bomb(first, more):
    """Each level stands for nine of the level before: nine to the eighth in some hundred bytes."""
    return f"a0: &a0 {first}\n" + "".join(
        f"a{level}: &a{level} {more.format(', '.join([f'*a{level - 1}'] * 9))}\n" for level in range(1, 9)
    )


HOSTILE = {
    "merges": (bomb("{k: v}", "{{<<: [{}]}}"), "counting what aliases repeat"),
    "lists": (bomb("[x, x]", "[{}]"), "counting what aliases repeat"),
    "itself": ("a: &a [*a]", "holds itself"),
    "merged with itself": ("a: &a {<<: *a}", "holds itself"),
    "deep": ("\n".join("  " * depth + "a:" for depth in range(300)), "nested more than"),
    "long": ("a: " + "x" * 600_000, "600,003 characters"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_yaml_that_stands_for_far_more_than_it_is_is_refused(tmp_path, name):
    text, reason = HOSTILE[name]
    with pytest.raises(DocumentError, match=f"a.md.meta.yaml is not valid YAML: .*{reason}"):
        sidecar(tmp_path, text)
    assert values(text) == {}


def test_aliases_that_stand_for_little_are_followed(tmp_path):
    assert sidecar(tmp_path, "x: &x {port: 부산}\n<<: *x\nfrom: &y 인천\nto: *y") == {
        "port": "부산",
        "from": "인천",
        "to": "인천",
    }


@pytest.mark.parametrize("key", ["$schema", "'#b'", "''"])
def test_a_key_that_no_store_takes_costs_a_sidecar(tmp_path, key):
    with pytest.raises(DocumentError, match=r"a.md.meta.yaml: a key of metadata .*; rename it"):
        sidecar(tmp_path, f"{key}: 1")


@pytest.mark.slow
def test_thousands_of_keys_cost_a_sidecar(tmp_path):
    with pytest.raises(DocumentError, match=f"holds 3,000 keys, more than {MOST_KEYS}"):
        sidecar(tmp_path, "".join(f"k{n}: {n}\n" for n in range(3000)))


@pytest.mark.parametrize("kind", ["pipe", "endless", "large"])
def test_a_sidecar_that_is_no_file_or_has_no_end_costs_its_document_only(tmp_path, kind):
    sidecar = tmp_path / "a.md.meta.yaml"
    if kind == "pipe":
        os.mkfifo(sidecar)
    elif kind == "endless":
        sidecar.symlink_to("/dev/zero")
    else:
        sidecar.write_text("#" * 3_000_000)
    said = "it has more than 2 MB" if kind == "large" else "it is not a regular file"
    with pytest.raises(DocumentError, match=rf"^a.md.meta.yaml cannot be read: {said}$"):
        read_sidecar(tmp_path / "a.md")


@pytest.mark.parametrize("length", [245, 246, 255])
def test_a_name_too_long_for_a_sidecar_has_none(tmp_path, length):
    file = tmp_path / ("a" * (length - 3) + ".md")
    file.touch()
    assert read_sidecar(file) == {}
