"""The lexical leg: the passages that hold the question's words."""

from __future__ import annotations

from rag_pipeline.lexical import analyze
from rag_pipeline.lexical.question import Question
from rag_pipeline.retrieval.fusion import NO_HITS, LexicalHits
from rag_pipeline.store import Collection
from rag_pipeline.store.filters import Where

# So many that the bound on what is not among them is low.
_DEPTH = 100
# A filter that fits fewer chunks than this is looked up first, and only those are ranked.
_FEW = 5000
# What is longer is a document rather than a question, whose words say no more after so many.
_LONGEST_QUESTION = 8000


def lexical_leg(collection: Collection, question: str, where: Where | None, least: int) -> LexicalHits:
    """Rank a collection by the question's words.

    Args:
        collection: one with a lexical index.
        question: the question.
        where: only chunks whose metadata fit.
        least: how many are wanted at least.

    Raises:
        StoreError: the index cannot be read.
    """
    index = collection.lexical
    if not index.exists:
        return NO_HITS
    asked = index.ask(analyze([question[:_LONGEST_QUESTION]])[0])
    depth = max(_DEPTH, least)
    if where is None:
        scores = index.search(asked, depth)
        return LexicalHits(asked, scores, len(scores) < depth)
    # Where most chunks fit, listing all that do costs far more than looking at those that rank first.
    hits, enough = _fitting(collection, asked, where, depth)
    if enough:
        return hits
    fitting = collection.matching(where, limit=_FEW + 1)
    if len(fitting) <= _FEW:
        scores = index.search(asked, depth, fitting)
        return LexicalHits(asked, scores, len(scores) < depth)
    while not enough and depth <= _FEW:
        depth *= 4
        hits, enough = _fitting(collection, asked, where, depth)
    return hits


def _fitting(collection: Collection, asked: Question, where: Where, depth: int) -> tuple[LexicalHits, bool]:
    """Rank all chunks and leave out those that do not fit; and whether enough are left."""
    scores = collection.lexical.search(asked, depth)
    fitting = set(collection.matching(where, list(scores))) if scores else set()
    complete = len(scores) < depth
    hits = LexicalHits(asked, {key: score for key, score in scores.items() if key in fitting}, complete)
    return hits, complete or len(fitting) >= _DEPTH // 2
