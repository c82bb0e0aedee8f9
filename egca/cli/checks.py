"""What values of options must be, where several commands have the option."""

from __future__ import annotations

from datetime import date

from egca.errors import InputError

_MAX_SECONDS = 86_400.0  # what a day does not end nobody waits for, and no clock overflows by it


def check_seconds(option: str, value: float | None) -> None:
    """Raises: InputError for a number that is no time to wait."""
    if value is not None and not 0 < value <= _MAX_SECONDS:
        raise InputError(
            f"{option} is {value:g}, but must be a number of seconds above 0, "
            f"and at most {_MAX_SECONDS:,.0f}"
        )


def check_count(option: str, value: int | None) -> None:
    """Raises: InputError for less than one."""
    if value is not None and value < 1:
        raise InputError(f"{option} is {value}, but must be at least 1")


def listed_ids(texts: list[str] | None) -> list[str]:
    """What --ids lists, for egca.problems.ids.WantedIds. Raises: InputError where it names none."""
    for text in texts or ():
        if not text.strip(", \t"):
            raise InputError(f'--ids is "{text}", but must name tasks')
    return texts or []


def day_of(option: str, text: str | None) -> date | None:
    """A day that an option names. Raises: InputError."""
    if text is None:
        return None
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise InputError(f'{option} is "{text}", but must be a day such as 2024-08-01') from None
