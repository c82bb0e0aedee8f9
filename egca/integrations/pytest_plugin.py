"""The pytest plugin: `--egca-reference PATH::NAME` localizes in failure reports (docs/pytest.md).

pytest imports this file at every start, wherever egca is installed: so nothing but the option is
here, and without the option nothing else happens. The work is in pytest_localizer.py."""

from __future__ import annotations

import pytest

_DEST = "egca_reference"


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the option."""
    parser.getgroup("egca").addoption(
        "--egca-reference",
        dest=_DEST,
        action="append",
        default=[],
        metavar="PATH::NAME",
        help="a correct version of function NAME; a failing test that calls NAME shows where it "
        "first goes wrong (may be repeated)",
    )


def pytest_configure(config: pytest.Config) -> None:
    """Bring in the work where it is asked for. Raises: pytest.UsageError, one line."""
    wanted: list[str] = config.getoption(_DEST)
    if not wanted:
        return
    from egca.integrations.pytest_localizer import Localizer, read_references

    references = read_references(wanted, config.invocation_params.dir)
    config.pluginmanager.register(Localizer(config, references), "egca-localizer")
