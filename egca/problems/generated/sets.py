"""Generated tasks as data sets: "tiny", "tiny-hard-test", ... name a family, a split and a number.

They have no file: a task is made when it is asked for, the same one each time."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass

from egca.errors import ProblemError
from egca.problems.generated.family import FAMILIES, SPLITS, Family, Split, dataset_name
from egca.problems.problem import Problem

N_TASKS: dict[Split, int] = {"train": 21_000, "validation": 500, "test": 500}


@dataclass(frozen=True, slots=True)
class GeneratedSet:
    """A split of a family, with ids from NAME/0 to NAME/(n_tasks - 1)."""

    family: Family
    split: Split

    @property
    def name(self) -> str:
        return dataset_name(self.family.name, self.split)

    @property
    def n_tasks(self) -> int:
        return N_TASKS[self.split]

    def problem(self, task_id: str) -> Problem:
        """The problem with this id. Raises: ProblemError if there is none."""
        return self.family.task(self.split, self._index(task_id)).problem

    def problems(self, ids: Collection[str] | None = None) -> Iterator[Problem]:
        """All problems, or those with these ids, in their order.

        Raises: ProblemError for an unknown id.
        """
        indices = range(self.n_tasks) if ids is None else sorted({self._index(one) for one in ids})
        return (self.family.task(self.split, index).problem for index in indices)

    def _index(self, task_id: str) -> int:
        head, _, number = task_id.partition("/")
        index = int(number) if number.isascii() and number.isdigit() else -1
        if head != self.name or not 0 <= index < self.n_tasks or str(index) != number:
            raise ProblemError(
                f'{self.name}: no task "{task_id}"; it has {self.name}/0 to '
                f"{self.name}/{self.n_tasks - 1}"
            )
        return index


GENERATED: dict[str, GeneratedSet] = {
    one.name: one
    for one in (GeneratedSet(family, split) for family in FAMILIES.values() for split in SPLITS)
}


def generated_set(name: str) -> GeneratedSet | None:
    """The set of this name, in any case; None for any other text.

    >>> generated_set("tiny-hard-test").family.name
    'hard'
    """
    return GENERATED.get(name.lower())
