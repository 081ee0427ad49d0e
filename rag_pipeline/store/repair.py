"""Collections are checked, and mended from what is stored: no text is embedded again."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence

from rag_pipeline.errors import CollectionMismatchError, CollectionNotFoundError, StoreError
from rag_pipeline.store.checking import Check, check_collection
from rag_pipeline.store.store import Store

# How often a collection is checked that others write to.
_TRIES = 3


def verify_collections(store: Store, names: Sequence[str] | None = None, *, repair: bool = False) -> dict[str, Check]:
    """Check collections, and mend what is off if wanted.

    While someone writes, what is not whole yet is no finding: it is among a check's ``unsettled``.

    Args:
        store: where they are.
        names: theirs; None: all that can be asked here.
        repair: mend them; what was done is in each check's ``repaired``.

    Raises:
        CollectionNotFoundError: there is none of a name.
        StoreLockedError: another process is writing, and collections are to be mended.
        StoreError: the store cannot be read or written; or someone wrote so much that it could not be checked.
    """
    store.check_integrity()
    if not repair:
        chosen = store.own_names() if names is None else names
        return {name: _checked(store, name) for name in chosen}
    # What is mended must not be what an ingest is completing meanwhile.
    with store.writer() if store.exists else contextlib.nullcontext():
        chosen = store.own_names() if names is None else names
        checks = {name: check_collection(store.get(name)) for name in chosen}
        for name, check in checks.items():
            if check.findings:
                check.repaired += repair_collection(store, name, check)
    return checks


def _checked(store: Store, name: str) -> Check:
    """A check of one collection, done again if someone wrote meanwhile and is done."""
    for tried in range(1, _TRIES + 1):
        written, before = store.being_written, store.state()
        collection = store.get(name)
        try:
            check = check_collection(collection)
        except (StoreError, CollectionMismatchError, CollectionNotFoundError) as error:
            if tried < _TRIES and store.state() != before:
                continue
            if written or store.being_written:
                raise StoreError(
                    f"someone is writing to {store.address}, and collection {name!r} cannot be checked meanwhile"
                    f" ({error}); verify again when it is done"
                ) from None
            raise
        written = written or store.being_written
        if written or not check.findings or store.state() == before:
            break
    # Where others wrote again and again between these looks, that explains as much.
    if written or (check.findings and store.state() != before):
        check.allow_for_writing()
    return check


def repair_collection(store: Store, name: str, check: Check) -> list[str]:
    """Mend one collection; the caller holds the store's right to write.

    Chunks that are broken are removed, for the next ingest to embed again; a lexical index that is out of step is
    brought in step; a vector index that misses is rebuilt from the stored vectors, alongside the old one. A damaged
    one has been recovered when the writer opened it.

    Args:
        store: where it is.
        name: its name.
        check: what :func:`check_collection` found.

    Returns:
        what was done, a line each.

    Raises:
        StoreError: the store cannot be written; run it again to go on.
    """
    done: list[str] = []
    opened = store.get(name)
    if opened.damage:
        return done  # what is not recovered when the writer opens it can only be made anew
    ids = sorted({chunk_id for finding in check.findings for chunk_id in finding.ids})
    with opened.indexing():  # which brings the lexical index in step
        if ids:
            opened.delete(ids)
            done.append(f"removed {len(ids)} chunks; ingest its folder again to recreate them")
    if any(finding.kind == "lexical" for finding in check.findings):
        done.append("brought the lexical index in step with the chunks")
    fingerprint, embedding = opened.fingerprint, opened.embedding
    if any(finding.kind == "index" for finding in check.findings) and fingerprint and embedding:
        fresh = store.staging(name, fingerprint, embedding, "repair")
        opened.copy_into(fresh)
        with fresh.indexing():
            pass
        store.replace(name, fresh)
        done.append("rebuilt the index from the stored vectors")
    return done
