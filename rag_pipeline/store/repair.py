"""Collections are checked, and mended from what is stored: no text is embedded again."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence

from rag_pipeline.store.checking import Check, check_collection
from rag_pipeline.store.store import Store


def verify_collections(store: Store, names: Sequence[str] | None = None, *, repair: bool = False) -> dict[str, Check]:
    """Check collections, and mend what is off if wanted.

    Args:
        store: where they are.
        names: theirs; None: all that can be asked here.
        repair: mend them; what was done is in each check's ``repaired``.

    Raises:
        CollectionNotFoundError: there is none of a name.
        StoreLockedError: another process is writing, and collections are to be mended.
        StoreError: the store cannot be read or written.
    """
    store.check_integrity()
    # What is mended must not be what an ingest is completing meanwhile.
    with store.writer() if repair and store.exists else contextlib.nullcontext():
        chosen = store.own_names() if names is None else names
        checks = {name: check_collection(store.get(name)) for name in chosen}
        if repair:
            for name, check in checks.items():
                if check.findings:
                    check.repaired += repair_collection(store, name, check)
    return checks


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
        fresh = store.staging(name, fingerprint, embedding, restart=True)
        opened.copy_into(fresh)
        with fresh.indexing():
            pass
        store.replace(name, fresh)
        done.append("rebuilt the index from the stored vectors")
    return done
