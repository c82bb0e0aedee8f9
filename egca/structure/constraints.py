"""Constraints on how a program is written: typed, with a check each, and data to the outside.

A constraint says in one sentence what it asks (prompts show that), and finds the first violation in
a program's text or in observed calls. Which ones follow from a reference: extraction.py. Whether
one turns a program away is its `enforced` field; the rest is guidance."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from typing import Any, ClassVar

from egca.errors import InputError
from egca.execution.compare import equal, short
from egca.structure.facts import CONSTRUCTS, LOOPS, Facts, facts
from egca.types import Comparison, Outcome, Span

SCHEMA_VERSION = 1
STRUCTURES = ("list", "dict", "set", "tuple", "deque", "counter", "heap")
_EXACT = Comparison(types="exact")


@dataclass(frozen=True, slots=True)
class Effect:
    """Arguments of one call before and after it, as plain data."""

    args: tuple[Any, ...]
    args_after: tuple[Any, ...]


def observed(args: Sequence[tuple[Any, ...]], outcomes: Sequence[Outcome]) -> tuple[Effect, ...]:
    """Effects of calls that were run with args_after=True; the others say nothing."""
    pairs = zip(args, outcomes, strict=False)
    return tuple(Effect(a, o.args_after) for a, o in pairs if o.args_after is not None)


@dataclass(frozen=True, slots=True)
class Violation:
    """What a program does that a constraint forbids, and where, if the text shows it."""

    constraint: Constraint
    sentence: str
    span: Span | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Constraint:
    """One demand. `rule` names it with its direction: the unit in which violations are measured."""

    kind: ClassVar[str] = ""
    enforced: bool = True

    @property
    def rule(self) -> str:
        return self.kind

    @property
    def sentence(self) -> str:
        raise NotImplementedError

    def check(self, known: Facts, effects: Sequence[Effect] = ()) -> Violation | None:
        """First violation in a program's facts; None if there is none, or the facts are unknown."""
        found = self._find(known, effects) if known.is_known else None
        return None if found is None else Violation(self, *found)

    def _find(self, known: Facts, effects: Sequence[Effect]) -> tuple[str, Span | None] | None:
        raise NotImplementedError

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON data: {"kind", "enforced", "parameters"}."""
        names = [item.name for item in fields(self) if item.name != "enforced"]
        values = {name: getattr(self, name) for name in names}
        plain = {k: list(v) if isinstance(v, tuple) else v for k, v in values.items()}
        return {"kind": self.kind, "enforced": self.enforced, "parameters": plain}


@dataclass(frozen=True, slots=True, kw_only=True)
class AllowedImports(Constraint):
    """No modules but these; names of top-level modules."""

    kind: ClassVar[str] = "allowed_imports"
    modules: tuple[str, ...]

    @property
    def sentence(self) -> str:
        return f"Import nothing but {_words(self.modules)}." if self.modules else "Import nothing."

    def _find(self, known: Facts, effects: Sequence[Effect]) -> tuple[str, Span | None] | None:
        for name, span in known.imports.items():
            if name not in self.modules:
                return f"imports {name}, which is not allowed", span
        return None


@dataclass(frozen=True, slots=True, kw_only=True)
class ForbiddenCalls(Constraint):
    """None of these calls: "eval", "math.sqrt", ".sort" for a method."""

    kind: ClassVar[str] = "forbidden_calls"
    names: tuple[str, ...]

    @property
    def sentence(self) -> str:
        return f"Do not call {_words(self.names, 'or')}."

    def _find(self, known: Facts, effects: Sequence[Effect]) -> tuple[str, Span | None] | None:
        return _first_present(known.calls, self.names, "calls {}, which is forbidden")


@dataclass(frozen=True, slots=True, kw_only=True)
class RequiredCalls(Constraint):
    """Each of these calls, written as in ForbiddenCalls."""

    kind: ClassVar[str] = "required_calls"
    names: tuple[str, ...]

    @property
    def sentence(self) -> str:
        return f"Call {_words(self.names)}."

    def _find(self, known: Facts, effects: Sequence[Effect]) -> tuple[str, Span | None] | None:
        return _first_missing(known.calls, self.names, "does not call {}")


@dataclass(frozen=True, slots=True, kw_only=True)
class ForbiddenConstructs(Constraint):
    """None of these constructs; names as in facts.CONSTRUCTS."""

    kind: ClassVar[str] = "forbidden_constructs"
    names: tuple[str, ...]

    def __post_init__(self) -> None:
        _known("construct", self.names, CONSTRUCTS.values())

    @property
    def sentence(self) -> str:
        return f"Do not use {_words(self.names, 'or')}."

    def _find(self, known: Facts, effects: Sequence[Effect]) -> tuple[str, Span | None] | None:
        return _first_present(known.constructs, self.names, "uses {}, which is forbidden")


@dataclass(frozen=True, slots=True, kw_only=True)
class RequiredConstructs(Constraint):
    """Each of these constructs; names as in facts.CONSTRUCTS."""

    kind: ClassVar[str] = "required_constructs"
    names: tuple[str, ...]

    def __post_init__(self) -> None:
        _known("construct", self.names, CONSTRUCTS.values())

    @property
    def sentence(self) -> str:
        return f"Use {_words(self.names)}."

    def _find(self, known: Facts, effects: Sequence[Effect]) -> tuple[str, Span | None] | None:
        return _first_missing(known.constructs, self.names, "does not use {}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Recursion(Constraint):
    """Recursion asked for (required) or not wanted."""

    kind: ClassVar[str] = "recursion"
    required: bool

    @property
    def rule(self) -> str:
        return "recursion.required" if self.required else "recursion.forbidden"

    @property
    def sentence(self) -> str:
        return "Use recursion." if self.required else "Do not use recursion."

    def _find(self, known: Facts, effects: Sequence[Effect]) -> tuple[str, Span | None] | None:
        if self.required and known.recursion is None:
            return "no function calls itself", None
        if not self.required and known.recursion is not None:
            return "a function calls itself", known.recursion
        return None


@dataclass(frozen=True, slots=True, kw_only=True)
class LoopRequired(Constraint):
    """A loop or a comprehension somewhere."""

    kind: ClassVar[str] = "loop"

    @property
    def sentence(self) -> str:
        return "Use a loop or a comprehension."

    def _find(self, known: Facts, effects: Sequence[Effect]) -> tuple[str, Span | None] | None:
        if any(name in known.constructs for name in LOOPS):
            return None
        return "has neither a loop nor a comprehension", None


@dataclass(frozen=True, slots=True, kw_only=True)
class Structures(Constraint):
    """Each of these data structures is made; names as in STRUCTURES."""

    kind: ClassVar[str] = "structures"
    names: tuple[str, ...]

    def __post_init__(self) -> None:
        _known("data structure", self.names, STRUCTURES)

    @property
    def sentence(self) -> str:
        return f"Work with a {_words(self.names)}."

    def _find(self, known: Facts, effects: Sequence[Effect]) -> tuple[str, Span | None] | None:
        return _first_missing(known.structures, self.names, "makes no {}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Complexity(Constraint):
    """At most this many loops inside each other: 0 is O(1), k is O(n^k). Recursion is unknown."""

    kind: ClassVar[str] = "complexity"
    max_depth: int

    def __post_init__(self) -> None:
        if self.max_depth < 0:
            raise InputError(f"constraint complexity: max_depth is {self.max_depth}, below 0")

    @property
    def sentence(self) -> str:
        return f"Stay within {complexity_class(self.max_depth)}."

    def _find(self, known: Facts, effects: Sequence[Effect]) -> tuple[str, Span | None] | None:
        if known.loop_depth is None or known.loop_depth <= self.max_depth:
            return None
        given, limit = complexity_class(known.loop_depth), complexity_class(self.max_depth)
        return f"its loops are {given}, over {limit}", known.deepest_loop


@dataclass(frozen=True, slots=True, kw_only=True)
class InputUnchanged(Constraint):
    """Arguments are as before when the call is over. Observed calls decide, else the text."""

    kind: ClassVar[str] = "input_unchanged"

    @property
    def sentence(self) -> str:
        return "Leave the arguments unchanged."

    def _find(self, known: Facts, effects: Sequence[Effect]) -> tuple[str, Span | None] | None:
        place = next(iter(known.mutated.values()), None)
        for effect in effects:
            for before, after in zip(effect.args, effect.args_after, strict=False):
                # a value that is not even equal to itself has no plain-data form: nothing is known
                if not equal(before, after, _EXACT) and equal(before, before, _EXACT):
                    return f"changes its argument {short(before)} to {short(after)}", place
        if not effects and known.mutated:
            return f"writes into its argument {next(iter(known.mutated))}", place
        return None


KINDS: dict[str, type[Constraint]] = {
    "allowed_imports": AllowedImports,
    "forbidden_calls": ForbiddenCalls,
    "required_calls": RequiredCalls,
    "forbidden_constructs": ForbiddenConstructs,
    "required_constructs": RequiredConstructs,
    "recursion": Recursion,
    "loop": LoopRequired,
    "structures": Structures,
    "complexity": Complexity,
    "input_unchanged": InputUnchanged,
}


@dataclass(frozen=True, slots=True)
class ConstraintSet:
    """C of a problem: constraints in the order in which they are checked."""

    constraints: tuple[Constraint, ...] = ()

    def violation(
        self, source: str, entry_point: str = "", effects: Sequence[Effect] = ()
    ) -> Violation | None:
        """First violation of an enforced constraint."""
        return next(iter(self.violations(source, entry_point, effects)), None)

    def violations(
        self,
        source: str,
        entry_point: str = "",
        effects: Sequence[Effect] = (),
        *,
        enforced_only: bool = True,
    ) -> list[Violation]:
        """Every violation, one for each constraint. A program that cannot be read violates none."""
        known = facts(source, entry_point)
        wanted = [item for item in self.constraints if item.enforced or not enforced_only]
        found = [item.check(known, effects) for item in wanted]
        return [item for item in found if item is not None]

    def sentences(self) -> list[str]:
        """What a prompt shows, guidance included."""
        return [constraint.sentence for constraint in self.constraints]

    def to_dict(self) -> dict[str, Any]:
        constraints = [constraint.to_dict() for constraint in self.constraints]
        return {"version": SCHEMA_VERSION, "constraints": constraints}

    @classmethod
    def from_dict(cls, data: Any) -> ConstraintSet:
        """The inverse of to_dict.

        Raises: InputError naming the place, for another version, an unknown kind, a parameter that
        is
            missing, unknown or of the wrong type.
        """
        if not isinstance(data, dict) or not isinstance(data.get("constraints"), list):
            raise InputError('constraints: expected {"version": 1, "constraints": [...]}')
        if data.get("version") != SCHEMA_VERSION:
            version = data.get("version")
            raise InputError(f"constraints: version is {version!r}, expected {SCHEMA_VERSION}")
        return cls(tuple(_from_dict(item, i) for i, item in enumerate(data["constraints"])))


def _from_dict(data: Any, i: int) -> Constraint:
    where = f"constraints[{i}]"
    kind = data.get("kind") if isinstance(data, dict) else data
    if not isinstance(data, dict) or not isinstance(kind, str) or kind not in KINDS:
        raise InputError(f"{where}: unknown kind {kind!r}; known: {', '.join(KINDS)}")
    kind_class = KINDS[data["kind"]]
    parameters = data.get("parameters", {})
    wanted = {item.name: item.type for item in fields(kind_class) if item.name != "enforced"}
    if not isinstance(parameters, dict) or parameters.keys() != wanted.keys():
        names = ", ".join(wanted) or "nothing"
        raise InputError(f"{where}: parameters of {data['kind']} must be: {names}")
    enforced = data.get("enforced", True)
    if not isinstance(enforced, bool):
        raise InputError(f"{where}: enforced must be true or false")
    values = {name: _parameter(parameters[name], str(wanted[name]), where, name) for name in wanted}
    return kind_class(enforced=enforced, **values)


def _parameter(value: Any, wanted: str, where: str, name: str) -> Any:
    if wanted.startswith("tuple"):
        if isinstance(value, list | tuple) and all(isinstance(item, str) for item in value):
            return tuple(value)
        raise InputError(f"{where}: {name} must be a list of strings")
    if type(value).__name__ != wanted:
        raise InputError(f"{where}: {name} must be of type {wanted}, not {type(value).__name__}")
    return value


def complexity_class(depth: int) -> str:
    """
    >>> [complexity_class(depth) for depth in range(3)]
    ['O(1)', 'O(n)', 'O(n^2)']
    """
    return ("O(1)", "O(n)")[depth] if depth < 2 else f"O(n^{depth})"


def _first_present(
    seen: dict[str, Span], names: Iterable[str], text: str
) -> tuple[str, Span | None] | None:
    return next(((text.format(name), seen[name]) for name in names if name in seen), None)


def _first_missing(
    seen: dict[str, Span], names: Iterable[str], text: str
) -> tuple[str, Span | None] | None:
    return next(((text.format(name), None) for name in names if name not in seen), None)


def _known(what: str, names: Iterable[str], known: Iterable[str]) -> None:
    known = sorted(set(known))
    for name in names:
        if name not in known:
            raise InputError(f"unknown {what} {name!r}; known: {', '.join(known)}")


def _words(names: Sequence[str], last: str = "and") -> str:
    """
    >>> _words(["a", "b", "c"], "or")
    'a, b or c'
    """
    return (
        f" {last} ".join([", ".join(names[:-1]), names[-1]]) if len(names) > 1 else "".join(names)
    )
