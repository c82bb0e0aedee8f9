"""What the pytest plugin does: record the calls a test makes of a function, and localize on them.

While a test runs, calls of the functions that have a reference are seen by the interpreter's
profile hook: nothing is replaced, and it does not matter from where a test imports the function.
When the test fails, the module with the function runs beside the reference on the recorded
arguments, in the sandbox; the reference, not the test, says what is right."""

from __future__ import annotations

import io
import sys
from collections.abc import Generator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any

import pytest

from egca.errors import EgcaError, InputError
from egca.execution import Sandbox
from egca.execution.decoding import decode
from egca.execution.wire import encode_checked
from egca.problems import Example, Problem, near_name
from egca.problems.entry_points import entry_points_of
from egca.problems.files import read_text
from egca.types import Comparison, Program

if TYPE_CHECKING:
    from egca.localization import Localization

MAX_CALLS = 64  # kept of one test
MAX_EARLIER = 64  # kept of tests before it: what is right elsewhere helps to find what is wrong
MAX_BYTES = 1 << 18  # of the arguments of one call
BUDGET_S = 5.0  # of one search
# Two correct functions may add up floats in another order.
_COMPARISON = Comparison(rtol=1e-9, atol=1e-12)
_GENERATORS = 0x20 | 0x80 | 0x200  # CO_GENERATOR, CO_COROUTINE, CO_ASYNC_GENERATOR
_VARARGS, _VARKEYWORDS = 0x04, 0x08


@dataclass(frozen=True, slots=True)
class Reference:
    """A correct version of a function: where it is, and the text of its file."""

    path: Path
    name: str
    source: str


def read_references(wanted: Sequence[str], folder: Path) -> dict[str, Reference]:
    """The references by function name. Raises: pytest.UsageError saying what is wrong with which.

    Args: wanted: "PATH::NAME" each. folder: that relative paths start from.
    """
    found: dict[str, Reference] = {}
    for text in wanted:
        try:
            reference = _read(text, folder)
        except InputError as error:
            raise pytest.UsageError(f"--egca-reference {text}: {error}") from None
        if reference.name in found:
            raise pytest.UsageError(f"--egca-reference {text}: {reference.name} has one already")
        found[reference.name] = reference
    return found


def _read(text: str, folder: Path) -> Reference:
    path, separator, name = text.rpartition("::")
    if not separator or not path or not name:
        raise InputError("must be PATH::NAME, a file and a function in it")
    if not name.isidentifier():
        raise InputError(f'"{name}" is no name of a plain function')
    source = read_text(folder / path)
    try:
        compile(source, path, "exec", dont_inherit=True)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        where = f"line {error.lineno}: " if isinstance(error, SyntaxError) else ""
        raise InputError(f"it does not compile: {where}{getattr(error, 'msg', error)}") from None
    if name not in entry_points_of(source):
        near = near_name(name, source)
        raise InputError(
            f'the file defines no function "{name}"' + (f'; did you mean "{near}"?' if near else "")
        )
    return Reference((folder / path).resolve(), name, source)


@dataclass(frozen=True, slots=True)
class Recorded:
    """Calls of one function, as data of (args, kwargs); what could not be kept, by its reason."""

    path: str
    calls: list[bytes] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)


class Recorder:
    """A profile hook that keeps the arguments of the outermost calls of some functions."""

    def __init__(self, references: dict[str, Reference]) -> None:
        self._references = references
        self._depth = 0
        self._generators: set[FrameType] = set()
        self.found: dict[str, Recorded] = {}

    def __call__(self, frame: FrameType, event: str, _: Any) -> None:
        code = frame.f_code
        if code.co_name not in self._references or event not in ("call", "return"):
            return
        reference = self._references[code.co_name]
        if code.co_qualname != reference.name or code.co_filename == str(reference.path):
            return
        if code.co_flags & _GENERATORS:  # comes back at each resumption; its first time counts
            if event == "call" and frame not in self._generators:
                self._generators.add(frame)
                self._keep(reference.name, frame)
            return
        if event == "return":
            self._depth -= 1
            return
        self._depth += 1
        if self._depth == 1:
            self._keep(reference.name, frame)

    def _keep(self, name: str, frame: FrameType) -> None:
        recorded = self.found.setdefault(name, Recorded(frame.f_code.co_filename))
        if recorded.path != frame.f_code.co_filename or len(recorded.calls) >= MAX_CALLS:
            return
        data, reason = encode_checked(_arguments(frame), max_bytes=MAX_BYTES)
        if reason:
            what = "is too large" if reason == "size" else "is no plain data"
            recorded.left_out.append(f"an argument {what}")
        else:
            recorded.calls.append(data)


def _arguments(frame: FrameType) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """The arguments that a call has just begun with."""
    code, values = frame.f_code, frame.f_locals
    names = code.co_varnames
    end = code.co_argcount + code.co_kwonlyargcount
    args = [values[name] for name in names[: code.co_argcount]]
    kwargs = {name: values[name] for name in names[code.co_argcount : end]}
    if code.co_flags & _VARARGS:
        args += values[names[end]]
        end += 1
    if code.co_flags & _VARKEYWORDS:
        kwargs |= values[names[end]]
    return tuple(args), kwargs


class Localizer:
    """The hooks: record during each test, localize after one that failed."""

    def __init__(self, config: pytest.Config, references: dict[str, Reference]) -> None:
        self._config = config
        self._references = references
        self._recorder = Recorder(references)
        self._is_blocked = False
        self._earlier: dict[str, list[bytes]] = {}
        self._sandbox: Sandbox | None = None

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_call(self) -> Generator[None, Any, Any]:
        """Record while the test itself runs, fixtures aside."""
        self._recorder = Recorder(self._references)
        self._is_blocked = sys.getprofile() is not None
        if self._is_blocked:
            return (yield)
        sys.setprofile(self._recorder)
        try:
            return (yield)
        finally:
            sys.setprofile(None)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item, call: pytest.CallInfo[None]
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        """Add a section to the report of a test that failed."""
        report = yield
        if call.when != "call":
            return report
        add = getattr(report.longrepr, "addsection", None)
        if report.failed and add is not None:
            if self._is_blocked:
                add("egca", "another profiler runs, so no call was seen")
            for name, recorded in self._recorder.found.items():
                add(f"egca: {name}", self._said(name, recorded).rstrip("\n"))
        for name, recorded in self._recorder.found.items():
            earlier = self._earlier.setdefault(f"{recorded.path}::{name}", [])
            earlier += recorded.calls[: MAX_EARLIER - len(earlier)]
        return report

    def pytest_unconfigure(self) -> None:
        """End the sandbox."""
        if self._sandbox is not None:
            self._sandbox.close()

    def _said(self, name: str, recorded: Recorded) -> str:
        """The section's text: the picture, or in one line why there is none."""
        try:
            return self._picture(name, recorded)
        except EgcaError as error:
            return " ".join(str(error).split())
        except Exception as error:  # a bug of ours must not end somebody's test run
            return f"egca: bug: {type(error).__name__}: {error}"

    def _picture(self, name: str, recorded: Recorded) -> str:
        if not recorded.calls:
            return f"{name} was called, but {recorded.left_out[0]}"
        from egca.localization import localize  # where tests pass nobody waits for it
        from egca.localization.ops import OPS

        source = read_text(recorded.path)
        own = list(dict.fromkeys(recorded.calls))
        earlier = self._earlier.get(f"{recorded.path}::{name}", [])
        calls = [*own, *(one for one in dict.fromkeys(earlier) if one not in own)]
        problem = Problem(
            name,
            name,
            tuple(_example(number, data) for number, data in enumerate(calls, 1)),
            reference=self._references[name].source,
            comparison=_COMPARISON,
            origin="the recorded calls",
        )
        if self._sandbox is None:
            self._sandbox = Sandbox(preload=OPS)
        found = localize(Program(source), None, problem, sandbox=self._sandbox, budget_s=BUDGET_S)
        return self._shown(found, recorded.path, len(own))

    def _shown(self, found: Localization, path: str, n_own: int) -> str:
        name = found.problem.entry_point
        results = found.verdict.results
        if not results:
            return f"{path} does not run by itself in the sandbox: {found.verdict.evidence}"
        if all(result.passed for result in results[:n_own]):
            return (
                f"on the calls of this test, {n_own} in number, {name} does what the reference "
                "does: the test or the reference is wrong, or it is something besides what "
                f"{name} returns"
            )
        from rich.console import Console

        from egca.localization.render.terminal import TerminalView

        writer = self._config.get_terminal_writer()
        stream = io.StringIO()
        console = Console(
            file=stream,
            width=writer.fullwidth,
            force_terminal=writer.hasmarkup,
            color_system="standard" if writer.hasmarkup else None,
            highlight=False,
        )
        console.print(TerminalView(found, _relative(path, self._config)))
        return stream.getvalue()


def _example(number: int, data: bytes) -> Example:
    args, kwargs = decode(data)
    return Example(f"call {number}", args, kwargs)


def _relative(path: str, config: pytest.Config) -> str:
    try:
        return str(Path(path).relative_to(config.invocation_params.dir))
    except ValueError:
        return path
