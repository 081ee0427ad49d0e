"""The short way of ``query``: a plain question to a server that runs, with next to no imports.

Reading the configuration takes longer than such a question. So nothing of it is read: the server knows of which files
and variables its own was made, and answers if the command was called with the same. Whatever is not plain, or not as
it was, goes the whole way, which says the same in more time.
"""

from __future__ import annotations

import sys
from pathlib import Path

from rag_pipeline.errors import UsageError

# A server that is held up is not waited for: the whole way finds that out as well.
_SECONDS = 0.5


def ask_quickly(arguments: list[str]) -> int | None:
    """Show what a server finds for a question.

    Args:
        arguments: of ``query``.

    Returns:
        The exit code; None: it was not asked, or has not answered, and nothing was shown.
    """
    plain = _plain(arguments)
    if plain is None:
        return None
    question, k, as_json = plain
    from rag_pipeline.passages import Passage
    from rag_pipeline.retrieval.questions import check_question
    from rag_pipeline.server import place
    from rag_pipeline.server.client import NoServerError, SocketClient

    try:
        folder = Path.cwd()
        if (folder / ".env").exists():
            from dotenv import load_dotenv

            load_dotenv(folder / ".env", override=False)
        path = place.usual_socket_path(folder)
        if not place.is_possible() or not path.exists():
            return None
        question = check_question(question)
        given = {
            "inputs": place.inputs(folder),
            "surroundings": place.surroundings(),
            "collections": [],
            "options": {},
        }
        client = SocketClient(path)
        opened = client.ask("/shell/open", given, _SECONDS)
        found = client.ask("/shell/search", {**given, "question": question, "k": k})
        passages = [Passage.from_values(values) for values in found["passages"]]
        names = {"collection": str(opened["collection"]), "mode": str(opened["mode"])}
    except (NoServerError, UsageError, OSError, RuntimeError, KeyError, TypeError, ValueError):
        return None
    if as_json:
        from rag_pipeline.cli.output import print_json

        shown = [passage.as_dict() for passage in passages]
        print_json({"question": question, **names, "passages": shown, "answer": None})
        return 0
    if not passages:
        return None
    from rag_pipeline.cli.passages import note_doubt, show_passages

    show_passages(question, passages)
    sys.stdout.flush()
    note_doubt(passages)
    return 0


def _plain(arguments: list[str]) -> tuple[str, int | None, bool] | None:
    """Question, k and whether JSON is wanted, where nothing else is asked for."""
    question: str | None = None
    k: int | None = None
    as_json = False
    words = iter(arguments)
    for word in words:
        if word == "--json":
            as_json = True
        elif word in ("-k", "--top-k"):
            number = next(words, "")
            if not (number.isascii() and number.isdigit() and 0 < int(number[:9]) == int(number)):
                return None
            k = int(number)
        elif word.startswith("-") or question is not None:
            return None
        else:
            question = word
    return None if question is None else (question, k, as_json)
