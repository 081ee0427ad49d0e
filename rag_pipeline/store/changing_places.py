"""A name is looked up while one collection takes the place of another.

That takes two renamings: the old one is named away, then the staged one gets the name. Between them no collection has
it; and a process that is killed there leaves it so until the next writer.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from rag_pipeline.store.names import RETIRED, STAGING, is_reserved

if TYPE_CHECKING:
    from chromadb.api import ClientAPI
    from chromadb.api.models.Collection import Collection as ChromaCollection

# One writer may rename between any two questions of ours; that another does so right after is far less likely.
_ROUNDS = 3
# What Chroma lets be the name of a collection, whoever makes it.
_POSSIBLE = re.compile("[a-zA-Z0-9._-]{3,512}")


def look_up(client: ClientAPI, name: str) -> ChromaCollection | None:
    """The collection of a name, or what stands for it until its place is taken; None: there is none.

    An old one that was named away proves that the staged one is whole, since nothing is named away before. It proves
    that also of a staged one that was seen a moment earlier: a later one is made only after the old one was deleted,
    and is whole when the next is named away.

    Raises:
        chromadb.errors.ChromaError: the store cannot be read.
    """
    for _ in range(_ROUNDS):
        found = _named(client, name)
        if found is not None or is_reserved(name):
            return found
        staged, retired = _named(client, name + STAGING), _named(client, name + RETIRED)
        if retired is not None:
            # Without a staged one, either that has got the name by now, or the old one is all there is.
            return staged or _named(client, name) or retired
    return None


def _named(client: ClientAPI, name: str) -> ChromaCollection | None:
    from chromadb.errors import NotFoundError

    if not _POSSIBLE.fullmatch(name):
        return None  # it would become part of a server's address
    try:
        return client.get_collection(name, embedding_function=None)
    except NotFoundError:
        return None
