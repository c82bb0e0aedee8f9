"""Which characters each sampled token stands for, by decoding the ids that were sampled.

Never by tokenising the text again: a policy samples sequences that no tokenizer would produce from
their text, and every index behind the first difference would be wrong. Of a tokenizer only `decode`
is needed, as a callable."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from egca.errors import CreditError

Offsets = list[tuple[int, int]]
Decode = Callable[[Sequence[int]], str]

REPLACEMENT = "\N{REPLACEMENT CHARACTER}"

_WINDOW = 8  # tokens decoded again for each token, at most, while all is well
_CONTEXT = range(2, 8)  # tokens kept in front: one may lose its space, a character has four bytes
_STUCK = 64  # tokens without a fresh start after which a stretch is measured as a whole


def token_offsets(ids: Sequence[int], decode: Decode) -> Offsets:
    """Characters [start, end) of decode(ids) that each token stands for.

    Args:
        ids: the sampled ids of one completion, without prompt and padding.
        decode: ids to text, the one that made the completion's text, such as
            `lambda ids: tokenizer.decode(ids, clean_up_tokenization_spaces=False)`. Special tokens
            may be kept or skipped; it is called with short runs of ids, about twice a token.
    Returns: one pair a token, starts and ends ascending, together covering the text without a gap.
        A token that holds part of a character gets all of that character, so neighbours may
        overlap in one; so do tokens of bytes that are no UTF-8, which share their replacement
        characters. A token without text (a skipped special token) gets an empty range.
    Cost: linear in the number of tokens.

    >>> pieces = {0: b"x=", 1: b"\\xc3", 2: b"\\xa9"}
    >>> decode = lambda ids: b"".join(pieces[i] for i in ids).decode("utf-8", "replace")
    >>> token_offsets([0, 1, 2], decode)
    [(0, 2), (2, 3), (2, 3)]
    """
    ids = list(ids)
    walk = _Walk(ids, decode)
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
    a character still incomplete, shown as replacement characters. The run starts at token `first`,
    whose characters start at `origin`; it is begun anew from time to time, so that no run is long.
    """

    def __init__(self, ids: list[int], decode: Decode) -> None:
        self.ids = ids
        self.decode = decode
        self.text = decode(ids) if ids else ""
        self.first = 0
        self.origin = 0
        self.reached = 0  # characters of the text that earlier tokens account for

    def step(self, i: int) -> Offsets:
        """Ranges of token i, or of a whole stretch from i on where tokens cannot be told apart."""
        if i - self.first >= _STUCK:
            return self._stretch(i)
        start = self.reached
        is_whole = self._read(i + 1)
        end = self.reached
        if i + 1 == len(self.ids):
            end = len(self.text)
        elif not is_whole:
            end = min(self.reached + 1, len(self.text))
        if start == end and self._is_rest_of_replacement(i, start):
            start -= 1
        if is_whole and i + 1 - self.first >= _WINDOW:
            self._restart(i + 1)
        return [(start, end)]

    def _read(self, stop: int) -> bool:
        """Decode up to a token, move `reached`; whether the run agrees with the text to its end.

        `reached` never goes back: decoders with byte fallback replace a whole run of good bytes by
        replacement characters until the bytes of the last character are complete.
        """
        run = self.decode(self.ids[self.first : stop])
        if self.text.startswith(run, self.origin):
            n_same = len(run)
        else:
            rest = self.text[self.origin : self.origin + len(run)]
            pairs = enumerate(zip(run, rest, strict=False))
            n_same = next((k for k, (a, b) in pairs if a != b), len(rest))
        matched = self.origin + n_same
        self.reached = max(self.reached, matched)
        return n_same == len(run) and matched == self.reached

    def _is_rest_of_replacement(self, i: int, at: int) -> bool:
        """Whether a token without a character of its own is part of the one in front of it.

        Bytes that are no UTF-8 give one replacement character, which the first of them took."""
        in_front = self.text[max(at - 1, 0) : at]
        return in_front == REPLACEMENT and self.decode(self.ids[i : i + 1]) != ""

    def _restart(self, stop: int) -> None:
        """Begin a new run a few tokens before `stop`, if it reads there as in the whole text.

        Some context is needed: decoders drop the space in front of the first token they are given.
        """
        for n in _CONTEXT:
            run = self.decode(self.ids[stop - n : stop])
            origin = self.reached - len(run)
            if run and origin >= 0 and self.text.startswith(run, origin):
                self.first, self.origin = stop - n, origin
                return

    def _stretch(self, i: int) -> Offsets:
        """Ranges of tokens that only make sense together: all of them get all of it.

        A long run of byte tokens with one wrong byte is replaced as a whole, so that no part of it
        reads as in the text. Steps double: the cost stays near linear, however long the run."""
        start, length = self.reached, i - self.first
        while True:
            length *= 2
            for stop in range(self.first + length, self.first + length + 4):
                stop = min(stop, len(self.ids))
                if self._read(stop) or stop == len(self.ids):
                    self._restart(stop)
                    end = len(self.text) if stop == len(self.ids) else self.reached
                    return [(start, end)] * (stop - i)
