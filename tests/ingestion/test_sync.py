from __future__ import annotations

import chromadb
import numpy as np
import pytest

from rag_pipeline import probe
from rag_pipeline.config import MetadataRule, load_settings
from rag_pipeline.documents import Document, Section
from rag_pipeline.errors import CollectionMismatchError, UsageError
from rag_pipeline.ingestion.dry_run import dry_run
from rag_pipeline.ingestion.run import IngestTarget, ingest
from rag_pipeline.testing import HashEmbeddings


@pytest.fixture
def settings(tmp_path, documents, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "config.yaml").write_text("")
    return load_settings("config.yaml")


def run(settings, *folders, embeddings=None, collection="docs", **options):
    folders = [settings.base_dir / folder for folder in folders or ("docs",)]
    return ingest(
        settings, IngestTarget(collection, folders, "bundled"), embeddings=embeddings or HashEmbeddings(), **options
    )


def contents(settings, collection="docs"):
    """Everything a collection holds: id to text, metadata and vector."""
    client = chromadb.PersistentClient(str(settings.resolve_path("chroma_db")))
    opened = client.get_collection(collection, embedding_function=None)
    got = opened.get(include=["documents", "metadatas", "embeddings"])
    rows = zip(got["ids"], got["documents"], got["metadatas"], np.round(got["embeddings"], 6).tolist(), strict=True)
    result = {chunk: (text, tuple(sorted(metadata.items())), tuple(vector)) for chunk, text, metadata, vector in rows}
    client.close()
    return result


def files(report):
    return report.new, report.updated, report.unchanged, report.removed, len(report.failures)


def test_a_first_run_brings_in_everything(settings):
    report = run(settings)
    assert files(report) == (3, 0, 0, 0, 0)
    assert report.chunks_written == report.chunks_total == 4
    texts = sorted(text for text, _, _ in contents(settings).values())
    assert "컨테이너선 (Container Ship) > 제원\n\n최대 흘수 12.04 m." in texts
    assert "notes\n\nThe pilot boards before the lock." in texts


@pytest.mark.slow
def test_without_deleting_a_file_goes_under_its_new_name_only_when_that_is_in(settings, documents, monkeypatch):
    from rag_pipeline.ingestion import plan

    run(settings)
    before = contents(settings)
    (documents / "bulk.md").rename(documents / "dry.md")
    compared = plan._compare

    def compare(found, key, file, *more):
        compared(found, key, file, *more)
        if key.source == "dry.md":
            file.path.rename(documents / "away")

    with monkeypatch.context() as patch:
        patch.setattr(plan, "_compare", compare)
        report = run(settings, delete=False)
    assert [failure.source for failure in report.failures] == ["dry.md"]
    assert contents(settings) == before
    (documents / "away").rename(documents / "dry.md")
    report = run(settings, delete=False)
    assert (report.renamed, report.chunks_total) == (1, len(before))
    sources = {dict(metadata)["source"] for _, metadata, _ in contents(settings).values()}
    assert sources == {"container.md", "dry.md", "notes.txt"}


def test_each_chunk_says_where_it_is_from(settings):
    run(settings)
    ((_, metadata, _),) = [row for row in contents(settings).values() if "제원" in row[0]]
    known = dict(metadata)
    assert len(known.pop("file_sha256")) == len(known.pop("text_sha256")) == 64
    assert known == {
        "source": "container.md",
        "folder": "docs",
        "title": "컨테이너선 (Container Ship)",
        "section": "제원",
        "chunk_index": 0,
        "chunk_count": 2,
    }


def test_a_second_run_embeds_and_changes_nothing(settings):
    run(settings)
    before = contents(settings)
    embeddings = HashEmbeddings()
    report = run(settings, embeddings=embeddings)
    assert files(report) == (0, 0, 3, 0, 0)
    assert embeddings.embedded == []
    assert contents(settings) == before


@pytest.mark.slow
def test_a_changed_file_replaces_its_chunks_and_no_others(settings, documents):
    run(settings)
    before = contents(settings)
    (documents / "bulk.md").write_text("# 벌크선\n\n철광석.\n\n## 새 절\n\n더.\n", "utf-8")
    report = run(settings)
    assert files(report) == (0, 1, 2, 0, 0)
    assert (report.chunks_written, report.chunks_removed, report.chunks_total) == (2, 1, 5)
    after = contents(settings)
    assert {text for text, _, _ in after.values()} >= {"벌크선\n\n철광석.", "벌크선 > 새 절\n\n더."}
    assert len(set(before) & set(after)) == 3


def test_a_touched_file_of_the_same_bytes_is_unchanged(settings, documents):
    run(settings)
    (documents / "bulk.md").touch()
    assert files(run(settings)) == (0, 0, 3, 0, 0)


@pytest.mark.slow
def test_a_removed_file_goes_and_a_new_one_comes(settings, documents):
    run(settings)
    (documents / "bulk.md").unlink()
    (documents / "bulk2.md").write_text("# 다른 벌크선\n\n철광석을 나른다.\n", "utf-8")
    assert files(run(settings)) == (1, 0, 2, 1, 0)
    assert {dict(m)["source"] for _, m, _ in contents(settings).values()} == {"container.md", "bulk2.md", "notes.txt"}


@pytest.mark.slow
def test_a_bad_file_costs_that_file_only_and_keeps_its_old_chunks(settings, documents):
    run(settings)
    before = contents(settings)
    (documents / "bulk.md").write_bytes(b"\x00\x01\x02")
    (documents / "new.md").write_text("# 새 문서\n\n글.", "utf-8")
    report = run(settings)
    assert files(report) == (1, 0, 2, 0, 1)
    assert [(failure.source, failure.reason) for failure in report.failures] == [("bulk.md", "binary, not text")]
    assert set(before) < set(contents(settings))


@pytest.mark.slow
def test_cp949_is_read(settings, documents):
    (documents / "old.txt").write_bytes("흘수가 깊은 배는 운하를 지나지 못한다.".encode("cp949"))
    run(settings)
    assert any("흘수가 깊은 배는" in text for text, _, _ in contents(settings).values())


@pytest.mark.slow
@pytest.mark.parametrize("damage", ["empty", "missing"])
def test_an_empty_or_missing_folder_never_wipes_a_collection(settings, documents, damage):
    run(settings)
    before = contents(settings)
    for file in documents.iterdir():
        file.unlink()
    if damage == "missing":
        documents.rmdir()
    for rebuild in (False, True):
        with pytest.raises(UsageError, match="not found|no readable document"):
            run(settings, rebuild=rebuild)
    assert contents(settings) == before


@pytest.mark.slow
def test_documents_of_another_folder_in_the_same_collection_are_left_alone(settings, tmp_path):
    (tmp_path / "more").mkdir()
    (tmp_path / "more" / "bulk.md").write_text("# 같은 이름\n\n다른 글.", "utf-8")
    run(settings)
    assert files(run(settings, "more")) == (1, 0, 0, 0, 0)
    assert files(run(settings, "docs", "more")) == (0, 0, 4, 0, 0)
    (tmp_path / "more" / "bulk.md").unlink()
    (tmp_path / "more" / "c.md").write_text("# 또 다른\n\n글.", "utf-8")
    assert files(run(settings, "more")) == (1, 0, 0, 1, 0)
    assert len(contents(settings)) == 5


@pytest.mark.slow
def test_a_renamed_file_is_not_embedded_again(settings, documents):
    run(settings)
    (documents / "sub").mkdir()
    (documents / "bulk.md").rename(documents / "sub" / "dry cargo.md")
    embeddings = HashEmbeddings()
    report = run(settings, embeddings=embeddings)
    assert (report.renamed, report.new, report.removed, report.unchanged) == (1, 0, 0, 2)
    assert (embeddings.embedded, report.chunks_reused, report.chunks_total) == ([], 1, 4)
    sources = {dict(m)["source"] for _, m, _ in contents(settings).values()}
    assert sources == {"container.md", "sub/dry cargo.md", "notes.txt"}
    assert "1 renamed, 0 removed" in report.summary()


@pytest.mark.slow
def test_an_unchanged_chunk_of_a_changed_file_is_not_embedded_again(settings, documents):
    run(settings)
    text = (documents / "container.md").read_text("utf-8")
    (documents / "container.md").write_text(text + "\n## 전망\n\n더 커진다.\n", "utf-8")
    embeddings = HashEmbeddings()
    report = run(settings, embeddings=embeddings)
    assert (report.updated, report.chunks_written, report.chunks_reused, report.chunks_total) == (1, 3, 2, 5)
    assert [text for text in embeddings.embedded if "더 커진다" not in text] == [probe.TEXT]
    after = contents(settings)
    run(settings, rebuild=True)
    assert contents(settings) == after


@pytest.mark.slow
def test_the_same_text_in_another_file_is_not_embedded_again(settings, documents):
    run(settings)
    (documents / "copy.md").write_bytes((documents / "bulk.md").read_bytes())
    embeddings = HashEmbeddings()
    report = run(settings, embeddings=embeddings)
    assert (report.new, report.chunks_reused, embeddings.embedded) == (1, 1, [])


@pytest.mark.slow
def test_removing_more_than_half_is_refused_until_it_is_confirmed(settings, documents):
    run(settings)
    before = contents(settings)
    (documents / "bulk.md").unlink()
    (documents / "notes.txt").unlink()
    with pytest.raises(UsageError, match=r"2 of 3 documents .* no longer in the folder.*--yes.*--no-delete"):
        run(settings)
    asked = []
    with pytest.raises(UsageError):
        run(settings, confirm_removal=lambda *counts: bool(asked.append(counts)))
    assert asked == [(2, 3)]
    assert contents(settings) == before
    kept = run(settings, delete=False)
    assert (kept.removed, contents(settings)) == (0, before)
    assert run(settings, confirm_removal=lambda *_: True).removed == 2
    assert len(contents(settings)) == 2


def test_moving_everything_is_not_removing_it(settings, documents):
    run(settings)
    (documents / "all").mkdir()
    for file in ("bulk.md", "container.md"):
        (documents / file).rename(documents / "all" / file)
    assert run(settings).renamed == 2


def test_metadata_comes_from_rules_front_matter_and_sidecar_the_nearest_counting_most(settings, documents):
    (documents / "bulk.md").write_text(
        "---\ntitle: 벌크\ntype: bulk\nyear: 2020\ntags: [dry, cargo]\n---\n석탄.\n", "utf-8"
    )
    (documents / "bulk.md.meta.yaml").write_text("year: 2021\nsource: mine\n", "utf-8")
    rule = MetadataRule(files=["*.md"], values={"year": 1999, "fleet": "A"})
    target = IngestTarget("docs", [documents], "bundled", metadata=(rule,))
    report = ingest(settings, target, embeddings=HashEmbeddings())
    assert (report.new, report.failures) == (3, [])
    rows = {dict(metadata)["source"]: (text, dict(metadata)) for text, metadata, _ in contents(settings).values()}
    text, metadata = rows["bulk.md"]
    assert text == "벌크\n\n석탄."
    assert {key: metadata[key] for key in ("type", "year", "tags", "fleet", "source")} == {
        "type": "bulk",
        "year": 2021,
        "tags": "dry, cargo",
        "fleet": "A",
        "source": "bulk.md",
    }
    assert "fleet" not in rows["notes.txt"][1]
    assert rows["container.md"][1]["year"] == 1999


@pytest.mark.slow
def test_a_change_of_metadata_is_a_change_of_the_file_and_embeds_nothing(settings, documents):
    run(settings)
    (documents / "bulk.md.meta.yaml").write_text("year: 2021\n", "utf-8")
    embeddings = HashEmbeddings()
    assert files(run(settings, embeddings=embeddings)) == (0, 1, 2, 0, 0)
    assert embeddings.embedded == []
    assert files(run(settings)) == (0, 0, 3, 0, 0)
    (documents / "bulk.md.meta.yaml").write_text("year: [unclosed\n", "utf-8")
    report = run(settings)
    assert [failure.source for failure in report.failures] == ["bulk.md"]
    assert "bulk.md.meta.yaml is not valid YAML" in report.failures[0].reason
    assert report.chunks_total == 4


@pytest.mark.slow
def test_readers_of_the_callers_own_come_first(settings, documents):
    class Log:
        suffixes = frozenset({".log"})

        def read(self, name, content):
            return Document(name, (Section((), content.decode().upper()),))

    (documents / "ship.log").write_text("engine started", "utf-8")
    assert ".log" in run(settings).skipped
    assert run(settings, readers=[Log()]).new == 1
    assert any("ENGINE STARTED" in text for text, _, _ in contents(settings).values())


@pytest.mark.slow
def test_a_folder_that_is_gone_is_reported_and_a_rebuild_forgets_it(settings, tmp_path):
    (tmp_path / "more").mkdir()
    (tmp_path / "more" / "a.md").write_text("글", "utf-8")
    run(settings, "docs", "more")
    (tmp_path / "more" / "a.md").unlink()
    (tmp_path / "more").rmdir()
    assert run(settings).gone_folders == ["more"]
    run(settings, rebuild=True)
    assert {dict(metadata)["folder"] for _, metadata, _ in contents(settings).values()} == {"docs"}


@pytest.mark.slow
def test_another_embedding_is_refused_naming_both_and_writing_nothing(settings):
    run(settings)
    before = contents(settings)
    for other in (HashEmbeddings(dimension=32), HashEmbeddings(document_prompt="d: "), HashEmbeddings(max_tokens=64)):
        with pytest.raises(CollectionMismatchError, match="was made with .*asks for .*--rebuild"):
            run(settings, embeddings=other)
    assert contents(settings) == before


@pytest.mark.slow
def test_a_rebuild_makes_the_collection_anew_with_the_other_embedding(settings):
    run(settings)
    report = run(settings, embeddings=HashEmbeddings(dimension=32), rebuild=True)
    assert files(report) == (3, 0, 0, 0, 0)
    assert {len(vector) for _, _, vector in contents(settings).values()} == {32}


@pytest.mark.slow
def test_a_rebuild_that_fails_leaves_the_old_collection_as_it_was(settings):
    run(settings)
    before = contents(settings)

    class Failing(HashEmbeddings):
        def embed_documents(self, texts):
            raise RuntimeError("the model broke")

    with pytest.raises(RuntimeError):
        run(settings, embeddings=Failing(dimension=32), rebuild=True)
    assert contents(settings) == before


@pytest.mark.slow
def test_chunks_left_of_an_earlier_content_are_cleared_away(settings, documents):
    run(settings)
    before = contents(settings)
    original = (documents / "bulk.md").read_bytes()
    (documents / "bulk.md").write_text("# 다른 글\n\n내용.", "utf-8")
    run(settings)
    changed = contents(settings)
    (documents / "bulk.md").write_bytes(original)
    run(settings)
    assert contents(settings) == before
    assert changed != before


def test_a_dry_run_tells_the_same_and_does_nothing(settings, documents):
    target = IngestTarget("docs", [documents], "bundled")
    report = dry_run(settings, target)
    assert files(report) == (3, 0, 0, 0, 0)
    assert not settings.resolve_path("chroma_db").exists()


def test_the_json_form_is_stable(settings, documents):
    (documents / "bad.txt").write_bytes(b"\0")
    report = run(settings).as_dict()
    assert isinstance(report.pop("seconds"), float)
    assert report == {
        "collection": "docs",
        "embedding": "bundled",
        "files": {"new": 3, "updated": 0, "unchanged": 0, "renamed": 0, "removed": 0, "failed": 1},
        "chunks": {"written": 4, "reused": 0, "removed": 0, "total": 4},
        "failures": [{"source": "bad.txt", "reason": "binary, not text"}],
        "warnings": [],
    }


@pytest.mark.slow
def test_writing_goes_on_as_embedding_does(settings, documents, monkeypatch):
    """What was embedded before a failure is in the collection: it is not all written at the end."""
    (documents / "long.txt").write_text("\n\n".join(f"문단 {n} " + "글 " * 100 for n in range(1500)), "utf-8")

    class FailsLate(HashEmbeddings):
        def embed_documents(self, texts):
            if len(self.embedded) > 900:
                raise RuntimeError("late")
            return super().embed_documents(texts)

    with pytest.raises(RuntimeError, match="late"):
        run(settings, embeddings=FailsLate())
    assert 900 <= len(contents(settings)) < 1500
    report = run(settings)
    assert len(contents(settings)) == report.chunks_total > 1500


def test_the_vectors_in_the_store_are_those_of_the_texts(settings):
    run(settings)
    plain = HashEmbeddings()
    for text, _, vector in contents(settings).values():
        np.testing.assert_allclose(vector, plain.embed_documents([text])[0], atol=1e-5)


def test_a_folder_inside_another_is_refused(settings, documents):
    (documents / "inner").mkdir()
    (documents / "inner" / "a.md").write_text("x")
    with pytest.raises(UsageError, match="lies inside"):
        run(settings, "docs", "docs/inner")


def test_a_pipe_among_the_files_costs_itself_only(settings, documents):
    import os

    os.mkfifo(documents / "pipe.md")
    assert files(run(settings)) == (3, 0, 0, 0, 1)
