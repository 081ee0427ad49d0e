"""What the callers of a vector store give it, checked before anything is done with it."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from rag_pipeline.errors import UsageError
from rag_pipeline.metadata_values import is_unicode, key_problem, row_problem, value_problem


def check_texts(texts: Any) -> list[str]:
    """Texts to be stored.

    Raises:
        UsageError: it is no list of texts, or one is blank.
    """
    if isinstance(texts, str) or not hasattr(texts, "__iter__"):
        raise UsageError(f"texts are a list of texts, found {texts!r}")
    found = list(texts)
    for text in found:
        if not isinstance(text, str):
            raise UsageError(f"texts are a list of texts, found {text!r} among them")
        if not text.strip():
            raise UsageError("a text is empty")
        if not is_unicode(text):
            raise UsageError(f"a text holds half of a character, which cannot be stored: {ascii(text)[:100]}")
    return found


def check_metadatas(metadatas: Any, count: int) -> list[dict[str, Any]]:
    """Metadata of each of some texts. What is None is left out: the text has no such value.

    Raises:
        UsageError: there are more or fewer than texts, or one has keys or values that no store takes.
    """
    if metadatas is None:
        return [{} for _ in range(count)]
    if not isinstance(metadatas, Sequence) or isinstance(metadatas, str) or len(metadatas) != count:
        given = f"{len(metadatas)}" if isinstance(metadatas, Sequence) else repr(metadatas)
        raise UsageError(f"metadatas are a list of one for each text: {count} texts do not go together with {given}")
    found = []
    for metadata in metadatas:
        if not isinstance(metadata, Mapping):
            raise UsageError(f"the metadata of a text are keys and values, found {metadata!r}; none are {{}}")
        known = {name: value for name, value in metadata.items() if value is not None}
        if problem := row_problem(known):
            raise UsageError(problem)
        for name, value in metadata.items():
            if problem := key_problem(name) or (value_problem(name, value) if name in known else ""):
                raise UsageError(problem)
        found.append(known)
    return found


def check_ids(ids: Any, *, made_up: bool = False) -> list[Any]:
    """Ids of texts.

    Args:
        ids: what was given.
        made_up: None or an empty text stands for an id that is to be made up.

    Raises:
        UsageError: it is no list of texts.
    """
    if isinstance(ids, str) or not isinstance(ids, Sequence):
        raise UsageError(f"ids are a list of texts, found {ids!r}")
    for one in ids:
        if not isinstance(one, str) and not (made_up and one is None):
            raise UsageError(f"an id is text, found {one!r}")
        if isinstance(one, str) and not is_unicode(one):
            raise UsageError(f"an id is text, found {one!r}")
    return list(ids)


def check_query(query: Any) -> str:
    """What is looked for.

    Raises:
        UsageError: it is no text.
    """
    if not isinstance(query, str):
        raise UsageError(f"a question is a text, found {query!r}")
    return query


def check_vector(vector: Any, dimension: int, collection: str) -> Any:
    """The vector of a question.

    Raises:
        UsageError: it is none, or of another dimension than those of the collection.
    """
    try:
        row = np.asarray(vector, dtype=np.float32)
    except (TypeError, ValueError):
        row = np.empty((0, 0), np.float32)
    if row.shape != (dimension,) or not np.isfinite(row).all():
        found = f"one of {row.shape[0]}" if row.ndim == 1 and np.isfinite(row).all() else "something else"
        raise UsageError(f"collection {collection!r} is asked with a vector of {dimension} numbers, found {found}")
    return vector


# What other vector stores, or other searches, call what is meant.
_INSTEAD = {
    "where": "filter",
    "filters": "filter",
    "metadata_filter": "filter",
    "pre_filter": "filter",
    "metadata": "metadatas",
    "document_filter": "where_document",
    "top_k": "k",
    "n_results": "k",
    "limit": "k",
    "score_threshold": "search_type='similarity_score_threshold', or similarity_search_with_relevance_scores",
    "fetch_k": "search_type='mmr', or max_marginal_relevance_search",
    "lambda_mult": "search_type='mmr', or max_marginal_relevance_search",
    "collection_name": "collection",
    "id": "ids",
}


def refuse_unknown(given: Mapping[str, Any], call: str, known: Sequence[str]) -> None:
    """Refuse arguments that a call does not have: one that is left out, such as a filter, would give other rows.

    Args:
        given: what came with it besides the known ones.
        call: what was called.
        known: the arguments it has.

    Raises:
        UsageError: there are any; it names the first, and what to use in its place.
    """
    for name in given:
        instead = _INSTEAD.get(name, "")
        near = [instead] if instead in known or " " in instead else difflib.get_close_matches(name, known, 1)
        advice = f"use {near[0]}" if near else f"it takes {', '.join(known)}"
        raise UsageError(f"{call} takes no argument {name!r}; {advice}")
