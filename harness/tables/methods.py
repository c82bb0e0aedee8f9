"""The methods that tables compare: each a named set of training options over a preset.

A new method is a line in METHODS; registry.py says which table it stands in."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from egca.errors import InputError

BASELINE = "grpo"  # what every other method is compared with
PRESETS = ("tiny", "small", "paper")
BASE = "base"  # the model before post-training: tested, never trained
TEACHER = "teacher"  # tested too, where there are methods that learn from it
UNTRAINED: dict[str, str] = {BASE: "", TEACHER: "tiny:teacher-medium"}  # by model; "": the student


@dataclass(frozen=True, slots=True)
class Method:
    """What is trained under a name.

    options: dotted, over those of the preset; the learning rate is tuned and the seed given by the
    table. note: what differs from the original, where something does. rate_of: the method whose
    tuned learning rate it takes, for variants that are one method at several levels. ours: not a
    published method. has_curve: its rollouts are plain samples of the training problems, so that
    their pass rate is a learning curve; of a method without one only final values are compared.
    tiny: options that only preset tiny's small model wants. presets: where it makes sense.
    """

    label: str
    options: Mapping[str, Any] = field(default_factory=dict)
    note: str = ""
    rate_of: str = ""
    ours: bool = False
    has_curve: bool = True
    tiny: Mapping[str, Any] = field(default_factory=dict)
    presets: tuple[str, ...] = PRESETS

    def missing(self, preset: str = "tiny") -> str:
        """Why it cannot be trained at a preset; "" where it can."""
        return "" if preset in self.presets else f"for preset {' and '.join(self.presets)}"

    @property
    def all_options(self) -> dict[str, Any]:
        """Dotted options over preset tiny."""
        return {**self.options, **self.tiny}


def _credit(label: str, strategy: str, **more: Any) -> Method:
    """A method that is GRPO's objective under a credit strategy, with options of the strategy."""
    options = {"credit.strategy": strategy}
    return Method(label, {**options, **more.pop("options", {})}, **more)


def _at_level(label: str, strategy: str) -> Method:
    """EGCA with places that are wrong with a fixed probability; learned at EGCA's rate."""
    return _credit(label, f"harness.studies.noisy:{strategy}", rate_of="egca", ours=True,
                   presets=("tiny",))  # fmt: skip


def _by_model(label: str, alias: str) -> Method:
    """EGCA with a model that localizes, which needs students that write real programs."""
    return _credit(label, "egca", options={"debugger.name": alias}, presets=PRESETS[1:])


_UNIFORM = {"credit.strategy": "uniform"}
_SFT = {**_UNIFORM, "objective.name": "sft"}
_CRITIC = {"objective.critic_learning_rate": 1e-3}
_EXERCISES = {"alignment.share": 0.4}
_LONGEST = {"alignment.input": "longest"}  # generated tests begin with the empty input
_TEACHER_MODEL = "Qwen/Qwen2.5-Coder-7B-Instruct"
_TINY_TEACHER = {"teacher.model": "tiny:teacher-medium"}


def _aligned(label: str, options: Mapping[str, Any]) -> Method:
    """CodeRL+'s exercises beside a method; their answers are no part of its pass rate."""
    return Method(label, {**options, **_EXERCISES}, tiny=_LONGEST)


def _rlef(label: str, feedback: str, rate_of: str = "") -> Method:
    """Dialogues of up to three programs; a third of the prompts keeps the budget of rollouts."""
    return Method(
        label,
        {**_UNIFORM, "objective.name": "rlef", "dialogue.feedback": feedback},
        note="its pass@1 is of one program without feedback, like the others'",
        has_curve=False,
        rate_of=rate_of,
        tiny={**_CRITIC, "rollout.prompts_per_step": 3},
    )


METHODS: dict[str, Method] = {
    BASE: Method("base"),
    "sft": Method(
        "SFT",
        _SFT,
        has_curve=False,
        note="learns to write the references; on tiny they are of the family that is tested",
    ),
    "ppo": Method(
        "PPO",
        {
            **_UNIFORM,
            "objective.name": "ppo",
            "objective.num_iterations": 2,
            "objective.minibatches": 4,
        },
        tiny=_CRITIC,
        note="the critic's own learning rate is fixed; only the policy's is tuned",
    ),
    BASELINE: _credit("GRPO", "uniform"),
    "rltf": _credit(
        "RLTF", "rltf", options={"supervised.weight": 1.0}, note="without its online buffer"
    ),
    "stepcoder": _credit("StepCoder-mask", "stepcoder"),
    "coderl-plus": _aligned("CodeRL+", _UNIFORM),
    "egca": _credit("EGCA", "egca"),
    "tempo": _credit("TEMPO", "tempo"),
    "reinforce++": Method("REINFORCE++", {**_UNIFORM, "objective.name": "reinforce++"}),
    "dapo": Method(
        "DAPO",
        {
            **_UNIFORM,
            "objective.epsilon_high": 0.28,
            "objective.loss_normalisation": "token",
            "objective.beta": 0.0,
            "objective.resample": 4,
        },
        note="without the penalty for over-long completions; what it samples again comes on top "
        "of the budget and leaves out groups that all pass or fail, so its rollouts make no curve",
        has_curve=False,
    ),
    "rlef": _rlef("RLEF", "real"),
    "grpo-lambda": _credit("GRPO-lambda", "grpo-lambda"),
    TEACHER: Method("the teacher itself", presets=("tiny",)),
    "teacher-sft": Method(
        "Teacher SFT",
        {**_SFT, "supervised.source": "teacher", "teacher.model": _TEACHER_MODEL},
        tiny=_TINY_TEACHER,
        has_curve=False,
    ),
    "teacher-critique": Method(
        "Teacher-critique RL",
        {**_UNIFORM, "reward.critique": 0.5, "debugger.name": "qwen-7b"},
        tiny={**_TINY_TEACHER, "debugger.name": "trace"},
        note="on tiny the score is the likelihood of a program's least likely token under the "
        "teacher",
    ),
    "random-span": _credit("random span", "random-span"),
    "late-span": _credit("late span", "late-span"),
    **{
        f"soft-{t}": _credit(
            f"soft mask, temperature {t}",
            "soft",
            options={"credit.options.temperature": float(t)},
            rate_of="" if t == 4 else "soft-4",
        )
        for t in (1, 4, 16)
    },
    "egca-no-gate": _credit("no gate", "egca-no-gate"),
    "egca-no-constraints": _credit("no constraints", "egca-no-constraints"),
    "egca-unconfirmed": _credit("unconfirmed spans", "egca-unconfirmed"),
    "egca-exception": _credit("exceptions by trace", "egca-exception"),
    "egca-cap-2": _credit(
        "cap 2", "egca-cap", options={"credit.options.cap": 2.0}, rate_of="egca-cap", ours=True
    ),
    "egca-cap": _credit("cap 4", "egca-cap", ours=True),
    "egca-mask": _credit("mask", "egca-mask", ours=True),
    "survival": _credit("survival", "survival", ours=True),
    "egca-contrast": _credit("contrast", "egca-contrast", ours=True),
    "wrong-100": _at_level("every place wrong", "WRONG_100"),
    "wrong-50": _at_level("1 in 2 places wrong", "WRONG_50"),
    "wrong-25": _at_level("1 in 4 places wrong", "WRONG_25"),
    "wrong-10": _at_level("1 in 10 places wrong", "WRONG_10"),
    "qwen-1.5b": _by_model("Qwen2.5-Coder-1.5B", "qwen-1.5b"),
    "qwen-7b": _by_model("Qwen2.5-Coder-7B", "qwen-7b"),
    "sonnet-4.5": _by_model("Claude Sonnet 4.5", "sonnet-4.5"),
    "coderl-plus-alignment-only": _aligned(
        "alignment only", {**_UNIFORM, "alignment.learns_code": False}
    ),
    "rlef-random": _rlef("RLEF with random feedback", "random", rate_of="rlef"),
}
METHODS |= {
    f"{name}-aligned": replace(
        METHODS[name],
        label=f"{METHODS[name].label} with alignment",
        options={**METHODS[name].options, **_EXERCISES},
        tiny=_LONGEST,
    )
    for name in ("reinforce++", "dapo")
}

# Share of the trace debugger's places that a method leaves where they are.
KEPT: dict[str, float] = {
    "wrong-100": 0.0, "wrong-50": 0.5, "wrong-25": 0.75, "wrong-10": 0.9, "egca": 1.0
}  # fmt: skip

# Published rows that are no method to train here: other models, and checkpoints to evaluate.
LABELS: dict[str, str] = {"soft": "soft mask"}


def label_of(method: str) -> str:
    """How a table names it."""
    return METHODS[method].label if method in METHODS else LABELS.get(method, method)


def trainable(methods: Iterable[str], preset: str = "tiny") -> list[str]:
    """Those that can be trained, GRPO aside, which every table has for comparison."""
    others = [name for name in methods if name not in (*UNTRAINED, BASELINE)]
    return [name for name in others if not METHODS[name].missing(preset)]


def chosen(names: str | None, table: tuple[str, ...]) -> tuple[str, ...]:
    """The methods of a table that `--methods` names, in the table's order; all without it.

    Raises: InputError for one that the table does not have.
    """
    if names is None:
        return table
    wanted = [name.strip() for name in names.split(",") if name.strip()]
    if not wanted:
        raise InputError("--methods names none")
    for name in wanted:
        if name not in table:
            near = difflib.get_close_matches(name, table, 1)
            hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(table)}"
            raise InputError(f"--methods {name}: not in this table; {hint}")
    return tuple(name for name in table if name in wanted)
