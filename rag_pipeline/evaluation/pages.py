"""Comparison and map as HTML pages that stand alone: one file, no script from elsewhere, fit to be mailed."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path
from typing import Any

from rag_pipeline.errors import OutputError
from rag_pipeline.evaluation.comparing import Comparison
from rag_pipeline.evaluation.mapping import SimilarityMap
from rag_pipeline.evaluation.plotting import COLOURS, as_svg, plot_comparison
from rag_pipeline.evaluation.scoring import METRICS

_SIZE = 1000
_HEIGHT = 640
_MARGIN = 30
_TEXT_SHOWN = 300


def comparison_page(comparison: Comparison) -> str:
    """The report of a comparison."""
    return _render(
        "comparison.html",
        comparison=comparison,
        metrics=METRICS,
        behind={one.name: comparison.behind(one) for one in comparison.contestants},
        plot=as_svg(plot_comparison(comparison)),
    )


def map_page(similarity: SimilarityMap) -> str:
    """A map on which a dot shows its text under the mouse."""
    xs = [point.x for point in similarity.points]
    ys = [point.y for point in similarity.points]
    wide, high = max(max(xs) - min(xs), 1e-9), max(max(ys) - min(ys), 1e-9)
    colours = {source: COLOURS[number % len(COLOURS)] for number, source in enumerate(similarity.sources)}
    dots = [
        {
            "x": round(_MARGIN + (point.x - min(xs)) / wide * (_SIZE - 2 * _MARGIN), 1),
            "y": round(_HEIGHT - _MARGIN - (point.y - min(ys)) / high * (_HEIGHT - 2 * _MARGIN), 1),
            "colour": colours.get(point.source, "#000000"),
            "point": point,
            "text": point.text if len(point.text) <= _TEXT_SHOWN else point.text[:_TEXT_SHOWN] + "…",
        }
        for point in similarity.points
    ]
    return _render("map.html", map=similarity, dots=dots, colours=colours, width=_SIZE, height=_HEIGHT)


def write_page(page: str, path: Path) -> None:
    """Write a page.

    Raises:
        OutputError: the file cannot be written.
    """
    try:
        path.write_text(page, encoding="utf-8")
    except OSError as error:
        raise OutputError(f"{path} cannot be written: {error.strerror or error}") from None


def _render(template: str, **values: Any) -> str:
    import jinja2

    environment = jinja2.Environment(
        loader=jinja2.FunctionLoader(
            lambda name: files("rag_pipeline.evaluation").joinpath("templates", name).read_text(encoding="utf-8")
        ),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )
    return environment.get_template(template).render(**values)
