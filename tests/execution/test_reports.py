"""Reports of a child: believed in their form, and in nothing else."""

from __future__ import annotations

from typing import Any

import pytest

from egca.execution.answers import DIGEST_BYTES, LARGE_BYTES, Answer, answer_with, digest_of
from egca.execution.decoding import NoRoom, Room, decode, is_crowded
from egca.execution.reports import (
    MAX_SOURCE,
    answer_of,
    believed,
    failure_of,
    outcome_of,
    too_long,
)
from egca.execution.session import SessionDied
from egca.execution.wire import WireError, encode
from egca.types import Cause, Opaque, Outcome, SourceMap

SOURCE = "def f(x):\n    return x\n"
FRAME = {"value": b"\x07", "failure": None, "stdout": "", "seconds": 0.5, "args_after": None}


def read(room: Room | None = None, sent: bytes = b"", **changes: Any) -> Outcome:
    frame = FRAME | changes
    lots = room or Room.of(1 << 22)
    return believed(lambda: outcome_of(frame, lambda: SourceMap(SOURCE), lots, 1.0, sent))


def failure(**changes: Any) -> dict[str, Any]:
    return {"cause": "exception", "type": "E", "message": "m", "frames": []} | changes


def test_an_honest_report() -> None:
    assert read() == Outcome(7, None, "", 0.5)
    failed = read(failure=failure(frames=[[2, 2, 4, 12], [9, 9, 0, 1], [2, None, None, None]]))
    assert failed.failure is not None
    assert [span.line for span in failed.failure.frames] == [2, 2]


@pytest.mark.parametrize("cause", ["none", "wrong_output", "crash", "constraint", "", None, 1, []])
def test_a_failure_names_a_cause_that_a_child_can_know(cause: Any) -> None:
    with pytest.raises(SessionDied) as caught:
        read(failure=failure(cause=cause))
    assert caught.value.cause is Cause.CRASH


@pytest.mark.parametrize(
    "changes",
    [
        {"stdout": []},
        {"stdout": None},
        {"seconds": 1},
        {"seconds": "1"},
        {"value": "7"},
        {"value": encode(Opaque("f"))},
        {"value": b"\xc1"},
        {"args_after": b"\x07"},
        {"args_after": encode((1, 2)), "sent": encode((1,))},
        {"failure": 1},
        {"failure": {}},
        {"failure": failure(frames=None)},
        {"failure": failure(frames=[[1]])},
        {"failure": failure(frames=[[1.0, 1, 1, 1]])},
        {"failure": failure(message=1)},
    ],
)
def test_another_form_is_garbage(changes: dict[str, Any]) -> None:
    with pytest.raises(SessionDied, match="garbage"):
        read(**changes)


def read_short(frame: Any, wanted: Answer | None, digests: bool = False) -> Answer:
    return believed(
        lambda: answer_of(
            frame,
            lambda: SourceMap(SOURCE),
            Room.of(1 << 22),
            1.0,
            number=3,
            wanted=wanted,
            digests=digests,
        )
    )


@pytest.mark.parametrize("wanted", [None, answer_with(7), answer_with(8)])
def test_a_short_report_says_what_a_long_one_says(wanted: Answer | None) -> None:
    for seconds in (0.5, -1.0, float("nan"), 1e300):
        long = read_short(FRAME | {"digest": None, "seconds": seconds}, wanted)
        short = read_short([b"\x07", None, seconds], wanted)
        assert short == long
        assert short.number == long.number
        assert short.is_wanted == long.is_wanted == (wanted is not None and wanted.data == b"\x07")


def test_a_digest_in_a_short_report() -> None:
    value = "a" * LARGE_BYTES
    wanted, digest = answer_with(value), digest_of(encode(value))
    assert read_short([None, digest, 0.5], wanted, digests=True).is_wanted
    assert not read_short([None, b"\0" * DIGEST_BYTES, 0.5], wanted, digests=True).is_wanted
    with pytest.raises(SessionDied, match="garbage"):
        read_short([None, digest, 0.5], wanted)  # nobody asked for one


@pytest.mark.parametrize(
    "frame",
    [
        [],
        [b"\x07"],
        [b"\x07", None, 0.5, None],
        [b"\x07", None, 1],
        [b"\x07", None, None],
        [None, None, 0.5],
        ["7", None, 0.5],
        [7, None, 0.5],
        [encode(Opaque("f")), None, 0.5],
        [b"\x07", b"\0" * DIGEST_BYTES, 0.5],
        [None, b"\0", 0.5],
        [None, "\0" * DIGEST_BYTES, 0.5],
    ],
)
@pytest.mark.parametrize("wanted", [None, answer_with(7)])
def test_another_short_form_is_garbage(frame: Any, wanted: Answer | None) -> None:
    with pytest.raises(SessionDied, match="garbage"):
        read_short(frame, wanted, digests=True)


@pytest.mark.parametrize("seconds", [float("nan"), float("inf"), -1.0, 1e300])
def test_a_call_took_no_longer_than_we_waited(seconds: float) -> None:
    assert read(seconds=seconds).seconds == 1.0


def test_text_and_places_are_bounded() -> None:
    found = failure_of(
        failure(type="T" * 9999, message="m" * 9999, frames=[[1, 1, 0, 2]] * 9999),
        SourceMap(SOURCE),
    )
    assert (len(found.type), len(found.message), len(found.frames)) == (100, 500, 32)


def test_answers_share_one_room() -> None:
    room = Room.of(1 << 10)
    outcomes = [read(room, value=encode("x" * 1000)) for _ in range(40)]
    over = [outcome for outcome in outcomes if outcome.failure is not None]
    assert len(outcomes) - len(over) == 16
    assert {outcome.failure.cause for outcome in over if outcome.failure} == {Cause.OUTPUT_LIMIT}
    assert read(Room.of(1 << 10), stdout="x" * 20_000).failure is not None


def test_arguments_that_come_back_unchanged_take_no_room() -> None:
    room, sent = Room.of(1 << 10), encode(([1] * 1000,))
    assert all(read(room, sent, args_after=sent).ok for _ in range(100))


def test_containers_take_room() -> None:
    with pytest.raises(NoRoom):
        decode(encode([[]] * 5000), Room(1 << 20, 4000))
    with pytest.raises(NoRoom):
        decode(encode([{}] * 5000), Room(1 << 20, 4000))


def test_keys_of_one_hash_are_refused() -> None:
    chosen = [(2**61 - 1) * i for i in range(1, 2000)]
    for value in (set(chosen), frozenset(chosen), dict.fromkeys(chosen)):
        with pytest.raises(WireError, match="hash"):
            decode(encode(value))
    gaussian = {complex(a, b) for a in range(-50, 50) for b in range(-50, 50)}
    assert decode(encode(gaussian)) == gaussian
    assert not is_crowded([-1, -2, 0, False, *range(100)])


def test_a_source_nobody_should_parse() -> None:
    assert too_long("x" * MAX_SOURCE) is None
    refused = too_long("x" * (MAX_SOURCE + 1))
    assert refused is not None
    assert refused.cause is Cause.COMPILE
