"""The tokenizer of a checkpoint, without importing torch or transformers where it can be helped."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from rag_pipeline.embeddings.base import readable
from rag_pipeline.errors import CheckpointError
from rag_pipeline.text import first_line

if TYPE_CHECKING:
    from tokenizers import Tokenizer


class CheckpointTokenizer:
    """Texts in, token ids with special tokens out. Holds no state between calls, so threads may share it.

    ``tokenizer.json`` is read by the ``tokenizers`` library itself, in half the time that
    ``AutoTokenizer`` takes. A checkpoint without that file is converted by ``AutoTokenizer``.

    Raises:
        CheckpointError: the tokenizer's files cannot be read.
    """

    def __init__(self, folder: Path) -> None:
        self._tokenizer = load_tokenizer(folder)
        # A checkpoint may have been saved with both switched on.
        self._tokenizer.no_truncation()
        self._tokenizer.no_padding()

    def count(self, texts: Sequence[str]) -> list[int]:
        """Tokens of each text, special tokens counted."""
        return [len(encoding.ids) for encoding in self._tokenizer.encode_batch([readable(text) for text in texts])]

    def encode(self, texts: Sequence[str], limit: int | None) -> tuple[list[list[int]], int]:
        """Token ids of each text, cut to the limit, and how many texts were cut.

        A cut text keeps the special tokens at its end, as the model was trained to see them.
        """
        rows, cut = [], 0
        for encoding in self._tokenizer.encode_batch([readable(text) for text in texts]):
            ids = encoding.ids
            if limit is not None and len(ids) > limit:
                cut += 1
                special = encoding.special_tokens_mask
                tail = next((n for n in range(len(ids)) if not special[-1 - n]), 0)
                ids = ids[: limit - tail] + ids[len(ids) - tail :]
            rows.append(ids)
        return rows, cut


def load_tokenizer(folder: Path) -> Tokenizer:
    """The tokenizer of a checkpoint folder.

    Raises:
        CheckpointError: its files cannot be read.
    """
    from tokenizers import Tokenizer

    try:
        if (folder / "tokenizer.json").is_file():
            return Tokenizer.from_file(str(folder / "tokenizer.json"))
        from transformers import AutoTokenizer

        loaded = AutoTokenizer.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
    except Exception as error:  # the Rust library raises plain Exception
        reason = first_line(error, 200)
        raise CheckpointError(f"the tokenizer in {folder} cannot be loaded: {reason}") from None
    converted = getattr(loaded, "backend_tokenizer", None)
    if not isinstance(converted, Tokenizer):
        raise CheckpointError(f"the tokenizer in {folder} has no fast form; save it with a tokenizer.json")
    return converted
