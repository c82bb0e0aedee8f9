"""`EGCATrainer`: TRL's GRPOTrainer whose advantages are an array for each completion.

Two of TRL's methods are extended, each through super(): `_calculate_rewards`, to keep what every
reward function gave, and `_generate_and_score_completions`, to put (B, T) advantages where TRL put
(B,). TRL's loss takes both. A_i itself, and everything else, is TRL's."""

from __future__ import annotations

import time
import weakref
from collections.abc import Sequence
from typing import Any, ClassVar

import torch
from accelerate.utils import gather, gather_object
from torch import Tensor
from trl import GRPOTrainer

from egca.credit import Evidence, TokenCredit, advantage_part, assign, pad
from egca.errors import InputError
from egca.integrations.trl.config import EGCAConfig, check_fits, crediting_of, rules_of
from egca.integrations.trl.data import check_columns
from egca.integrations.trl.judging import Judge
from egca.training.assessment import Bench
from egca.training.crediting import scaled
from egca.training.metrics import Means
from egca.training.policy import Policy
from egca.training.summary import summarise

_LOGGED = ("localized", "located", "confirmed", "multiplier_max", "effective_tokens", "fell_back")


class EGCATrainer(GRPOTrainer):
    """GRPOTrainer for programs: tests reward, and the advantage sits where behaviour goes wrong.

    Takes what GRPOTrainer takes, with these differences.

    Args:
        reward_funcs: further ones; the tests are the first reward, so the first of
            `args.reward_weights` and of what `rewards_per_func` holds is theirs. Of an advantage,
            only what the tests contribute is concentrated; the rest lies evenly on all tokens.
        args: an EGCAConfig.
        train_dataset, eval_dataset: with the columns prompt and problem, and constraints if the
            prompts show any; `problem_dataset` makes them.
        tools, environment_factory: refused.
    Raises: InputError, before anything is loaded, for data that cannot be read and for options
        under which tokens would not get their credit.
    """

    _tag_names: ClassVar[list[str]] = ["trl", "grpo", "egca"]

    def __init__(
        self,
        model: Any,
        reward_funcs: Any = None,
        args: EGCAConfig | None = None,
        train_dataset: Any = None,
        eval_dataset: Any = None,
        processing_class: Any = None,
        reward_processing_classes: Any = None,
        **options: Any,
    ) -> None:
        args = EGCAConfig() if args is None else args
        if not isinstance(args, EGCAConfig):
            raise InputError(f"EGCATrainer: args is an EGCAConfig, not a {type(args).__name__}")
        further = _listed(reward_funcs)
        self._crediting = crediting_of(args)
        rules = rules_of(args, self._crediting)
        unfit = [name for name in ("tools", "environment_factory") if options.get(name)]
        check_fits(args, self._crediting.strategy, 1 + len(further), unfit)
        self._check_data(train_dataset, eval_dataset)
        bench = Bench(rules, args.judge_workers)
        # Not in train(): evaluate() alone judges as well.
        self._close = weakref.finalize(self, bench.__exit__)
        self._judge = Judge(bench, self._crediting)
        self._rewards: Tensor | None = None  # (N, F) of all processes, the tests first
        if reward_processing_classes is not None:
            reward_processing_classes = [None, *_listed(reward_processing_classes)]
        super().__init__(
            model,
            reward_funcs=[self._judge, *further],
            args=args,
            train_dataset=train_dataset,
            eval_dataset=eval_dataset,
            processing_class=processing_class,
            reward_processing_classes=reward_processing_classes,
            **options,
        )
        self._judge.policy = Policy(self.model, self._tokenizer, tuple(self.eos_token_ids))

    def _check_data(self, train: Any, evaluation: Any) -> None:
        if train is None:
            raise InputError("EGCATrainer: train_dataset is missing; problem_dataset makes one")
        named = {"train_dataset": train}
        if evaluation is not None:
            is_many = hasattr(evaluation, "items")
            named |= (
                {f"eval_dataset[{name!r}]": one for name, one in evaluation.items()}
                if is_many
                else {"eval_dataset": evaluation}
            )
        with_constraints = self._crediting.strategy.constraints
        for name, dataset in named.items():
            check_columns(dataset, name, with_constraints=with_constraints)

    def _calculate_rewards(self, *args: Any, **kwargs: Any) -> Tensor:
        self._rewards = super()._calculate_rewards(*args, **kwargs)
        return self._rewards

    def _generate_and_score_completions(self, inputs: Any) -> dict[str, Any]:
        output: dict[str, Any] = super()._generate_and_score_completions(inputs)
        if "tool_mask" in output:
            raise InputError("EGCATrainer: a rollout_func that gives env_mask is not supported")
        if self.model.training:
            advantages = output["advantages"]  # (B,)
            columns = output["completion_ids"].size(1)
            output["advantages"] = self._token_advantages(advantages, columns)
        self._judge.forget()
        return output

    def _token_advantages(self, advantages: Tensor, n_columns: int) -> Tensor:
        """T_i a_{i,t} of shape (B, T), 0 behind the end of a completion.

        Where all tokens have the same credit that is A_i, as in (B,); the sum is A_i T_i, as far as
        the rule keeps sums. Also under losses that do not divide by T_i: there a long completion
        weighs more, under TRL's own advantages and these alike.
        """
        started = time.perf_counter()
        parts = self._of_tests(advantages)
        self._judge.locate(parts)
        rollouts = self._judge.rollouts
        policy = self._judge.policy
        assert policy is not None
        evidence = [self._crediting.evidence(rollout, policy) for rollout in rollouts]
        rows = []
        for rollout, credit, whole in zip(
            rollouts, self._credits(evidence), advantages.tolist(), strict=True
        ):
            rollout.credit = credit
            row = scaled(credit.advantages, rollout.n_tokens, rollout.advantage)
            rows.append(row.astype(float) + (whole - rollout.advantage))
        self._log_credit(time.perf_counter() - started)
        return torch.tensor(pad(rows, n_columns), dtype=advantages.dtype, device=advantages.device)

    def _of_tests(self, advantages: Tensor) -> list[float]:
        """What the tests contribute to each A_i of this process."""
        own: list[float] = advantages.tolist()
        assert self._rewards is not None
        if self._rewards.size(1) == 1:
            return own
        weighted = (self._rewards * self.reward_weights.to(self._rewards.device)).double()
        parts = advantage_part(
            weighted[:, 0].cpu().numpy(),
            weighted.nansum(dim=1).cpu().numpy(),
            gather(advantages).double().cpu().numpy(),
            self.num_generations,
        )
        first = self.accelerator.process_index * len(own)
        mine: list[float] = parts[first : first + len(own)].tolist()
        return mine

    def _credits(self, evidence: list[Evidence]) -> list[TokenCredit]:
        """Credit of this process's completions; groups may be spread over processes."""
        n, size = len(evidence), self.num_generations
        first = self.accelerator.process_index * n
        begin = first
        if n % size:
            evidence, begin = gather_object(evidence), 0
        seed = self.args.seed * 1_000_003 + self._step * 1_009
        credits: list[TokenCredit] = []
        for at in range(0, len(evidence), size):
            number = (begin + at) // size
            credits += assign(
                evidence[at : at + size],
                self._crediting.strategy,
                options=self._crediting.options,
                seed=seed + number,
            )
        return credits[first - begin : first - begin + n]

    def _log_credit(self, seconds: float) -> None:
        means = Means()
        summarise([self._judge.rollouts], means)
        merged = Means()
        for part in gather_object([means]):
            merged.include(part)
        values = merged.values()
        log = self._metrics["train"]
        for name in _LOGGED:
            if name in values:  # where nothing was looked for, nothing was found or missed
                log[f"egca/{name}"].append(float(values[name]))
        log["egca/credit_s"].append(seconds)


def _listed(value: Any) -> Sequence[Any]:
    if value is None:
        return []
    return value if isinstance(value, list) else [value]
