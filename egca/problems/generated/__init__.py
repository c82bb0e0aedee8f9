"""A generated family of small programming tasks, for reinforcement learning on two cores.

`FAMILIES["hard"].task("train", 7)` is a specification of a few words, its reference, tests that
tell every single fault, and on demand other correct programs and ones with known faults. Decisions
are written down in options.py and tables.py, programs in shapes.py, words in wording.py."""

from egca.problems.generated.family import FAMILIES, SPLITS, Decision, Family, Split, Task, split_of
from egca.problems.generated.sets import GeneratedSet, generated_set
from egca.problems.generated.students import Fault, Student

__all__ = [
    "FAMILIES",
    "SPLITS",
    "Decision",
    "Family",
    "Fault",
    "GeneratedSet",
    "Split",
    "Student",
    "Task",
    "generated_set",
    "split_of",
]
