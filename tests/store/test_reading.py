"""Reading and searching a real collection, a few rows at a time."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from rag_pipeline.errors import UsageError
from rag_pipeline.store import ChunkRecord, Fingerprint, Store, search
from rag_pipeline.store.records import FileKey, FileVersion
from rag_pipeline.testing import HashEmbeddings

COUNT = 40
FINGERPRINT = Fingerprint.of(HashEmbeddings(dimension=8).identity.as_dict(), None, 1)


def unit(count, seed=0):
    made = np.random.default_rng(seed).normal(size=(count, 8)).astype(np.float32)
    return made / np.linalg.norm(made, axis=1, keepdims=True)


VECTORS = unit(COUNT)
QUESTION = unit(1, seed=9)[0]
IDS = [f"{number:02}" for number in range(COUNT)]


@pytest.fixture
def store(tmp_path):
    store = Store(tmp_path / "store")
    with store.writer():
        yield store
    store.close()


@pytest.fixture
def collection(store):
    made = store.create("docs", FINGERPRINT, "hash")
    metadatas = [{"place": number, "half": number % 2} for number in range(COUNT)]
    made.write_rows(IDS, [f"글 {key}" for key in IDS], metadatas, VECTORS)
    return made


def limit(collection, **limits):
    collection._connection.limits = replace(collection._connection.limits, **limits)


def requests(collection, monkeypatch):
    """What is asked of Chroma from now on."""
    asked = []
    read = collection._get
    monkeypatch.setattr(collection, "_get", lambda **arguments: asked.append(arguments) or read(**arguments))
    return asked


def nearest(k, fits=lambda _: True):
    scores = VECTORS @ QUESTION
    return [IDS[number] for number in np.argsort(-scores) if fits(number)][:k]


@pytest.mark.parametrize("rows", [7, 8, 40, 1000])
def test_all_rows_are_read_once_in_pages_of_any_size(collection, rows):
    limit(collection, rows=rows)
    assert sorted(chunk_id for chunk_id, _, _ in collection.rows()) == IDS
    ids, vectors = collection.vectors()
    np.testing.assert_allclose(vectors[np.argsort(ids)], VECTORS, atol=1e-6)
    limit(collection, results=5)
    assert collection.ids() == set(IDS)


def test_pages_end_with_the_first_that_is_not_full(collection, monkeypatch):
    limit(collection, rows=30)
    asked = requests(collection, monkeypatch)
    assert len(collection.ids()) == COUNT  # at once, as long as the store gives any number
    assert [one["include"] for one in asked] == [[]]
    asked.clear()
    assert len(list(collection.rows())) == COUNT
    assert [(one["limit"], one["offset"]) for one in asked] == [(30, 0), (30, 30)]


def test_so_many_ids_as_one_request_may_name_and_each_once(collection, monkeypatch):
    limit(collection, ids=3)
    asked = requests(collection, monkeypatch)
    wanted = ["05", "01", "05", "07", "03", "nowhere", "02", "04"]
    assert set(collection.rows_of(wanted)) == {"01", "02", "03", "04", "05", "07"}
    assert [one["ids"] for one in asked] == [["05", "01", "07"], ["03", "nowhere", "02"], ["04"]]
    assert {key: vector.tolist() for key, vector in collection.vectors_of(wanted).items()} == {
        IDS[number]: pytest.approx(VECTORS[number].tolist()) for number in (1, 2, 3, 4, 5, 7)
    }
    assert collection.texts_of(["05"]) == {"05": "글 05"}


def test_rows_without_text_or_metadata_are_read_as_empty(store):
    collection = store.create("bare", FINGERPRINT, "hash")
    with collection._writing() as chroma:
        chroma.add(ids=["a"], embeddings=VECTORS[:1])
    assert collection.rows_of(["a"]) == {"a": ("", {})}
    assert [metadata for _, metadata, _ in collection.rows()] == [{}]
    assert collection.sample(8)[1] == [""]
    assert collection.titles() == ([], "1")
    assert collection.text_hashes() == set()
    assert collection.nearest(QUESTION, 1, {"place": 1}) == {}
    assert collection.stored_files().foreign == ["a"]


def test_an_empty_collection_is_read_as_one(store):
    collection = store.create("empty", FINGERPRINT, "hash")
    assert collection.ids() == set()
    assert collection.vectors()[0] == []
    assert collection.vectors()[1].shape == collection.sample(8)[0].shape == (0, 0)
    assert collection.titles() == ([], "0")
    assert collection.search(QUESTION, 3, exact=True) == []


@pytest.mark.parametrize(("size", "expected"), [(8, 8), (16, 16), (100, 40), (3, 8)])
def test_a_sample_is_spread_over_the_collection(collection, size, expected):
    vectors, texts = collection.sample(size)
    assert len(vectors) == len(set(texts)) == len(texts) == expected
    np.testing.assert_allclose(vectors, [VECTORS[int(text.split()[1])] for text in texts], atol=1e-6)
    numbers = sorted(int(text.split()[1]) for text in texts)
    assert numbers[0] < 5
    assert numbers[-1] >= 35
    assert collection.sample(size)[1] == texts


def test_what_fits_is_listed_among_all_or_among_some_up_to_a_limit(collection, monkeypatch):
    odd = IDS[1::2]
    assert sorted(collection.matching({"half": 1})) == odd
    assert sorted(collection.matching({"half": 1}, [*IDS[:6], "nowhere"])) == ["01", "03", "05"]
    assert len(collection.matching({"half": 1}, limit=5)) == 5
    assert len(collection.matching({"half": 1}, IDS, limit=5)) == 5
    assert sorted(collection.matching({}, IDS[:3])) == IDS[:3]
    limit(collection, light_rows=4, results=10)
    asked = requests(collection, monkeypatch)
    assert len(collection.matching({"half": 1}, limit=5)) == 5
    assert [(one["limit"], one["offset"]) for one in asked] == [(4, 0), (4, 4)]


def test_titles_are_told_once_in_their_order_and_how_many_documents_there_are(store):
    collection = store.create("docs", FINGERPRINT, "hash")
    documents = [("a", "1", "Tugs"), ("a", "2", "Buoys"), ("b", "1", "Tugs"), ("b", "2", ""), ("a", "1", "Other")]
    metadatas = [{"folder": folder, "source": source, "title": title} for folder, source, title in documents]
    collection.write_rows(IDS[:5], IDS[:5], metadatas, VECTORS[:5])
    assert collection.titles() == (["Tugs", "Buoys"], "4")
    limit(collection, rows=2)
    assert collection.titles(chunks=2) == (["Tugs", "Buoys"], "more than 2")
    assert collection.titles(chunks=5) == (["Tugs", "Buoys"], "4")


def test_texts_are_found_by_their_hash_until_each_is_found_once(store, monkeypatch):
    collection = store.create("docs", FINGERPRINT, "hash")
    metadatas = [{"text_sha256": sha} for sha in ("x", "x", "x", "y", "y", "z")]
    collection.write_rows(IDS[:6], IDS[:6], metadatas, VECTORS[:6])
    assert collection.text_hashes() == {"x", "y", "z"}
    limit(collection, rows=2)
    assert {text: sorted(held) for text, held in collection._holders(["x", "y", "no"]).items()} == {
        "x": ["00", "01", "02"],
        "y": ["03", "04"],
    }
    asked = requests(collection, monkeypatch)
    assert list(collection._holders(["x"])) == ["x"]
    assert len(asked) == 1


@pytest.mark.slow
def test_files_are_read_by_their_first_chunk_and_else_by_each(store, monkeypatch):
    collection = store.create("docs", FINGERPRINT, "hash")
    version = FileVersion(FileKey("docs", "a.md"), "now")
    rows = [ChunkRecord(version, index, 3, f"글 {index}", "T", "") for index in range(3)]
    collection.write(rows, VECTORS[:3])
    collection.write([ChunkRecord(FileVersion(FileKey("docs", "b.md"), "now"), 0, 1, "글", "T", "")], VECTORS[:1])
    collection.write_rows(["foreign"], ["x"], [{"source": "x"}], VECTORS[:1])
    asked = requests(collection, monkeypatch)
    files = collection.stored_files()
    assert (files.holds(version), files.foreign, files.chunks) == (True, ["foreign"], 5)
    assert [one["ids"] for one in asked if "ids" in one] == [["foreign"]]
    collection.delete([rows[0].id])
    limit(collection, ids=1)
    files = collection.stored_files()
    assert dict(files.chunk_ids(version)) == {1: rows[1].id, 2: rows[2].id}
    assert (files.holds(version), files.foreign) == (False, ["foreign"])


@pytest.mark.parametrize("exact", [False, True])
def test_hits_carry_their_rows_best_first(collection, exact):
    hits = collection.search(QUESTION, 5, exact=exact)
    assert [hit.id for hit in hits] == nearest(5)
    assert [(hit.text, hit.metadata["place"]) for hit in hits] == [(f"글 {hit.id}", int(hit.id)) for hit in hits]
    assert [hit.score for hit in hits] == pytest.approx([float(VECTORS[int(hit.id)] @ QUESTION) for hit in hits])
    assert [hit.id for hit in collection.search(QUESTION, 5, {"half": 1}, exact=exact)] == nearest(5, lambda n: n % 2)


@pytest.mark.parametrize("few", [1000, 20, 19])
@pytest.mark.parametrize("k", [1, 5, 20, 30])
def test_the_nearest_that_fit_are_the_same_whichever_way_they_are_found(collection, monkeypatch, few, k):
    monkeypatch.setattr(search, "_FEW", few)
    found = collection.nearest(QUESTION, k, {"half": 1})
    assert list(found) == nearest(k, lambda number: number % 2)
    assert list(found.values()) == pytest.approx([float(VECTORS[int(key)] @ QUESTION) for key in found])


def test_where_most_fit_the_index_is_asked_and_those_that_fit_are_not_listed(collection, monkeypatch):
    monkeypatch.setattr(collection, "matching", lambda *_, **__: pytest.fail("all that fit were listed"))
    assert list(collection.nearest(QUESTION, 4, {"place": {"$gte": 0}})) == nearest(4)
    fits = {"place": {"$in": [int(key) for key in nearest(12)[8:]]}}
    assert list(collection.nearest(QUESTION, 4, fits)) == nearest(12)[8:]


def test_where_few_fit_they_are_compared_one_by_one(collection, monkeypatch):
    monkeypatch.setattr(search, "_WIDER", 1)
    asked = []
    query = collection._query
    monkeypatch.setattr(collection, "_query", lambda *given: asked.append(given) or query(*given))
    farthest = nearest(COUNT)[-3:]
    assert list(collection.nearest(QUESTION, 3, {"place": {"$in": [int(key) for key in farthest]}})) == farthest
    assert len(asked) == 1


def test_no_more_is_asked_of_the_index_than_the_store_gives_or_holds(collection, monkeypatch):
    asked = []
    read = collection._read

    class Recorder:
        def __init__(self, chroma):
            self.chroma = chroma

        def query(self, question, n_results, **more):
            asked.append(n_results)
            return self.chroma.query(question, n_results=n_results, **more)

        def count(self):
            return self.chroma.count()

    monkeypatch.setattr(collection, "_read", lambda call: read(lambda chroma: call(Recorder(chroma))))
    assert len(collection.search(QUESTION, 30)) == 30
    limit(collection, rows=30)
    assert len(collection.search(QUESTION, 30)) == 30
    assert len(collection.search(QUESTION, 10_000)) == COUNT
    assert len(collection.search(QUESTION, 35)) == 35
    limit(collection, results=7)
    assert len(collection.search(QUESTION, 30)) == 7
    assert asked == [30, 30, COUNT, 35, 7]


def test_a_hit_whose_text_is_gone_is_asked_for_again_a_few_times(collection, monkeypatch):
    query, renewed, answers = collection._query, [], []

    def without_a_text(*given):
        found = query(*given)
        answers.append(found)
        found["documents"][0][0] = None
        return found

    monkeypatch.setattr(collection, "_query", without_a_text)
    monkeypatch.setattr(collection._connection, "renew", lambda *_: renewed.append(True))
    assert [hit.id for hit in collection.search(QUESTION, 3)] == nearest(3)[1:]
    assert len(answers) == len(renewed) == 4
    monkeypatch.setattr(collection, "_query", query)
    assert [hit.id for hit in collection.search(QUESTION, 3)] == nearest(3)
    assert len(renewed) == 4


def test_a_filter_with_more_comparisons_than_the_store_takes_is_refused(collection):
    limit(collection, predicates=2)
    assert collection.matching({"half": 1, "place": {"$lt": 4}})
    with pytest.raises(UsageError, match=r"takes 2 comparisons at most, found 3"):
        collection.search(QUESTION, 1, {"$or": [{"half": 1, "place": 1}, {"place": 2}]})


def test_a_filter_on_the_text_among_those_on_metadata_is_refused_in_words(collection):
    with pytest.raises(UsageError, match="it is about metadata; where_document"):
        collection.nearest(QUESTION, 1, {"#document": "x"})


def test_reading_goes_on_after_a_moment_in_which_the_collection_is_missing(collection, monkeypatch):
    from rag_pipeline.errors import CollectionNotFoundError
    from rag_pipeline.store import access

    opened, failures, pauses, renewed = collection._connection.collection, [2], [], []

    def missing(client, name):
        if failures[0]:
            failures[0] -= 1
            raise CollectionNotFoundError(f"collection {name!r} is no longer there")
        return opened(client, name)

    monkeypatch.setattr(access.time, "sleep", pauses.append)
    monkeypatch.setattr(collection._connection, "collection", missing)
    monkeypatch.setattr(collection._connection, "renew", renewed.append)
    assert collection.count == COUNT
    assert (len(pauses), len(renewed)) == (2, 2)
    assert all(0 <= pause < 1 for pause in pauses)
    failures[0] = 4
    with pytest.raises(CollectionNotFoundError):
        _ = collection.count
    assert failures == [0]
    assert len(renewed) == 6
