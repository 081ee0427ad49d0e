"""``map``: a collection in two dimensions."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from rag_pipeline.cli.options import CollectionOption, ConfigOption
from rag_pipeline.cli.output import note, result
from rag_pipeline.errors import UsageError


def command(
    questions: Annotated[
        list[str] | None, typer.Argument(metavar="[QUESTION]...", help="Questions to put on the map, as stars.")
    ] = None,
    collection: CollectionOption = None,
    output: Annotated[
        Path, typer.Option("--output", "-o", metavar="FILE", help="The page; a PNG of the same name is put next to it.")
    ] = Path("map.html"),
    config: ConfigOption = None,
) -> int:
    """Draw a collection's chunks, and questions among them, in two dimensions.

    Writes an HTML page, on which a dot shows its text under the mouse, and a PNG; coloured by document.
    """
    from rag_pipeline.config import load_settings
    from rag_pipeline.evaluation.comparing import check_installed
    from rag_pipeline.evaluation.mapping import similarity_map
    from rag_pipeline.evaluation.pages import map_page, write_page
    from rag_pipeline.evaluation.plotting import plot_map, save
    from rag_pipeline.retrieval.questions import check_question

    if output.suffix.lower() not in (".html", ".htm"):
        raise UsageError(f"--output must end in .html, found {output.name!r}")
    if not output.parent.is_dir():
        raise UsageError(f"folder {output.parent} not found")
    check_installed()
    settings = load_settings(config)
    asked = [check_question(question) for question in questions or []]
    similarity = similarity_map(settings, collection or settings.default_collection, asked)
    write_page(map_page(similarity), output)
    picture = output.with_suffix(".png")
    save(plot_map(similarity), picture)
    if similarity.left_out:
        note(f"{similarity.left_out} chunks are left out: the map draws at most {len(similarity.points)}")
    result(str(output))
    result(str(picture))
    return 0
