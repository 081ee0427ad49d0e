"""``switch``: a collection made with another model takes a name that readers know, in one step."""

from __future__ import annotations

from contextlib import closing
from typing import Annotated

import typer

from rag_pipeline.cli.options import ConfigOption
from rag_pipeline.cli.output import note, result


def command(
    collection: Annotated[str, typer.Argument(metavar="COLLECTION", help="The name that readers use.")],
    to: Annotated[str, typer.Option("--to", metavar="OTHER", help="The collection that takes the name.")],
    config: ConfigOption = None,
) -> int:
    """Let a name mean another collection, such as one of a trained model; the two change names.

    Readers that are open follow. The same command again goes back. Nothing is embedded, copied or deleted.
    """
    from rag_pipeline.assembly import open_store
    from rag_pipeline.config import load_settings
    from rag_pipeline.errors import ConfigurationError, UsageError

    if collection == to:
        raise UsageError(f"{collection!r} is both; name two collections")
    settings = load_settings(config)
    with closing(open_store(settings)) as store:
        made_with = {name: store.get(name).embedding for name in (collection, to)}
        for name, other in ((collection, to), (to, collection)):
            configured = settings.collections.get(name)
            if configured is not None and configured.embedding not in (None, made_with[other]):
                raise ConfigurationError(
                    f"config.yaml says embedding {configured.embedding!r} for collection {name!r}, and the other was"
                    f" made with {made_with[other]!r}; remove the line `embedding` from collections.{name}, so that the"
                    " collection says it itself, and switch again"
                )
        with store.writer():
            store.switch(collection, to)
    result(
        f"{collection} is now the collection made with {made_with[to]}; {to} the one made with {made_with[collection]}"
    )
    note(f"to go back: rag-pipeline switch {collection} --to {to}")
    return 0
