"""Filters and the exact ranking, on a real collection."""

from __future__ import annotations

import pytest

from rag_pipeline.config import MetadataRule, load_settings
from rag_pipeline.errors import UsageError
from rag_pipeline.ingestion.run import IngestTarget, ingest
from rag_pipeline.retrieval import Searcher
from rag_pipeline.store import Store
from rag_pipeline.store.filters import parse_conditions
from rag_pipeline.testing import HashEmbeddings


@pytest.fixture
def searcher(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "docs").mkdir()
    rules = []
    for number in range(40):
        kind = ("bulk", "container", "tanker")[number % 3]
        text = f"---\ntype: {kind}\nyear: {2000 + number}\n---\n# 배 {number}\n\n흘수 {number} m, {kind}.\n"
        (tmp_path / "docs" / f"{number}.md").write_text(text, "utf-8")
    rules.append(MetadataRule(files=["1*.md"], values={"dock": "7"}))
    (tmp_path / "config.yaml").write_text("")
    settings = load_settings("config.yaml")
    target = IngestTarget("docs", [tmp_path / "docs"], "hash", metadata=tuple(rules))
    ingest(settings, target, embeddings=HashEmbeddings())
    store = Store(tmp_path / "chroma_db")
    yield Searcher(store.get("docs"), HashEmbeddings())
    store.close()


def sources(passages):
    return [int(passage.source.removesuffix(".md")) for passage in passages]


@pytest.mark.slow
@pytest.mark.parametrize("exact", [False, True])
@pytest.mark.parametrize(
    ("conditions", "fits"),
    [
        (["type=bulk"], lambda n: n % 3 == 0),
        (["type=bulk,tanker"], lambda n: n % 3 != 1),
        (["type!=bulk"], lambda n: n % 3 != 0),
        (["year>=2030"], lambda n: n >= 30),
        (["year>2010", "year<=2015", "type=container"], lambda n: 10 < n <= 15 and n % 3 == 1),
        (["year=2007"], lambda n: n == 7),
        (["dock=7"], lambda n: str(n).startswith("1")),
        (["source=5.md"], lambda n: n == 5),
        (["type=ferry"], lambda n: False),
    ],
)
def test_only_what_fits_is_found_and_all_of_it(searcher, conditions, fits, exact):
    found = searcher.search("흘수 m", 100, where=parse_conditions(conditions), exact=exact)
    assert sorted(sources(found)) == [number for number in range(40) if fits(number)]
    assert [passage.score for passage in found] == sorted((passage.score for passage in found), reverse=True)


@pytest.mark.slow
def test_the_exact_ranking_is_that_of_the_index_where_the_index_misses_nothing(searcher):
    indexed, exact = searcher.search("흘수 12 m", 10), searcher.search("흘수 12 m", 10, exact=True)
    assert {passage.id for passage in indexed[:5]} == {passage.id for passage in exact[:5]}
    assert [p.score for p in indexed] == pytest.approx([p.score for p in exact], abs=1e-5)
    assert [passage.rank for passage in exact] == list(range(1, 11))


@pytest.mark.slow
def test_a_filter_may_be_given_as_chroma_takes_it(searcher):
    where = {"type": "bulk", "year": {"$lt": 2010}}
    assert sorted(sources(searcher.search("배", 50, where=where))) == [0, 3, 6, 9]
    with pytest.raises(UsageError, match="filter"):
        searcher.search("배", 5, where={"year": {"$in": []}})


def test_an_empty_collection_gives_nothing(tmp_path):
    from rag_pipeline.store import Fingerprint

    store = Store(tmp_path / "chroma_db")
    with store.writer():
        identity = HashEmbeddings().identity.as_dict()
        collection = store.create("empty", Fingerprint.of(identity, None, 1), "hash")
        assert Searcher(collection, HashEmbeddings()).search("x", 3, exact=True) == []
    store.close()
