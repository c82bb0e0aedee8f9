"""Task ids as people list them, and as file names have them."""

from __future__ import annotations

from collections.abc import Iterable


def alias_of(task_id: str) -> str:
    """A task id as the name of a file, which has no "/".

    >>> alias_of("own/1")
    'own_1'
    """
    return task_id.replace("/", "_")


class WantedIds:
    """The task ids that some texts list, and which of them have not been met yet.

    A text is an id, which may have commas of its own, or several with commas between them; "own_1"
    is "own/1".

    >>> wanted = WantedIds(["own/1, own_2,", "f(a,b)"])
    >>> [one in wanted for one in ("own/1", "own/2", "own/3", "f(a,b)")], wanted.missing
    ([True, True, False, True], [])
    """

    def __init__(self, texts: Iterable[str]) -> None:
        self._lists = [
            (text.strip(), [part.strip() for part in text.split(",") if part.strip()])
            for text in texts
        ]
        self._known = {alias_of(one) for whole, parts in self._lists for one in (whole, *parts)}
        self._met: set[str] = set()

    def __bool__(self) -> bool:
        return any(parts for _, parts in self._lists)

    def __contains__(self, task_id: str) -> bool:
        alias = alias_of(task_id)
        if alias in self._known:
            self._met.add(alias)
        return alias in self._known

    @property
    def parts(self) -> list[str]:
        """What stands between the commas."""
        return [part for _, parts in self._lists for part in parts]

    @property
    def missing(self) -> list[str]:
        """Ids that nobody has asked for, in the order in which they were listed."""
        return [
            part
            for whole, parts in self._lists
            if alias_of(whole) not in self._met
            for part in parts
            if alias_of(part) not in self._met
        ]
