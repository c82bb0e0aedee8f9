"""The command line: `egca COMMAND`. One file per command; the only room that prints."""

from egca.cli.app import COMMANDS, main

__all__ = ["COMMANDS", "main"]
