"""What a child says of its calls, read as the words of an enemy.

The program shares a process with what reports on it, and may write any report itself. So a report
is believed only in its form: the fields that there are, of their exact types, within bounds. Above
all a failure is a failure: one that says it is none, or that names a cause only the parent can
know, is garbage, and garbage ends the session with a crash."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from egca.execution.answers import DIGEST_BYTES, Answer
from egca.execution.decoding import NoRoom, Room, decode
from egca.execution.session import SessionDied
from egca.types import Cause, Failure, Outcome, SourceMap, Span

MAX_SOURCE = 1 << 20  # characters; a parser takes hundreds of bytes for each, here as in the child
_MAX_FRAMES = 32
_MAX_MESSAGE = 500
_MAX_NAME = 100
_REPORTED = {
    cause.value: cause
    for cause in (
        Cause.COMPILE,
        Cause.MISSING_ENTRY_POINT,
        Cause.EXCEPTION,
        Cause.EXIT,
        Cause.TIMEOUT,
        Cause.MEMORY,
        Cause.OUTPUT_LIMIT,
        Cause.UNENCODABLE,
    )
}

_NOTHING_ELSE = {"failure": None, "stdout": "", "args_after": None}

T = TypeVar("T")


def believed(read: Callable[[], T]) -> T:
    """What `read` makes of a message. Raises: SessionDied for whatever is wrong with it."""
    try:
        return read()
    except SessionDied:
        raise
    except Exception as error:  # an enemy chooses what a message makes of our reading
        raise garbage(error) from None


def garbage(error: Exception) -> SessionDied:
    """The death of a session whose message made this of our reading."""
    detail = f"{type(error).__name__}: {error}"[:_MAX_MESSAGE]
    return SessionDied(Cause.CRASH, f"the child wrote garbage: {detail}")


def outcome_of(
    frame: dict[str, Any],
    source_map: Callable[[], SourceMap],
    room: Room,
    longest_s: float,
    sent: bytes = b"",
) -> Outcome:
    """The outcome that a frame of program.frames tells. Raises: anything, see `believed`.

    Args:
        room: what the program's answers may still take; one over it is a failure.
        longest_s: how long the call can have taken, by our own clock.
        sent: the arguments as they were sent; coming back unchanged they take no room.
    """
    failure = frame["failure"]
    stdout, seconds = _said(frame, longest_s)
    data, data_after = frame["value"], frame["args_after"]
    n_opaque, is_same = room.n_opaque, data_after == sent
    try:
        room.take(len(stdout))
        value = None if data is None else decode(data, room)
        is_plain = room.n_opaque == n_opaque
        after_room = None if is_same else room
        after = None if data_after is None else decode(data_after, after_room)
        named_after = frame.get("kwargs_after") and decode(frame["kwargs_after"], room)
    except NoRoom as error:
        return Outcome(failure=Failure(Cause.OUTPUT_LIMIT, message=str(error)), seconds=seconds)
    if after is not None and not (is_same or _is_like(after, sent)):
        raise TypeError("arguments that are not those of the call")
    if named_after is not None and type(named_after) is not dict:
        raise TypeError("keyword arguments without names")
    if failure is not None:
        failed = failure_of(failure, source_map())
        return Outcome(value, failed, stdout, seconds, after, named_after)
    if not is_plain:
        raise TypeError("a value that is not plain data, and no failure that says so")
    return Outcome(value, None, stdout, seconds, after, named_after)


def answer_of(
    frame: Any,
    source_map: Callable[[], SourceMap],
    room: Room,
    longest_s: float,
    sent: bytes = b"",
    *,
    number: int = 0,
    wanted: Answer | None = None,
    digests: bool = False,
) -> Answer:
    """As outcome_of, with the bytes; `told` is None for a digest, and for what is as wanted.

    The frame may be the short one of a call of which there is nothing else to say.

    Args:
        number: of the call since the program was loaded.
        wanted: known good bytes; the same ones need not be decoded.
        digests: whether one was asked for.
    """
    if type(frame) is list:
        data, digest, seconds = frame
        is_fair = type(seconds) is float and (digest is None or (digests and data is None))
        if is_fair and wanted is not None and wanted.is_same(data, digest):  # nearly every answer
            seconds = min(seconds, longest_s) if seconds >= 0 else longest_s
            return Answer(data, digest, None, "", seconds, number, None, True)
        frame = {"value": data, "digest": digest, "seconds": seconds, **_NOTHING_ELSE}
    data, digest = frame["value"], frame["digest"]
    if digest is not None:
        if not digests or type(digest) is not bytes or len(digest) != DIGEST_BYTES:
            raise TypeError("a digest of another form, or that nobody asked for")
        if data is not None or frame["failure"] is not None:
            raise TypeError("a digest beside a value or a failure")
    elif data is None and frame["failure"] is None:
        raise TypeError("neither a value nor a failure")
    is_wanted = wanted is not None and frame["failure"] is None and wanted.is_same(data, digest)
    if not is_wanted and digest is None:
        told = outcome_of(frame, source_map, room, longest_s, sent)
        return Answer(data, None, told.failure, told.stdout, told.seconds, number, told)
    rest = outcome_of({**frame, "value": None}, source_map, room, longest_s, sent)
    is_wanted = is_wanted and rest.failure is None  # there may be no room for what it printed
    return Answer(
        data, digest, rest.failure, rest.stdout, rest.seconds, number, is_wanted=is_wanted
    )


def _said(frame: dict[str, Any], longest_s: float) -> tuple[str, float]:
    """What was printed, and the seconds, at most so many."""
    stdout, seconds = frame["stdout"], frame["seconds"]
    if type(stdout) is not str or type(seconds) is not float:
        raise TypeError("a field of another type")
    return stdout, min(seconds, longest_s) if seconds >= 0 else longest_s  # NaN, too


def _is_like(after: Any, sent: bytes) -> bool:
    """Whether these may be the arguments after a call, by their number."""
    return type(after) is tuple and (not sent or len(after) == len(decode(sent)))


def failure_of(data: Any, source_map: SourceMap) -> Failure:
    """Failure data of program.guarded, with spans. Raises: anything, see `believed`."""
    cause, kind, message, frames = (data[key] for key in ("cause", "type", "message", "frames"))
    base = data.get("base", "")
    if {type(kind), type(message), type(base)} != {str} or type(frames) is not list:
        raise TypeError("a failure with a field of another type")
    spans = [_span(frame, source_map) for frame in frames[-_MAX_FRAMES:]]
    return Failure(
        _REPORTED[cause],
        kind[:_MAX_NAME],
        message[:_MAX_MESSAGE],
        tuple(span for span in spans if span is not None),
        base[:_MAX_NAME],
    )


def _span(frame: list[int | None], source_map: SourceMap) -> Span | None:
    """The place of one frame; its whole line where the columns are unknown."""
    line, end_line, column, end_column = frame
    if not {int, type(None)}.issuperset(map(type, frame)):
        raise TypeError("a place that is no number")
    if not line or not 0 < line <= source_map.n_lines:
        return None
    last = min(max(line, end_line or line), source_map.n_lines)
    if column is None or end_column is None or column < 0 or end_column < 0:
        text = source_map.line_text(line)
        start = source_map.offset(line, 0) + len(text) - len(text.lstrip())
        end = source_map.offset(line, 0) + len(text.rstrip())
    else:
        start = source_map.offset(line, column)
        end = source_map.offset(last, end_column)
    end = max(end, start + 1)
    return source_map.span(start, min(end, max(len(source_map.source), start + 1)))


def too_long(source: str) -> Failure | None:
    """The failure of a program that is no solution of anything: nobody should have to parse it."""
    if len(source) <= MAX_SOURCE:
        return None
    text = f"a source of {len(source)} characters is over {MAX_SOURCE}"
    return Failure(Cause.COMPILE, "SyntaxError", text)
