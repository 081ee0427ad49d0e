"""When the next request may go: limits per minute, pauses that a service asked for, waiting between attempts."""

from __future__ import annotations

import random
import threading
from collections import deque

from rag_pipeline import forking

_WINDOW = 60.0
_FIRST_WAIT = 1.0
_LONGEST_WAIT = 60.0


class Pacer:
    """Keeps requests within limits per minute: in any 60 seconds no more than allowed.

    Times are seconds of a monotonic clock, handed in by the caller; safe for use by several threads.

    Args:
        texts_per_minute: how many texts may be sent; each counts as one request. None: no limit.
        tokens_per_minute: how many tokens may be sent. None: no limit.
    """

    def __init__(self, texts_per_minute: int | None = None, tokens_per_minute: int | None = None) -> None:
        self._texts = texts_per_minute
        self._tokens = tokens_per_minute
        self._sent: deque[tuple[float, int, int]] = deque()
        self._not_before = 0.0
        self._lock = threading.Lock()
        forking.renew_locks(self)

    def reserve(self, now: float, texts: int, tokens: int) -> float:
        """Book a request and return how many seconds to wait before it is sent.

        Requests are booked in order. One that is larger than a limit by itself goes when the minute is empty.
        """
        with self._lock:
            at = max(now, self._not_before, self._sent[-1][0] if self._sent else now)
            while self._sent and self._sent[0][0] <= at - _WINDOW:
                self._sent.popleft()
            for sent_at, _, _ in list(self._sent):
                if self._fits(texts, tokens):
                    break
                at = max(at, sent_at + _WINDOW)
                self._sent.popleft()
            if self._texts is not None or self._tokens is not None:
                self._sent.append((at, texts, tokens))
            return at - now

    def pause(self, until: float) -> None:
        """Let no request go before a time: the service has asked for it."""
        with self._lock:
            self._not_before = max(self._not_before, until)

    def _fits(self, texts: int, tokens: int) -> bool:
        sent_texts = sum(entry[1] for entry in self._sent)
        sent_tokens = sum(entry[2] for entry in self._sent)
        return (self._texts is None or sent_texts + texts <= self._texts) and (
            self._tokens is None or sent_tokens + tokens <= self._tokens
        )


def backoff(attempt: int, retry_after: float | None = None, generator: random.Random | None = None) -> float:
    """Seconds to wait after a failed attempt.

    Exponential with full jitter (M. Brooker, "Exponential Backoff And Jitter", AWS Architecture Blog, 2015), and
    never less than the service asked for.

    Args:
        attempt: how many attempts have failed, from 1.
        retry_after: what the service asked for, in seconds.
        generator: source of the jitter; None: the module's own.
    """
    longest = min(_LONGEST_WAIT, _FIRST_WAIT * 2 ** (attempt - 1))
    waited = (generator or random).uniform(longest / 2, longest)
    if retry_after is None:
        return waited
    # A little more than asked, spread, so that waiting requests do not all come back in one instant.
    return max(waited, retry_after * (generator or random).uniform(1.0, 1.1))
