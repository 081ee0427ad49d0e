from __future__ import annotations

import pytest

import rag_pipeline

# What others build on. A name that comes in or goes is a line in the CHANGELOG.
PUBLIC = """
Answer Explanation GeminiEmbeddings IngestReport IngestTarget MeanPoolingEmbeddings Passage Pipeline PipelineEmbeddings
PipelineRetriever PipelineVectorStore RagPipelineError SearchOptions Searcher Settings Store TransformerEmbeddings
build_answer_chain ingest load_settings make_embeddings open_searcher open_searchers
"""
# First names that were kept when a better one came.
ALIASES = {"MeanPoolingEmbeddings": "TransformerEmbeddings"}


def test_public_names_are_those_known_sorted_and_importable():
    assert rag_pipeline.__all__ == PUBLIC.split() == sorted(rag_pipeline.__all__)
    for name in rag_pipeline.__all__:
        assert getattr(rag_pipeline, name).__name__ == ALIASES.get(name, name)


def test_importing_the_package_imports_no_heavy_library(python):
    heavy = "{'torch', 'transformers', 'chromadb', 'langchain_core', 'pydantic', 'google.genai'}"
    done = python("-c", f"import rag_pipeline, sys; print(sorted({heavy} & set(sys.modules)))", cold=True)
    assert done.stdout.strip() == "[]", done.stderr


def test_help_imports_no_heavy_library(python):
    code = (
        "import sys\nfrom rag_pipeline.cli import run\n"
        "commands = 'ingest query status doctor config models verify compare questions map adopt'.split()\n"
        "for command in (None, *commands):\n"
        "    run(*((None, ['--help']) if command is None else (command, ['--help'])))\n"
        "heavy = {'torch', 'transformers', 'chromadb', 'langchain_core', 'pydantic_settings', 'google.genai',"
        " 'matplotlib', 'tantivy', 'kiwipiepy'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    done = python("-c", code, cold=True)
    assert done.stdout.strip().splitlines()[-1] == "[]", done.stderr


def test_first_names_go_on_working(tmp_path):
    from rag_pipeline.answering import Answer
    from rag_pipeline.passages import Explanation
    from rag_pipeline.retrieval import MultiSearcher, Searcher, SeveralSearcher
    from rag_pipeline.store import Store

    assert rag_pipeline.MeanPoolingEmbeddings is rag_pipeline.TransformerEmbeddings
    assert SeveralSearcher is MultiSearcher
    assert isinstance(Searcher.background, property)
    store = Store(tmp_path)
    assert store.place == store.address == str(tmp_path)
    why = Explanation(language_correction=0.25, lexical_boost=0.5)
    assert (why.language_shift, why.lexical_gain) == (0.25, 0.5)
    told = why.as_dict()
    assert told["language_shift"] == told["language_correction"] == 0.25
    assert told["lexical_gain"] == told["lexical_boost"] == 0.5
    answer = Answer("", [], "model", {}, "SAFETY", [])
    assert answer.trouble == answer.failure_reason
    assert "SAFETY" in answer.failure_reason


@pytest.mark.slow
def test_a_question_imports_no_folder_walking_no_parser_and_no_gemini(python):
    code = """
import sys
from rag_pipeline import load_settings
from rag_pipeline.cli import query
from rag_pipeline.retrieval import open_searcher
from rag_pipeline.embeddings.factory import make_embeddings
make_embeddings(load_settings(), "bundled")
rooms = ("rag_pipeline.documents.walking", "rag_pipeline.documents.sandbox", "rag_pipeline.documents.readers",
         "rag_pipeline.embeddings.gemini", "rag_pipeline.gemini", "rag_pipeline.ingestion", "rag_pipeline.integration",
         "rag_pipeline.store.server", "google.genai", "pathspec", "markdown_it")
print(sorted(name for name in sys.modules if name.startswith(rooms)))
"""
    done = python("-c", code, cold=True)
    assert done.stdout.strip().splitlines()[-1] == "[]", done.stdout + done.stderr
