"""Which characters each sampled token stands for, by decoding the ids that were sampled.

Never by tokenising the text again: a policy samples sequences that no tokenizer would produce from
their text, and every index behind the first difference would be wrong. Of a tokenizer only `decode`
is needed, as a callable."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import accumulate, pairwise

from egca.errors import CreditError

Offsets = list[tuple[int, int]]
Decode = Callable[[Sequence[int]], str]

REPLACEMENT = "\N{REPLACEMENT CHARACTER}"

_WINDOW = 8  # tokens decoded again for each token, at most, while all is well
_CONTEXT = range(2, 8)  # tokens kept in front: one may lose its space, a character has four bytes
_STUCK = 64  # tokens without a fresh start after which a stretch is measured as a whole


def token_offsets(
    ids: Sequence[int], decode: Decode, pieces: dict[int, str] | None = None
) -> Offsets:
    """Characters [start, end) of decode(ids) that each token stands for.

    Args:
        ids: the sampled ids of one completion, without prompt and padding.
        decode: ids to text, the one that made the completion's text, such as
            `lambda ids: tokenizer.decode(ids, clean_up_tokenization_spaces=False)`. Special tokens
            may be kept or skipped; it is called with single ids, and where what these read alone is
            not what they read together with short runs of ids, about twice a token.
        pieces: what tokens read alone with this `decode`; looked up and added to.
    Returns: one pair a token, starts and ends ascending where there is text, together covering the
        text without a gap.
        A token that holds part of a character gets all of that character, so neighbours may
        overlap in one; so do tokens of bytes that are no UTF-8, which share their replacement
        characters. A token without text (a skipped special token) gets an empty range.
    Cost: linear in the number of tokens; n log n where `_Walk._stretch` is needed.

    >>> pieces = {0: b"x=", 1: b"\\xc3", 2: b"\\xa9"}
    >>> decode = lambda ids: b"".join(pieces[i] for i in ids).decode("utf-8", "replace")
    >>> token_offsets([0, 1, 2], decode)
    [(0, 2), (2, 3), (2, 3)]
    """
    ids = list(ids)
    text = decode(ids) if ids else ""
    alone = _alone(ids, text, decode, {} if pieces is None else pieces)
    return _walked(ids, text, decode) if alone is None else alone


def _alone(ids: list[int], text: str, decode: Decode, pieces: dict[int, str]) -> Offsets | None:
    """The ranges where the text is what its tokens read alone, put together; else None."""
    if REPLACEMENT in text:
        return None
    for token in ids:
        if token not in pieces:
            pieces[token] = decode([token])
    read = [pieces[token] for token in ids]
    if "".join(read) != text:
        return None
    return [*pairwise(accumulate(map(len, read), initial=0))]


def _walked(ids: list[int], text: str, decode: Decode) -> Offsets:
    """The ranges by decoding ever longer runs."""
    walk = _Walk(ids, text, decode)
    offsets: Offsets = []
    while len(offsets) < len(ids):
        offsets += walk.step(len(offsets))
    return offsets


def tokens_in_span(
    offsets: Sequence[tuple[int, int]], completion_range: tuple[int, int]
) -> list[int]:
    """Indices of the tokens that hold at least one character of [start, end) of the completion.

    Raises: CreditError for an empty or reversed range. A range behind the text is no error: [].

    >>> tokens_in_span([(0, 2), (2, 3), (2, 3), (3, 3), (3, 5)], (2, 4))
    [1, 2, 4]
    """
    first, last = completion_range
    if not 0 <= first < last:
        raise CreditError(f"empty or reversed range of characters: [{first}, {last})")
    return [
        i for i, (start, end) in enumerate(offsets) if start < end and start < last and first < end
    ]


class _Walk:
    """Decodes a growing run of tokens and holds it against the whole text.

    How far the run agrees with the text is how far its tokens reach; what disagrees behind that is
    a character still incomplete, shown as replacement characters. The characters of the run start
    at `origin`; it is begun anew from time to time, so that no run is long.
    """

    def __init__(self, ids: list[int], text: str, decode: Decode) -> None:
        self.ids = ids
        self.decode = decode
        self.text = text
        self.run: list[int] = []  # without tokens that say nothing
        self.origin = 0
        self.reached = 0  # characters of the text that earlier tokens account for
        self._silent: dict[int, bool] = {}

    def step(self, i: int) -> Offsets:
        """Ranges of token i, or of a whole stretch from i on where tokens cannot be told apart."""
        if len(self.run) >= _STUCK:
            return self._stretch(i)
        start = self.reached
        self.run.append(self.ids[i])
        matched, is_whole = self._read(self.run)
        self.reached = end = max(start, matched)
        if i + 1 == len(self.ids):
            end = len(self.text)
        elif not is_whole:
            end = min(self.reached + 1, len(self.text))
        if start == end:
            if self._is_silent(self.ids[i]):
                self.run.pop()
            elif self.text[max(start - 1, 0) : start] == REPLACEMENT:
                # Several bytes that are no UTF-8 may share one replacement character.
                start -= 1
        if is_whole and len(self.run) >= _WINDOW:
            self._restart()
        return [(start, end)]

    def _read(self, run: list[int]) -> tuple[int, bool]:
        """How far in the text a run agrees with it, and whether it does so to its end.

        The caller never goes back behind `reached`: decoders with byte fallback turn a whole run of
        good bytes into replacement characters until the bytes of the last one are complete.
        """
        read = self.decode(run)
        if self.text.startswith(read, self.origin):
            matched = self.origin + len(read)
            return matched, matched >= self.reached
        rest = self.text[self.origin : self.origin + len(read)]
        pairs = enumerate(zip(read, rest, strict=False))
        return self.origin + next((k for k, (a, b) in pairs if a != b), len(rest)), False

    def _is_silent(self, token: int) -> bool:
        """Whether a token never gives text, as a skipped special token does.

        Asked of it twice over, since a lone space would be dropped as the first of the text."""
        if token not in self._silent:
            self._silent[token] = self.decode([token, token]) == ""
        return self._silent[token]

    def _restart(self) -> None:
        """Keep the last few tokens of the run only, if they read alone as in the whole text.

        Some are needed: decoders drop the space in front of the first token they are given.
        """
        for n in _CONTEXT:
            run = self.decode(self.run[-n:])
            origin = self.reached - len(run)
            if run and origin >= 0 and self.text.startswith(run, origin):
                self.run, self.origin = self.run[-n:], origin
                return

    def _stretch(self, i: int) -> Offsets:
        """Ranges of tokens that only make sense together: all of them get all of it.

        Many bytes of ASCII with a wrong one behind them are replaced as a whole, so that no part of
        them reads as in the text. Steps double, then halve: n log n, however many there are."""
        start, n = self.reached, len(self.ids)
        bad, good = i, min(i + len(self.run), n)
        while good < n and not self._read(self.run + self.ids[i:good])[1]:
            bad, good = good, min(2 * good - i, n)
        while good - bad > 1:
            middle = (bad + good) // 2
            if self._read(self.run + self.ids[i:middle])[1]:
                good = middle
            else:
                bad = middle
        self.run += self.ids[i:good]
        self.reached = len(self.text) if good == n else self._read(self.run)[0]
        self._restart()
        return [(start, self.reached)] * (good - i)
