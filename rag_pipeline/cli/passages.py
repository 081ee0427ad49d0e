"""Passages on the terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rag_pipeline.cli.output import make_console, note, shown
from rag_pipeline.messages import N_, _

if TYPE_CHECKING:
    from rag_pipeline.passages import Passage

_TERMS_SHOWN = 8
# Of 300 questions each of eight sets that their documents answer, 0 to 16 of 100 are below; see docs/retrieval.md.
_DOUBTFUL = 0.2


def show_passages(question: str, passages: list[Passage]) -> None:
    """Print passages as a table: rank, score, and title, section, source and text."""
    from rich import box
    from rich.table import Table
    from rich.text import Text

    console = make_console()
    table = Table(
        box=box.SIMPLE_HEAD,
        show_lines=False,
        title=Text(question),
        title_justify="left",
        title_style="bold",
        expand=True,
    )
    table.add_column("#", justify="right", width=3)
    table.add_column(_("score"), justify="right", width=7)
    table.add_column(_("passage"), ratio=1, overflow="fold")
    for position, passage in enumerate(passages):
        place = Text(shown(passage.title or passage.source or passage.id), style="bold")
        if passage.section:
            place.append(f" › {shown(passage.section)}", style="cyan")
        if passage.collection and len({other.collection for other in passages}) > 1:
            place.append(f"  [{passage.collection}]", style="dim")
        text = Text.assemble(
            place, "\n", (shown(", ".join(filter(None, (passage.source, passage.place)))), "dim"), "\n", passage.body
        )
        if passage.explanation is not None:
            text.append("\n" + explained(passage), style="green")
        if position + 1 < len(passages):
            text.append("\n")
        table.add_row(str(passage.rank), f"{passage.score:.4f}", text)
    console.print(table)


def note_doubt(passages: list[Passage]) -> None:
    """Say on standard error that the answer is probably not there, where even the likeliest passage is unlikely."""
    known = [passage.confidence for passage in passages if passage.confidence is not None]
    if known and max(known) < _DOUBTFUL:
        said = _("The answer is probably not in these documents (confidence {confidence:.2f} at most).")
        note(said.format(confidence=max(known)))


def explained(passage: Passage) -> str:
    """Where a passage's score comes from, in a line or two."""
    why = passage.explanation
    assert why is not None
    parts = []
    if why.inner_product is not None:
        parts.append(
            _("inner product {score:.4f} ({place})").format(
                score=why.inner_product, place=_place(why.dense_rank, N_("dense"))
            )
        )
    if why.language_correction:
        parts.append(_("{score:+.4f} languages evened out").format(score=why.language_correction))
    if why.lexical_score is not None:
        said = (
            _("lexical {score:.3f} ({place})")
            if why.inner_product is None
            else _("{boost:+.4f} for lexical {score:.3f} ({place})")
        )
        place = _place(why.lexical_rank, N_("lexical"))
        parts.append(said.format(boost=why.lexical_boost, score=why.lexical_score, place=place))
    if why.rerank_score is not None:
        parts.append(_("reranker {score:.4f}").format(score=why.rerank_score))
    if passage.confidence is not None:
        parts.append(_("confidence {confidence:.2f}").format(confidence=passage.confidence))
    line = ", ".join(parts)
    if why.terms:
        shown = [f"{term} {share:.3f}" for term, share in list(why.terms.items())[:_TERMS_SHOWN]]
        more = len(why.terms) - len(shown)
        line += "\n" + _("terms: {terms}").format(terms=", ".join(shown))
        line += _(" and {count} more").format(count=more) if more else ""
    return line


def _place(rank: int | None, leg: str) -> str:
    if rank is None:
        return _("not among the {leg} candidates").format(leg=_(leg))
    return _("{leg} rank {rank}").format(leg=_(leg), rank=rank)
