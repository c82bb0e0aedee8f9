"""The specification of a plan: short English from a small closed vocabulary, clause by clause.

Every phrase belongs to one decision, so that a specification says everything and nothing twice."""

from __future__ import annotations

from egca.problems.generated.shapes import SHAPES
from egca.problems.generated.writing import Plan


def specification(plan: Plan) -> str:
    """The clauses of a plan, told apart by " ; ".

    The first one is the shape; a second argument is named there, too.
    """
    words = _Words(plan)
    about = SHAPES[plan.shape].about + (" and n" if plan.uses("n") else "")
    clauses = [about, *words.helper()]
    clauses += [words["start"]] if "start" in words else []
    clauses += [words["items"]] if "items" in words else []
    clauses += [f"stop at {words['halt']}"] if "halt" in words else []
    clauses += _MIDDLE.get(plan.shape, _Words.branches)(words)
    clauses += [words[slot] for slot in ("stop", "answer") if slot in words]
    return " ; ".join(clauses)


class _Words:
    """The phrases of a plan by slot, and what they make together."""

    def __init__(self, plan: Plan) -> None:
        self._phrases: dict[str, str] = {}
        subject = "digit" if plan.shape == "digits" else "item"
        for one in reversed(plan.chosen):  # an op's phrase holds the one of the value behind it
            value = self._phrases.get(f"value{one.slot[-1]}", "")
            self._phrases[one.slot] = one.phrase(subject, value)

    def __contains__(self, slot: str) -> bool:
        return slot in self._phrases

    def __getitem__(self, slot: str) -> str:
        return self._phrases[slot]

    def helper(self) -> list[str]:
        if "gtest" not in self:
            return []
        return [f"g turns {self['gtest']} into {self['gyes']} , others into {self['gno']}"]

    def condition(self) -> str:
        return self["test1"] + (f" and {self['inner']}" if "inner" in self else "")

    def branches(self) -> list[str]:
        clauses = []
        for i in (1, 2, 3):
            slot = next((slot for slot in (f"op{i}", f"step{i}") if slot in self), "")
            if slot:
                words = ["else"] if i > 1 else []
                if f"test{i}" in self:
                    words += ["if", self.condition() if i == 1 else self[f"test{i}"]]
                clauses.append(" ".join([*words, self[slot]]))
        return clauses

    def streak(self) -> list[str]:
        return [
            f"if {self['test1']} {self['grow']}",
            f"else {self['drop']}",
            self["keep"],
        ]

    def search(self) -> list[str]:
        return [f"if {self.condition()} return {self['value1']}", self["none"]]

    def choice(self) -> list[str]:
        def node(test: str, yes: str, no: str) -> str:
            if test not in self:
                return f"return {self[yes]}"
            return f"if {self[test]} return {self[yes]} , else return {self[no]}"

        return [
            f"if {self['test1']} : {node('test2', 'value1', 'value2')}",
            f"else : {node('test3', 'value3', 'value4')}",
        ]


_MIDDLE = {"streak": _Words.streak, "search": _Words.search, "choice": _Words.choice}
