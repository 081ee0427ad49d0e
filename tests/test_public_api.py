from __future__ import annotations

import ast
from pathlib import Path

import rag_pipeline

PACKAGE = Path(rag_pipeline.__file__).parent
FLOORS = [
    {"errors"},
    {"config_sections", "places"},
    {"config", "config_arguments", "config_errors"},
    {"gemini", "lexical"},
    {"documents", "embeddings", "store"},
    {"assembly", "passages", "testing"},
    {"answering", "ingestion", "retrieval"},
    {"evaluation", "pipeline"},
    {"cli"},
    {"__main__"},
]


# What others build on. A name that comes in or goes is a line in the CHANGELOG.
PUBLIC = """
Answer Explanation GeminiEmbeddings IngestReport IngestTarget MeanPoolingEmbeddings Passage Pipeline PipelineEmbeddings
PipelineRetriever PipelineVectorStore RagPipelineError SearchOptions Searcher Settings Store build_answer_chain ingest
load_settings make_embeddings open_searcher open_searchers
"""


def test_public_names_are_those_known_sorted_and_importable():
    assert rag_pipeline.__all__ == PUBLIC.split() == sorted(rag_pipeline.__all__)
    for name in rag_pipeline.__all__:
        assert getattr(rag_pipeline, name).__name__ == name


def test_importing_the_package_imports_no_heavy_library(python):
    heavy = "{'torch', 'transformers', 'chromadb', 'langchain_core', 'pydantic', 'google.genai'}"
    done = python("-c", f"import rag_pipeline, sys; print(sorted({heavy} & set(sys.modules)))")
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
    done = python("-c", code)
    assert done.stdout.strip().splitlines()[-1] == "[]", done.stderr


def test_nothing_imports_upwards_and_siblings_do_not_meet():
    wrong = []
    for file in PACKAGE.rglob("*.py"):
        home = file.relative_to(PACKAGE).parts[0].removesuffix(".py")
        if home == "__init__":
            continue
        floor = next(level for level, names in enumerate(FLOORS) if home in names)
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("rag_pipeline."):
                other = node.module.split(".")[1]
                level = next(level for level, names in enumerate(FLOORS) if other in names)
                same_family = {home, other} == {"config", "config_errors"}
                if other != home and level >= floor and not same_family:
                    wrong.append(f"{file.relative_to(PACKAGE)} imports {node.module}")
    assert wrong == []
