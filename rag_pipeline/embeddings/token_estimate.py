"""How many tokens a text has for a model whose tokenizer is not at hand.

An estimate on the high side, so that nothing is cut off unseen and no limit is overrun: Gemini's documentation
counts about four characters of English to a token (https://ai.google.dev/gemini-api/docs/tokens); its vocabulary
splits digits one by one, and unspaced Korean, Chinese or Japanese comes near one token a character, which an
estimate by words or by four characters takes for almost nothing.
"""

from __future__ import annotations

import re

_LATIN_PER_TOKEN = 4
_LATIN = re.compile(r"[A-Za-z]+")
_UNCOUNTED = re.compile(r"[A-Za-z \t\r\f\v\u00a0\u3000]+|(?<=\n)\n+")
# Characters beyond the basic plane, such as emoji, may fall apart into bytes.
_RARE = re.compile(r"[\U00010000-\U0010ffff]")
_TOKENS_OF_RARE = 4


def estimate_tokens(text: str) -> int:
    """Tokens of a text, estimated on the high side; 0 for an empty one.

    Latin words count a token for every four letters begun, spaces count nothing, all else a token each.
    """
    latin = sum(-(-len(word) // _LATIN_PER_TOKEN) for word in _LATIN.findall(text))
    return latin + len(_UNCOUNTED.sub("", text)) + (_TOKENS_OF_RARE - 1) * len(_RARE.findall(text))
