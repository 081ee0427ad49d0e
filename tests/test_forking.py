"""Processes that are forked for real; one that hangs is killed, and the test fails."""

from __future__ import annotations

import multiprocessing
import multiprocessing.connection
import os
import pickle
import signal
import sys
import threading
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from langchain_core.embeddings import DeterministicFakeEmbedding

from rag_pipeline import Pipeline, PipelineRetriever, forking
from rag_pipeline.embeddings.gemini.embeddings import GeminiEmbeddings
from rag_pipeline.embeddings.local.transformer import TransformerEmbeddings
from rag_pipeline.embeddings.wrapped import WrappedEmbeddings
from rag_pipeline.errors import EmbeddingError
from rag_pipeline.lexical import analyze
from rag_pipeline.testing import HashEmbeddings
from tests.conftest import offline_environment

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not hasattr(os, "fork"), reason="the system does not fork"),
]
# Far longer than any child takes; one that waits for a thread of its parent waits for ever.
PATIENCE = 120
TEXTS = ["최대 흘수가 12.04 m인 컨테이너선은?", "a tug tows ships", "coal and grain"] * 4


def in_child(call: Callable[[], Any]) -> Any:
    """What a call gives in a forked child, or what it raises there."""
    reading, writing = os.pipe()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # Python's own, from 3.12 on
        child = os.fork()
    if not child:
        os.close(reading)
        try:
            result = call()
        except BaseException as error:
            result = error
        os.write(writing, pickle.dumps(result))
        os._exit(0)
    os.close(writing)
    try:
        with os.fdopen(reading, "rb") as pipe:
            if not multiprocessing.connection.wait([pipe], PATIENCE):
                pytest.fail("the child hangs")
            result = pickle.loads(pipe.read())
    finally:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
    if isinstance(result, BaseException):
        raise result
    return result


@pytest.fixture(scope="module")
def used(bundled_folder):
    """A model that computes in several threads, and has done so in this process."""
    embeddings = TransformerEmbeddings(bundled_folder, query_prompt="query: ")
    embeddings.embed_documents(TEXTS)
    return embeddings


def similar(one, other):
    return float(np.dot(one, other)) == pytest.approx(1, abs=1e-3)


def test_embeddings_that_were_used_before_the_fork_give_the_same_vectors_in_the_child(used):
    wanted = used.embed_query(TEXTS[0])
    found, many, tokens = in_child(
        lambda: (used.embed_query(TEXTS[0]), used.embed_documents(TEXTS), used.count_document_tokens(TEXTS[:1]))
    )
    assert similar(found, wanted)
    assert len(many) == len(TEXTS)
    assert tokens == used.count_document_tokens(TEXTS[:1])
    assert similar(used.embed_query(TEXTS[0]), wanted)


def test_embeddings_that_are_made_after_the_fork_work_though_the_parent_has_used_its_own(used, bundled_folder):
    found = in_child(lambda: TransformerEmbeddings(bundled_folder, query_prompt="query: ").embed_query(TEXTS[1]))
    assert similar(found, used.embed_query(TEXTS[1]))


def test_a_child_of_a_child_works_too(used):
    found = in_child(lambda: in_child(lambda: used.embed_documents(TEXTS)[0]))
    assert similar(found, used.embed_documents(TEXTS)[0])


def test_several_threads_of_a_child_work(used):
    def ask():
        found = []
        threads = [threading.Thread(target=lambda: found.append(used.embed_query(TEXTS[1]))) for _ in range(4)]
        for thread in threads:
            thread.start()
        found.append(used.embed_query(TEXTS[1]))
        for thread in threads:
            thread.join()
        return found

    for vector in in_child(ask):
        assert similar(vector, used.embed_query(TEXTS[1]))


def test_texts_are_cut_in_a_child_where_parallel_tokenizers_are_asked_for(used, monkeypatch):
    monkeypatch.setenv("TOKENIZERS_PARALLELISM", "true")
    used.count_document_tokens(TEXTS)
    assert in_child(lambda: used.count_document_tokens(TEXTS)) == used.count_document_tokens(TEXTS)


def test_an_embedding_of_the_callers_that_computes_with_torch_works_in_a_child(used):
    class Own(DeterministicFakeEmbedding):
        def embed_query(self, text):
            import torch

            square = torch.ones(800, 800)
            return (square @ square)[0, :4].tolist()

    wrapped = WrappedEmbeddings(Own(size=4))
    wanted = wrapped.embed_query("tug")
    assert in_child(lambda: wrapped.embed_query("tug")) == wanted == [0.5] * 4


def test_words_are_analysed_in_a_child(used):
    wanted = analyze(TEXTS)
    assert in_child(lambda: analyze(TEXTS)) == wanted


def test_a_lock_that_another_thread_held_at_the_fork_is_free_in_the_child():
    begun, done = threading.Event(), threading.Event()
    parent = os.getpid()

    class Slow(DeterministicFakeEmbedding):
        def embed_query(self, text):
            if os.getpid() == parent:
                begun.set()
                done.wait(PATIENCE)
            return super().embed_query(text)

    wrapped = WrappedEmbeddings(Slow(size=4))
    asking = threading.Thread(target=lambda: wrapped.identity)
    asking.start()
    begun.wait(PATIENCE)
    try:
        assert in_child(lambda: wrapped.identity.dimension) == 4
    finally:
        done.set()
        asking.join()
    assert wrapped.identity.dimension == 4


def test_a_fork_while_another_thread_computes_is_refused_with_what_to_do(used):
    begun, done = threading.Event(), threading.Event()

    def work():
        begun.set()
        done.wait(PATIENCE)

    computing = threading.Thread(target=lambda: forking.compute(work))
    computing.start()
    begun.wait(PATIENCE)
    try:
        with pytest.raises(EmbeddingError, match="forked while a model of its parent was computing; start .* by spawn"):
            in_child(lambda: used.embed_query("tug"))
    finally:
        done.set()
        computing.join()
    assert len(in_child(lambda: used.embed_query("tug"))) == 384


def test_gemini_embeddings_that_were_used_before_the_fork_work_in_the_child(gemini):
    embeddings = GeminiEmbeddings(base_url=gemini.url, dimension=128)
    wanted = embeddings.embed_query("tug")
    assert in_child(lambda: (embeddings.embed_query("tug"), embeddings.embed_documents(["tug"])[0]))[0] == wanted
    # Nor has the child taken the connections of the parent.
    assert embeddings.embed_query("tug") == wanted
    embeddings.close()


@pytest.fixture
def place(tmp_path):
    (tmp_path / "config.yaml").write_text("")
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "one.md").write_text("# Tugs\n\nA tug tows ships.\n")
    with Pipeline(tmp_path / "config.yaml", collection="docs", embeddings=HashEmbeddings()) as pipeline:
        pipeline.ingest(tmp_path / "docs")
    return tmp_path


def retriever(place):
    return PipelineRetriever(config=place / "config.yaml", collection="docs", embeddings=HashEmbeddings())


REFUSED = r"^store .* was (opened before|in use when) this process was forked.*by spawn.*gunicorn: in post_fork\)$"


def failure_of(call) -> str:
    """What a call raises, by name and message: not every error goes through a pipe."""
    try:
        return f"gave {call()!r}"
    except Exception as error:
        return str(error) if "\n" not in str(error) else "more than one line"


def test_a_retriever_on_a_folder_is_refused_in_a_child_whoever_made_it(place):
    import re

    with retriever(place) as parents:
        assert len(parents.invoke("tug")) == 1
        for asked in (parents, retriever(place)):
            assert re.match(REFUSED, in_child(lambda asked=asked: failure_of(lambda: asked.invoke("tug"))))
        opened = lambda: Pipeline(place / "config.yaml", collection="docs", embeddings=HashEmbeddings())  # noqa: E731
        assert re.match(REFUSED, in_child(lambda: failure_of(lambda: opened().vector_store())))
        assert re.match(REFUSED, in_child(lambda: failure_of(lambda: opened().ingest(place / "docs"))))
        assert len(parents.invoke("tug")) == 1


def _asked(place, answers):
    answers.put(failure_of(lambda: retriever(place).invoke("tug")))


def test_a_process_of_multiprocessing_is_told_what_to_do_and_ends(place):
    import re

    with retriever(place) as parents:
        parents.invoke("tug")
        context = multiprocessing.get_context("fork")
        answers = context.Queue()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            child = context.Process(target=_asked, args=(place, answers))
            child.start()
        try:
            assert re.match(REFUSED, answers.get(timeout=PATIENCE))
            child.join(PATIENCE)
            assert child.exitcode == 0
        finally:
            child.kill()
            child.join()


PRELOADED = """
import os, sys
from rag_pipeline import PipelineRetriever
from rag_pipeline.testing import HashEmbeddings
{before}
child = os.fork()
if child:
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    print("child ended", code, flush=True)
else:
    asked = PipelineRetriever(config="config.yaml", collection="docs", embeddings=HashEmbeddings())
    try:
        print([document.metadata["source"] for document in asked.invoke("a tug")], flush=True)
    except Exception as error:
        print(type(error).__name__, error, flush=True)
    sys.exit(0)
"""
ASKED = """
mine = PipelineRetriever(config="config.yaml", collection="docs", embeddings=HashEmbeddings())
mine.invoke("a tug")
"""
CHROMA = """
import chromadb
chroma = chromadb.PersistentClient("chroma_db").get_collection("docs", embedding_function=None)
chroma.count()
"""


@pytest.mark.parametrize(
    ("before", "said"),
    [
        (ASKED, "StoreError store "),
        (CHROMA, "StoreError store "),
        ("import chromadb, torch, kiwipiepy\nfrom rag_pipeline.retrieval import Searcher", "['one.md']"),
    ],
    ids=["asked", "a Chroma client", "imported"],
)
def test_a_child_of_a_preloaded_app_is_told_or_works_and_ends_by_itself(place, before, said):
    import subprocess

    running = subprocess.Popen(
        [sys.executable, "-c", PRELOADED.format(before=before)],
        cwd=place,
        env=offline_environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        out, err = running.communicate(timeout=PATIENCE)
    finally:
        if running.poll() is None:
            os.killpg(running.pid, signal.SIGKILL)
    answer, ended = out.splitlines()
    assert answer.startswith(said), err
    assert ended == "child ended 0"
