"""Pictures: a comparison as bars, a collection as a map. PNG and SVG by matplotlib, without a display."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from rag_pipeline.errors import OutputError, UsageError
from rag_pipeline.evaluation.comparing import Comparison

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from rag_pipeline.evaluation.mapping import SimilarityMap

# Okabe and Ito's palette, which the colour-blind can tell apart, without black.
COLOURS = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00", "#F0E442", "#999999")
_SHOWN = ("hit@1", "MRR@10", "nDCG@10")
_KOREAN_FONTS = (
    "Noto Sans CJK KR", "Noto Sans KR", "NanumGothic", "Nanum Gothic", "Malgun Gothic", "Apple SD Gothic Neo",
    "AppleGothic", "UnDotum",
)  # fmt: skip
_DOTS_PER_INCH = 150


def plot_comparison(comparison: Comparison) -> Figure:
    """Bars for hit@1, MRR@10 and nDCG@10, one colour for each collection and mode."""
    figure, axes = _figure(width=2.2 + 1.1 * max(4, len(comparison.contestants)), height=4.2)
    count = len(comparison.contestants)
    width = 0.8 / count
    for number, one in enumerate(comparison.contestants):
        left = np.arange(len(_SHOWN)) - 0.4 + width * (number + 0.5)
        heights = [one.mean(metric) for metric in _SHOWN]
        bars = axes.bar(left, heights, width * 0.92, color=COLOURS[number % len(COLOURS)], label=one.name)
        axes.bar_label(bars, [f"{height:.2f}" for height in heights], fontsize=7, padding=1)
    axes.set_xticks(range(len(_SHOWN)), _SHOWN)
    axes.set_ylim(0, 1.08)
    answerable = sum(question.answerable for question in comparison.questions)
    axes.set_ylabel(f"mean over {answerable} questions")
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(loc="upper center", bbox_to_anchor=(0.5, -0.08), ncols=min(3, count), frameon=False, fontsize=8)
    return figure


def plot_map(similarity: SimilarityMap) -> Figure:
    """Chunks as dots, coloured by document, questions as stars."""
    figure, axes = _figure(width=8.5, height=6)
    labels = _labels(similarity.sources)
    for number, source in enumerate(similarity.sources):
        dots = [point for point in similarity.points if point.source == source and not point.is_question]
        axes.scatter(
            [dot.x for dot in dots],
            [dot.y for dot in dots],
            s=22,
            color=COLOURS[number % len(COLOURS)],
            marker="os^Dvp"[number // len(COLOURS) % 6],
            label=labels[number],
            alpha=0.8,
            linewidths=0,
        )
    asked = [point for point in similarity.points if point.is_question]
    if asked:
        axes.scatter([p.x for p in asked], [p.y for p in asked], s=190, marker="*", color="black", label="question")
    axes.set_xticks([])
    axes.set_yticks([])
    first, second = similarity.explained
    axes.set_xlabel(f"first principal component ({first:.0%} of the variance)")
    axes.set_ylabel(f"second ({second:.0%})")
    axes.legend(loc="center left", bbox_to_anchor=(1.01, 0.5), frameon=False, fontsize=8)
    return figure


def save(figure: Figure, path: Path) -> None:
    """Write a picture; the ending says of which kind.

    Raises:
        UsageError: the ending is neither .png nor .svg.
        OutputError: the file cannot be written.
    """
    if path.suffix.lower() not in (".png", ".svg"):
        raise UsageError(f"a plot is written as .png or .svg, found {path.name!r}")
    import matplotlib as mpl

    try:
        with mpl.rc_context({"svg.fonttype": "none", "svg.hashsalt": "rag_pipeline"}):
            figure.savefig(
                path,
                dpi=_DOTS_PER_INCH,
                bbox_inches="tight",
                metadata={"Date": None} if path.suffix.lower() == ".svg" else None,
            )
    except OSError as error:
        raise OutputError(f"{path} cannot be written: {error.strerror or error}") from None


def as_svg(figure: Figure) -> str:
    """A picture to be put into a page."""
    import io

    import matplotlib as mpl

    page = io.StringIO()
    with mpl.rc_context({"svg.fonttype": "none", "svg.hashsalt": "rag_pipeline"}):
        figure.savefig(page, format="svg", bbox_inches="tight", metadata={"Date": None})
    text = page.getvalue()
    return text[text.index("<svg") :]


def _figure(width: float, height: float) -> tuple[Figure, Any]:
    import matplotlib as mpl
    from matplotlib.figure import Figure

    font = _korean_font()
    if font is not None:
        mpl.rcParams["font.family"] = [font, "DejaVu Sans"]
    mpl.rcParams["axes.unicode_minus"] = False
    figure = Figure(figsize=(width, height))
    return figure, figure.add_subplot()


def _korean_font() -> str | None:
    from matplotlib import font_manager

    known = {font.name for font in font_manager.fontManager.ttflist}
    return next((name for name in _KOREAN_FONTS if name in known), None)


def _labels(sources: Sequence[str]) -> list[str]:
    """Names of documents; without a font that has their letters, their numbers in the page's list."""
    if _korean_font() is not None:
        return list(sources)
    return [source if source.isascii() else f"document {number}" for number, source in enumerate(sources, start=1)]
