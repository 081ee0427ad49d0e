"""Broken files, each a real one: every one costs itself only, is named with its reason, and keeps its old chunks."""

from __future__ import annotations

import os
import random
import unicodedata

import pytest

from rag_pipeline.config import load_settings
from rag_pipeline.ingestion import plan, reading
from rag_pipeline.ingestion.run import IngestTarget, ingest
from rag_pipeline.testing import HashEmbeddings
from tests import formats
from tests.ingestion.test_sync import contents

GOOD = "좋은 글은 들어간다."


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "good.md").write_text(f"# 좋은 글\n\n{GOOD}\n", "utf-8")
    (tmp_path / "config.yaml").write_text("reading: {seconds_per_file: 20, max_file_mb: 50}\n")
    return tmp_path / "docs"


def run(folder, **options):
    settings = load_settings(folder.parent / "config.yaml")
    return ingest(
        settings, IngestTarget("docs", [folder], "bundled"), embeddings=HashEmbeddings(max_tokens=256), **options
    )


def rows(folder):
    return contents(load_settings(folder.parent / "config.yaml")).values()


def texts(folder):
    return [text for text, _, _ in rows(folder)]


def metadata_of(folder):
    return {dict(metadata)["source"]: dict(metadata) for _, metadata, _ in rows(folder)}


def sentence(suffix):
    return formats.FORMATS[suffix]("처음에는 읽을 수 있었다.")


BROKEN = {
    "empty.pdf": (b"", "the file is empty"),
    "cut.pdf": (sentence(".pdf")[:700], "damaged, or no PDF"),
    "cut.docx": (sentence(".docx")[:2000], "is damaged"),
    "cut.xlsx": (sentence(".xlsx")[:2000], "is damaged"),
    "cut.hwpx": (sentence(".hwpx")[:200], "is damaged"),
    "cut.hwp": (sentence(".hwp")[:900], "is damaged"),
    "bomb.docx": (formats.zip_bomb("word/document.xml"), "a zip bomb"),
    "locked.pdf": (formats.locked_pdf("x"), "locked with a password"),
    "scan.pdf": (formats.scanned_pdf(), "a scan"),
    "script.html": (b"<script>x</script><style>y</style>", "holds no text"),
    "binary.txt": (b"\x00\x01\x02", "binary, not text"),
    "broken.json": (b'{"a": ', "not valid JSON"),
}


@pytest.mark.slow
def test_broken_files_are_named_and_cost_themselves_only(folder):
    for name, (content, _) in BROKEN.items():
        (folder / name).write_bytes(content)
    report = run(folder)
    reasons = {failure.source: failure.reason for failure in report.failures}
    assert set(reasons) == set(BROKEN)
    for name, (_, reason) in BROKEN.items():
        assert reason in reasons[name], name
        assert "\n" not in reasons[name]
    assert (report.new, texts(folder)) == (1, [f"좋은 글\n\n{GOOD}"])
    listed = {failure["source"] for failure in report.as_dict()["failures"]}
    assert listed == set(BROKEN)


@pytest.mark.slow
def test_metadata_that_no_store_takes_cost_no_file(folder):
    front = 'note: "x \\ud83d"\n"key \\ud83d": 1\nlarge: 9223372036854775808\nleast: -9223372036854775808\nnone: .nan'
    huge = f"huge: 0x{'f' * 5000}\nlist: [0x{'f' * 5000}, 2]"
    (folder / "odd.md").write_text(f"---\n{front}\n{huge}\nmost: .inf\nchroma:document: x\n---\n글 하나\n", "utf-8")
    (folder / "beside.md").write_text("글 둘\n", "utf-8")
    (folder / "beside.md.meta.yaml").write_text('title: "선박 \\ud83d"\nowner: "y \\ud83d"\n', "utf-8")
    report = run(folder)
    assert (report.new, report.failures) == (3, [])
    found = metadata_of(folder)
    odd = found["odd.md"]
    assert (odd["note"], odd["key ?"], odd["large"]) == ("x ?", 1, "9223372036854775808")
    assert odd["least"] == -(2**63)
    assert (odd["huge"], odd["list"]) == (f"0x{'f' * 5000}", f"0x{'f' * 5000}, 2")
    assert not {"none", "most", "chroma:document"} & set(odd)
    assert (found["beside.md"]["title"], found["beside.md"]["owner"]) == ("선박 ?", "y ?")
    assert run(folder).unchanged == 3


@pytest.mark.slow
def test_keys_that_would_end_a_collection_cost_no_more_than_themselves(folder):
    many = "".join(f"k{number}: {number}\n" for number in range(9000))
    (folder / "many.md").write_text(f"---\n{many}---\n글 하나\n", "utf-8")
    (folder / "names.md").write_text("---\n$schema: x\n'#a': 1\nok: 1\n---\n글 둘\n", "utf-8")
    (folder / "names.json").write_text('[{"text": "글 셋", "$id": 1, "": 2, "ok": 3}]', "utf-8")
    (folder / "beside.txt").write_text("글 넷\n", "utf-8")
    (folder / "beside.txt.meta.yaml").write_text("$schema: x\n", "utf-8")
    report = run(folder)
    assert [failure.source for failure in report.failures] == ["beside.txt"]
    assert "beside.txt.meta.yaml: a key of metadata is not empty" in report.failures[0].reason
    found = metadata_of(folder)
    assert (found["names.md"]["ok"], found["names.json"]["ok"]) == (1, 3)
    assert not {"$schema", "#a", "$id", ""} & {*found["names.md"], *found["names.json"]}
    assert run(folder).unchanged == 4


BROKEN_YAML = ["[" * 3000, 'a: !!int ""', "a: !!timestamp x", "a: ["]


@pytest.mark.slow
@pytest.mark.parametrize("text", BROKEN_YAML)
def test_yaml_that_cannot_be_read_costs_its_file_only(folder, text):
    (folder / "odd.md").write_text("글 하나\n", "utf-8")
    (folder / "odd.md.meta.yaml").write_text(text, "utf-8")
    (folder / "front.md").write_text(f"---\n{text}\n---\n글 둘\n", "utf-8")
    report = run(folder)
    ((source, reason),) = [(failure.source, failure.reason) for failure in report.failures]
    assert (source, report.new) == ("odd.md", 2)
    assert "odd.md.meta.yaml is not valid YAML: " in reason
    assert "\n" not in reason
    assert any("글 둘" in found for found in texts(folder))


def test_a_title_and_metadata_of_a_reader_of_ones_own_are_cleaned(folder):
    from rag_pipeline.documents import Document, Section

    class Logs:
        suffixes = (".log",)

        def read(self, name, content):
            metadata = {"a": "b \ud83d", "c": float("nan"), "title": "선박 \ud83d\n 일지"}
            return Document("x \ud83d", (Section((), "글", {"sheet": "s \ud83d"}),), metadata)

    (folder / "ship.log").write_text("x", "utf-8")
    report = run(folder, readers=[Logs()])
    assert (report.new, report.failures) == (2, [])
    row = metadata_of(folder)["ship.log"]
    assert (row["title"], row["a"], row["sheet"], "c" in row) == ("선박 ? 일지", "b ?", "s ?", False)


@pytest.mark.slow
def test_a_file_that_breaks_keeps_its_old_chunks(folder):
    for suffix in (".pdf", ".docx", ".xlsx", ".hwpx", ".hwp", ".html", ".epub"):
        (folder / f"file{suffix}").write_bytes(sentence(suffix))
    before = run(folder).chunks_total
    for file in folder.glob("file.*"):
        file.write_bytes(file.read_bytes()[:150])
    report = run(folder)
    assert len(report.failures) >= 6  # a page of HTML may be cut anywhere and still be one
    assert report.chunks_total >= before - 1
    assert sum("처음에는 읽을 수 있었다." in text for text in texts(folder)) >= 6


@pytest.mark.slow
def test_a_name_in_decomposed_korean_is_the_same_file(folder):
    composed = "항해 기록.md"
    (folder / unicodedata.normalize("NFD", composed)).write_text("글 하나", "utf-8")
    assert run(folder).new == 2
    (folder / unicodedata.normalize("NFD", composed)).rename(folder / composed)
    report = run(folder)
    assert (report.unchanged, report.new, report.renamed, report.removed) == (2, 0, 0, 0)


def test_a_file_without_permission_is_named(folder, monkeypatch):
    (folder / "secret.md").write_text("geheim", "utf-8")
    (folder / "secret.md").chmod(0)
    if os.access(folder / "secret.md", os.R_OK):  # root reads everything: the system's own refusal, by its own error
        opened = os.open

        def refuse(path, *arguments, **options):
            if str(path).endswith("secret.md"):
                raise PermissionError(13, "Permission denied", str(path))
            return opened(path, *arguments, **options)

        monkeypatch.setattr(os, "open", refuse)
    report = run(folder)
    assert [(f.source, f.reason) for f in report.failures] == [("secret.md", "cannot be read: Permission denied")]
    assert report.new == 1


def test_a_file_that_vanishes_while_it_is_read_is_named(folder, monkeypatch):
    (folder / "gone.md").write_text("bald weg", "utf-8")
    compared = plan._compare

    def compare(found, key, file, *more):
        compared(found, key, file, *more)
        if key.source == "gone.md":
            file.path.unlink()

    monkeypatch.setattr(plan, "_compare", compare)
    report = run(folder)
    assert [(f.source, f.reason) for f in report.failures] == [("gone.md", "cannot be read: No such file or directory")]
    assert report.new == 1


@pytest.mark.slow
def test_a_file_that_changes_while_it_is_read_is_stored_as_it_was_read(folder, monkeypatch):
    (folder / "moving.md").write_text("eins", "utf-8")
    compared = plan._compare

    def compare(found, key, file, *more):
        compared(found, key, file, *more)
        if key.source == "moving.md":
            file.path.write_text("zwei", "utf-8")

    monkeypatch.setattr(plan, "_compare", compare)
    run(folder)
    monkeypatch.undo()
    monkeypatch.chdir(folder.parent)
    assert "moving\n\nzwei" in texts(folder)
    assert run(folder).unchanged == 2


@pytest.mark.slow
def test_a_text_of_200_mb_is_above_the_limit_and_named(folder):
    with (folder / "huge.txt").open("wb") as stream:
        line = "바다는 넓고 배는 작다.\n".encode()
        for _ in range(200_000_000 // (len(line) * 1000)):
            stream.write(line * 1000)
    report = run(folder)
    ((source, reason),) = [(failure.source, failure.reason) for failure in report.failures]
    assert source == "huge.txt"
    assert reason.startswith("has 200 MB, more than the 50 MB")


@pytest.mark.slow
def test_a_document_of_one_endless_token_is_cut(folder):
    (folder / "endless.txt").write_text("가" * 200_000, "utf-8")

    class Characters(HashEmbeddings):
        def count_document_tokens(self, texts):
            return [len(text) // 2 + 1 for text in texts]

    settings = load_settings(folder.parent / "config.yaml")
    report = ingest(settings, IngestTarget("docs", [folder], "x"), embeddings=Characters(max_tokens=512))
    assert report.failures == []
    pieces = [text.partition("\n\n")[2] for text in texts(folder) if text.startswith("endless")]
    assert sum(len(piece) for piece in pieces) == 200_000


@pytest.mark.slow
def test_a_table_of_50_000_rows_goes_in(folder):
    rows = "".join(f"{number},배 {number},{number / 10}\n" for number in range(50_000))
    (folder / "table.csv").write_text(f"번호,이름,흘수\n{rows}", "utf-8")
    report = run(folder)
    assert report.failures == []
    assert report.chunks_total > 1000
    assert any("번호: 49999; 이름: 배 49999; 흘수: 4999.9" in text for text in texts(folder))


@pytest.mark.slow
def test_200_fuzzed_files_never_end_the_run(folder):
    chosen = random.Random(4)
    makers = {suffix: make(GOOD) for suffix, make in formats.FORMATS.items()}
    suffixes = sorted(makers)
    for number in range(200):
        suffix = suffixes[number % len(suffixes)]
        content = bytearray(makers[suffix])
        for _ in range(chosen.randrange(1, 60)):
            place = chosen.randrange(len(content))
            match chosen.randrange(3):
                case 0:
                    content[place] = chosen.randrange(256)
                case 1:
                    del content[place : place + chosen.randrange(1, 200)]
                case 2:
                    content[place:place] = chosen.randbytes(chosen.randrange(1, 50))
            if not content:
                content = bytearray(b"x")
        (folder / f"fuzz{number:03}{suffix}").write_bytes(content)
    report = run(folder)
    assert report.new + len(report.failures) == 201
    assert report.new > 20
    assert all(failure.reason and "\n" not in failure.reason for failure in report.failures)
    assert any(GOOD in text for text in texts(folder))


def test_an_error_of_the_reading_thread_is_the_runs_error(folder, monkeypatch):
    def broken(*_arguments):
        raise ZeroDivisionError("a fault of ours, not of a file")

    monkeypatch.setattr(reading, "_read_file", broken)
    with pytest.raises(ZeroDivisionError):
        run(folder)
