"""``adopt``: a collection that plain LangChain or Chroma has made becomes one of ours."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from rag_pipeline.cli.options import ConfigOption, JsonOption
from rag_pipeline.cli.output import print_json, result


def command(
    collection: Annotated[str, typer.Argument(metavar="COLLECTION", help="The collection to adopt.")],
    embedding: Annotated[
        str, typer.Option("--embedding", metavar="NAME", help="What it was made with: a name of config.yaml.")
    ],
    into: Annotated[
        str | None,
        typer.Option(
            "--as", metavar="NAME", help="The new collection.  [default: COLLECTION-adopted; with --from, COLLECTION]"
        ),
    ] = None,
    replace: Annotated[bool, typer.Option("--replace", help="Put the new collection in the place of the old.")] = False,
    source: Annotated[
        Path | None, typer.Option("--from", metavar="FOLDER", help="Another Chroma folder that holds it.")
    ] = None,
    as_json: JsonOption = False,
    config: ConfigOption = None,
) -> int:
    """Take over a collection that plain LangChain or Chroma has made.

    Ids, texts, metadata and vectors are taken as they are; nothing is embedded again but a sample, which must give the
    vectors that are stored, or the collection is refused. Vectors are brought to length one, so that inner products
    can be compared. The old collection stays, unless it is replaced.
    """
    from rag_pipeline.config import load_settings
    from rag_pipeline.ingestion.adoption import adopt

    adopted = adopt(load_settings(config), collection, embedding, into=into, replace=replace, source=source)
    if as_json:
        print_json(adopted.as_dict())
    else:
        result(
            f"{adopted.collection}: {adopted.chunks} chunks, made with {adopted.embedding}"
            f" (in a sample of {adopted.sampled}, the lowest cosine is {adopted.lowest_cosine:.4f})"
        )
    return 0
