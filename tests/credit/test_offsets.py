"""Token offsets, on real tokenizers trained here: byte-level BPE, and SentencePiece's two kinds."""

import itertools
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers

from egca.credit import token_offsets, tokens_in_span
from egca.credit.offsets import _walked
from egca.errors import CreditError

CODE = '''def total(values):  # 合計 🧮
    """Sum of the values, naïve: Σ x_i."""
    result = 0
    for value in values:
        result += value
    return result

name = "日本語のテキスト"
faces = ["😀", "👩‍👩‍👧", "🇯🇵"]
\tassert total([1, 2, 3]) == 6
'''
TEXTS = [CODE, CODE.replace("total", "mean"), "print('hello world')\n" * 3]
SPECIALS = ["<s>", "</s>", "<unk>"]
BYTES = [f"<0x{byte:02X}>" for byte in range(256)]
LLAMA = [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse()]


def byte_level() -> Tokenizer:
    """As GPT-2, Qwen and DeepSeek-Coder: 40 merges beyond the bytes, so that most CJK is split."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(
        vocab_size=310, initial_alphabet=alphabet, special_tokens=SPECIALS, show_progress=False
    )
    tokenizer.train_from_iterator(TEXTS, trainer)
    return tokenizer


def llama() -> Tokenizer:
    """BPE with byte fallback and a leading-space marker that the decoder strips once."""
    learner = Tokenizer(models.BPE(unk_token="<unk>"))
    learner.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="first", split=False)
    ascii_only = ["".join(c for c in text if c.isascii()) for text in TEXTS]
    trainer = trainers.BpeTrainer(
        vocab_size=400, special_tokens=[*SPECIALS, *BYTES], show_progress=False
    )
    learner.train_from_iterator(ascii_only, trainer)
    merges = _merges(learner)
    tokenizer = Tokenizer(
        models.BPE(
            learner.get_vocab(), merges, unk_token="<unk>", byte_fallback=True, fuse_unk=True
        )
    )
    tokenizer.normalizer = normalizers.Sequence(
        [normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")]
    )
    tokenizer.decoder = decoders.Sequence([*LLAMA, decoders.Strip(" ", 1, 0)])
    tokenizer.add_special_tokens(SPECIALS)
    return tokenizer


def _merges(tokenizer: Tokenizer) -> list[tuple[str, str]]:
    return [tuple(pair) for pair in json.loads(tokenizer.to_str())["model"]["merges"]]


def unigram() -> Tokenizer:
    """As T5 and Gemma: Unigram with Metaspace, unknown characters as bytes."""
    learner = Tokenizer(models.Unigram())
    learner.pre_tokenizer = pre_tokenizers.Metaspace()
    ascii_only = ["".join(c for c in text if c.isascii()) for text in TEXTS]
    trainer = trainers.UnigramTrainer(
        vocab_size=120, special_tokens=SPECIALS, unk_token="<unk>", show_progress=False
    )
    learner.train_from_iterator(ascii_only, trainer)
    pieces = [tuple(pair) for pair in json.loads(learner.to_str())["model"]["vocab"]]
    tokenizer = Tokenizer(
        models.Unigram([*pieces, *((byte, -10.0) for byte in BYTES)], 2, byte_fallback=True)
    )
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    tokenizer.decoder = decoders.Sequence([decoders.ByteFallback(), decoders.Metaspace()])
    tokenizer.add_special_tokens(SPECIALS)
    return tokenizer


TOKENIZERS = {"byte_level": byte_level(), "llama": llama(), "unigram": unigram()}
KINDS = st.sampled_from(list(TOKENIZERS))
CHARACTERS = st.sampled_from("aef x=\n\t()0.▁é合計🧮😀👩‍🇯\ufffd\x00") | st.characters(codec="utf-8")


def decoder(kind, skip=False):
    tokenizer = TOKENIZERS[kind]
    return lambda ids: tokenizer.decode(list(ids), skip_special_tokens=skip)


def counted(kind, skip=False):
    """A decoder, and how many tokens it was given in all (in a list of one)."""
    decode, total = decoder(kind, skip), [0]

    def counting(ids):
        total[0] += len(ids)
        return decode(ids)

    return counting, total


def check_laws(offsets, text, n_tokens):
    """Ascending ranges that cover the text without a gap; neighbours share one character at most
    where the text is good UTF-8. A token without text stands where it stands: between two halves of
    one replacement character that is behind the first and not in front of the second."""
    assert len(offsets) == n_tokens
    covered = 0
    assert all(0 <= start <= end <= len(text) for start, end in offsets)
    filled = [(start, end) for start, end in offsets if start < end]
    for (start, end), (next_start, next_end) in itertools.pairwise(filled):
        assert start <= next_start
        assert end <= next_end
    for start, end in offsets:
        assert start <= covered
        if "\ufffd" not in text:
            assert covered - start <= 1
        covered = max(covered, end)
    assert covered == len(text)


@given(KINDS, st.text(CHARACTERS, max_size=60))
def test_spans_of_encoded_text_put_together_are_the_text(kind, text):
    ids = TOKENIZERS[kind].encode(text, add_special_tokens=False).ids
    decode = decoder(kind)
    check_laws(token_offsets(ids, decode), decode(ids), len(ids))


@given(KINDS, st.lists(st.integers(0, 255 + 40), max_size=80), st.booleans())
def test_any_sampled_ids_even_broken_utf8_and_special_tokens(kind, ids, skip):
    decode = decoder(kind, skip)
    check_laws(token_offsets(ids, decode), decode(ids), len(ids))


@given(KINDS, st.lists(st.integers(0, 255 + 40), max_size=40), st.booleans())
def test_what_tokens_read_alone_is_no_other_range(kind, ids, skip):
    """Put together where that is the text, it has the ranges that runs of tokens have."""
    decode, pieces = decoder(kind, skip), {}
    expected = _walked(ids, decode(ids) if ids else "", decode)
    for _ in range(2):  # the second time from memory
        assert token_offsets(ids, decode, pieces) == expected


def test_what_tokens_read_alone_is_asked_once():
    ids = TOKENIZERS["byte_level"].encode("for x in total:", add_special_tokens=False).ids
    pieces = {}
    token_offsets(ids, decoder("byte_level"), pieces)
    decode, n_decoded = counted("byte_level")
    assert token_offsets(ids, decode, pieces)[-1][1] == len("for x in total:")
    assert n_decoded[0] == len(ids)


@given(st.lists(st.integers(3, 302), max_size=60))
def test_byte_level_ranges_are_the_characters_of_the_tokens_bytes(ids):
    """An independent account: byte-level tokens are bytes, so count characters in them."""
    tokenizer = TOKENIZERS["byte_level"]
    to_byte = _byte_of_alphabet()
    pieces = [bytes(to_byte[c] for c in tokenizer.id_to_token(i)) for i in ids]
    data = b"".join(pieces)
    try:
        text = data.decode()
    except UnicodeDecodeError:
        return
    owner = [n for n, char in enumerate(text) for _ in char.encode()]
    at, expected = 0, []
    for piece in pieces:
        expected.append((owner[at], owner[at + len(piece) - 1] + 1))
        at += len(piece)
    assert token_offsets(ids, decoder("byte_level")) == expected


def _byte_of_alphabet() -> dict[str, int]:
    visible = [*range(33, 127), *range(161, 173), *range(174, 256)]
    hidden = [byte for byte in range(256) if byte not in visible]
    return {chr(b): b for b in visible} | {chr(256 + n): b for n, b in enumerate(hidden)}


@settings(max_examples=30)
@given(st.text(st.sampled_from("合計🧮é =x\n"), max_size=40))
def test_byte_level_ranges_equal_the_tokenizers_own_offsets(text):
    encoding = TOKENIZERS["byte_level"].encode(text, add_special_tokens=False)
    assert token_offsets(encoding.ids, decoder("byte_level")) == encoding.offsets


@pytest.mark.parametrize("kind", TOKENIZERS)
def test_a_token_of_a_program_is_found_by_its_characters(kind):
    ids = TOKENIZERS[kind].encode(CODE, add_special_tokens=False).ids
    decode = decoder(kind)
    text, offsets = decode(ids), token_offsets(ids, decode)
    assert "result" in text
    start = text.index("result +=")
    tokens = tokens_in_span(offsets, (start, start + len("result +=")))
    found = text[offsets[tokens[0]][0] : offsets[tokens[-1]][1]]
    assert "result +=" in found
    assert len(found) <= len("result +=") + 8  # at most what two neighbours of the span hold


def test_the_bytes_of_one_character_all_get_it():
    decode = decoder("llama")
    ids = [TOKENIZERS["llama"].token_to_id(f"<0x{b:02X}>") for b in "🧮好".encode()]
    assert decode(ids) == "🧮好"
    assert token_offsets(ids, decode) == [(0, 1)] * 4 + [(1, 2)] * 3


def test_bytes_that_are_no_character_share_their_replacement():
    ids = [_byte_level_id(0xE4), _byte_level_id(0xBD), *TOKENIZERS["byte_level"].encode("a").ids]
    assert decoder("byte_level")(ids) == "\ufffda"
    assert token_offsets(ids, decoder("byte_level")) == [(0, 1), (0, 1), (1, 2)]


def _byte_level_id(byte: int) -> int:
    character = next(c for c, b in _byte_of_alphabet().items() if b == byte)
    return TOKENIZERS["byte_level"].token_to_id(character)


def test_a_skipped_token_inside_a_spoiled_character_is_no_part_of_it():
    ids = [_byte_level_id(0xF0), TOKENIZERS["byte_level"].token_to_id("<s>"), _byte_level_id(0xA1)]
    assert token_offsets(ids, decoder("byte_level", skip=True)) == [(0, 1), (1, 1), (0, 1)]


def test_a_skipped_special_token_is_in_no_span():
    end = TOKENIZERS["byte_level"].token_to_id("</s>")
    ids = [*TOKENIZERS["byte_level"].encode("x = 1").ids, end]
    offsets = token_offsets(ids, decoder("byte_level", skip=True))
    assert offsets[-1] == (5, 5)
    assert len(ids) - 1 not in tokens_in_span(offsets, (0, 5))


def test_one_wrong_byte_behind_many_good_ones_shares_what_it_spoils():
    # Byte fallback replaces the whole run of bytes: no part of it reads as in the text.
    vocabulary = TOKENIZERS["llama"]
    ids = [vocabulary.token_to_id(f"<0x{b:02X}>") for b in "合計".encode() * 100 + b"\xff"]
    ids += vocabulary.encode("x = 1").ids
    decode = decoder("llama")
    text = decode(ids)
    offsets = token_offsets(ids, decode)
    check_laws(offsets, text, len(ids))
    assert text[offsets[-1][0] :] == "1"


@pytest.mark.parametrize("kind", TOKENIZERS)
def test_decoded_tokens_grow_linearly_with_the_completion(kind):
    encoded = TOKENIZERS[kind].encode(CODE * 8, add_special_tokens=False).ids
    decode, n_decoded = counted(kind)
    token_offsets(encoded, decode)
    assert n_decoded[0] < 25 * len(encoded)


@pytest.mark.parametrize("good", ["合計", "ab", "a合"])
def test_spoiled_bytes_cost_no_square(good):
    byte = TOKENIZERS["llama"].token_to_id
    ids = [byte(f"<0x{b:02X}>") for b in good.encode() * 2000 + b"\xff"]
    ids += TOKENIZERS["llama"].encode("x = 1").ids
    decode, n_decoded = counted("llama")
    offsets = token_offsets(ids, decode)
    check_laws(offsets, decode(ids), len(ids))
    assert offsets[-1][1] - offsets[-1][0] == 1  # behind the stretch all is told apart again
    assert n_decoded[0] < 40 * len(ids)


@pytest.mark.parametrize("place", ["first", "last", "between"])
def test_many_skipped_tokens_neither_cost_nor_blur(place):
    tokenizer = TOKENIZERS["llama"]
    ids = tokenizer.encode("x = total(1)", add_special_tokens=False).ids
    silent = [tokenizer.token_to_id("</s>")] * 5000
    at = {"first": 0, "last": len(ids), "between": 3}[place]
    plain = token_offsets(ids, decoder("llama"))
    decode, n_decoded = counted("llama", skip=True)
    offsets = token_offsets([*ids[:at], *silent, *ids[at:]], decode)
    assert [*offsets[:at], *offsets[at + len(silent) :]] == plain
    assert all(start == end for start, end in offsets[at : at + len(silent)])
    assert n_decoded[0] < 25 * len(offsets)


def test_nothing_sampled_and_no_text():
    assert token_offsets([], decoder("llama")) == []
    assert token_offsets([1, 1], decoder("llama", skip=True)) == [(0, 0), (0, 0)]


@given(st.lists(st.integers(0, 3), max_size=20), st.integers(0, 30), st.integers(1, 10))
def test_tokens_in_span_are_those_that_share_a_character(widths, start, width):
    edges = [sum(widths[:i]) for i in range(len(widths) + 1)]
    offsets = list(itertools.pairwise(edges))
    wanted = set(range(start, start + width))
    shared = [i for i, (a, b) in enumerate(offsets) if wanted & set(range(a, b))]
    assert tokens_in_span(offsets, (start, start + width)) == shared


def test_an_empty_range_is_refused():
    with pytest.raises(CreditError, match="empty or reversed"):
        tokens_in_span([(0, 1)], (1, 1))
