"""The frame around the commands: the table of them, global options, errors and exit statuses.

A command is a line in COMMANDS and a function in a file of its own, imported only when that command
is asked for: `egca --help` must answer in 0.3 s. What a command does is decided there."""

from __future__ import annotations

import errno
import os
import sys
from dataclasses import dataclass
from importlib import import_module
from typing import Annotated, Any, NoReturn

import typer
from typer.core import TyperCommand, TyperGroup

from egca import __version__
from egca.cli.output import one_line, speak_any_encoding
from egca.errors import EgcaError
from egca.files import reason_of

EXIT_BAD_INPUT = 2
EXIT_BUG = 70  # EX_SOFTWARE of sysexits.h: never one of the answers a command gives


@dataclass(frozen=True, slots=True)
class Entry:
    """Where a command lives ("package.module:function") and its line in `egca --help`.

    In place of a function the module may have a typer.Typer: a group of commands.
    """

    target: str
    help: str


COMMANDS: dict[str, Entry] = {
    "localize": Entry(
        "egca.cli.localize:localize", "Show where a failing program first goes wrong, and prove it."
    ),
    "eval": Entry(
        "egca.cli.evaluate:evaluate", "Judge a model's samples: pass@k, and why they fail."
    ),
    "constraints": Entry(
        "egca.cli.constraints:constraints", "Show what a problem demands of its programs' form."
    ),
    "credit": Entry("egca.cli.credit:app", "List the credit rules, and show one on an example."),
    "bench": Entry("egca.cli.bench:app", "Measure, and write the tables of results/measured."),
    "data": Entry("egca.cli.data:app", "Look into data sets, and convert them."),
    "generate": Entry("egca.cli.generate:generate", "Write a model's programs for a data set."),
    "train": Entry("egca.cli.train:app", "Post-train a code model with execution-grounded credit."),
    "providers": Entry(
        "egca.cli.providers:providers", "List the ways to reach a model, or try one."
    ),
    "prompts": Entry("egca.cli.prompts:app", "List, show and compare the prompts that models get."),
    "mcp": Entry("egca.cli.mcp:mcp", "Serve the tools to an agent: Model Context Protocol."),
    "doctor": Entry(
        "egca.cli.doctor:doctor", "Say what this machine has, and what the rest would enable."
    ),
}


def _load(name: str) -> Any:
    """Import a command's module and build the typer command from what is there."""
    module, _, function = COMMANDS[name].target.partition(":")
    found = getattr(import_module(module), function)
    if isinstance(found, typer.Typer):
        return typer.main.get_command(found)
    single = typer.Typer(add_completion=False, rich_markup_mode=_MARKUP)
    single.command(name=name)(found)
    return typer.main.get_command(single)


class LazyGroup(TyperGroup):
    """Lists commands from the table, imports the one that is run, and words its errors."""

    def __init__(self, **attrs: Any) -> None:
        super().__init__(**attrs)
        for name, entry in COMMANDS.items():  # help and "did you mean" read only name and help
            self.add_command(TyperCommand(name, help=entry.help, rich_markup_mode=_MARKUP))

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        name, _, rest = super().resolve_command(ctx, args)
        return name, name and _load(name), rest

    def make_context(self, *args: Any, **extra: Any) -> Any:
        try:
            return super().make_context(*args, **extra)
        except Exception as error:
            if _is_misuse(error):
                _leave(_misused(error), EXIT_BAD_INPUT, debug=False)
            raise

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except EgcaError as error:
            _leave(f"egca: error: {error}", EXIT_BAD_INPUT, debug=ctx.params["debug"])
        except Exception as error:
            if _is_misuse(error):
                _leave(_misused(error), EXIT_BAD_INPUT, debug=ctx.params["debug"])
            if _is_for_typer(error):
                raise
            if isinstance(error, OSError) and error.errno in _FULL:
                _leave(_no_room(error), EXIT_BAD_INPUT, debug=ctx.params["debug"])
            what = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
            _leave(
                f"egca: bug: {what} (not your input's fault; "
                f'"egca --debug {ctx.invoked_subcommand} ..." shows the traceback to report)',
                EXIT_BUG,
                debug=ctx.params["debug"],
            )


def _is_for_typer(error: Exception) -> bool:
    """Whether typer ends by it: exits, a help in place of arguments, a reader that is gone."""
    return isinstance(error, typer.Exit | typer.Abort | BrokenPipeError) or _is_help(error)


def _is_misuse(error: Exception) -> bool:
    """A usage error, known by its method: typer moved its class between releases."""
    return hasattr(error, "format_message") and not _is_help(error)


def _is_help(error: Exception) -> bool:
    return type(error).__name__ == "NoArgsIsHelpError"


def _misused(error: Any) -> str:
    """A usage error in one line, and where the usage stands."""
    said = error.format_message().rstrip(".")
    context = getattr(error, "ctx", None)
    command = context.command_path if context is not None else "egca"
    end = "" if said.endswith("?") else ";"
    return f'egca: error: {said[:1].lower()}{said[1:]}{end} "{command} --help" says how'


_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


def _no_room(error: OSError) -> str:
    return f"egca: error: {error.filename or 'a file or standard output'}: {reason_of(error)}"


def _leave(message: str, status: int, *, debug: bool) -> NoReturn:
    """Print one line (with the traceback before it, if asked for) and end with a status."""
    if debug:
        import traceback

        traceback.print_exc()
    print(one_line(" ".join(message.split("\n"))), file=sys.stderr)
    raise typer.Exit(status)


def _version(value: bool) -> None:
    if value:
        print(f"egca {__version__}")
        raise typer.Exit


# Rich's markup would read "[train]" in a help text as a style and swallow it.
_MARKUP = None

app = typer.Typer(
    name="egca",
    cls=LazyGroup,
    no_args_is_help=True,
    rich_markup_mode=_MARKUP,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


@app.callback()
def _globals(
    debug: Annotated[bool, typer.Option("--debug", help="Show tracebacks of errors.")] = False,
    version: Annotated[
        bool,
        typer.Option("--version", callback=_version, is_eager=True, help="Show the version."),
    ] = False,
) -> None:
    """Find where a failing program first goes wrong, by running it beside a correct one.

    `egca COMMAND --help` explains a command."""


def main() -> NoReturn:
    """Run the command line on sys.argv and exit.

    Statuses: 0 and 1 are the command's answers, 2 bad input or usage, 70 a bug of ours, 130 Ctrl-C.
    """
    status: object = 0
    _open_what_is_closed()
    speak_any_encoding()
    try:
        app(prog_name="egca")
    except KeyboardInterrupt:  # outside what typer guards: while a module is imported, say
        status = 130
    except SystemExit as end:
        status = end.code
    except OSError as error:  # the version or a help could not be printed
        status = _unwritten(error)
    try:
        sys.stdout.flush()
    except OSError as error:
        status = _unwritten(error)
    sys.exit(status)  # type: ignore[arg-type]


def _open_what_is_closed() -> None:
    """The null device in place of a stream that the shell closed (`<&-`), which Python has as None.

    In order, so that each gets its own number, and no file that is opened later takes its place.
    """
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, mode))  # noqa: SIM115 - for as long as we run


def _unwritten(error: OSError) -> int:
    """The status where standard output takes no more; said, unless its reader has just gone."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # or Python says it again when it ends
    if error.errno == errno.EPIPE:
        return 1
    if error.errno not in _FULL:
        raise error
    print(_no_room(error), file=sys.stderr)
    return EXIT_BAD_INPUT
