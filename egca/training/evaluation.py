"""pass@1 of a policy on problems held out, judged like rollouts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from egca.training.assessment import Bench, Job
from egca.training.data import Prompt
from egca.training.policy import Policy
from egca.training.sampling import PolicySampler
from egca.types import Mode


def evaluate(
    policy: Policy,
    prompts: Sequence[Prompt],
    bench: Bench,
    *,
    max_tokens: int,
    temperature: float = 0.0,
    batch_size: int = 64,
    n: int = 1,
    seed: int = 0,
) -> dict[str, Any]:
    """Mean share of passing completions, and shares of the modes.

    Returns: pass_at_1; n, the number of completions; modes, the share of each; solved, for each
        problem's id the share of its completions that pass, which comparisons pair by.

    Args:
        temperature: 0 is greedy. n: completions a problem; with a seed of their own, so that
            evaluating does not change the draws of training.
    """
    sampler = PolicySampler(
        policy, max_tokens=max_tokens, temperature=temperature, batch_size=batch_size, seed=seed
    )
    jobs = []
    for completion in sampler.sample([prompt.ids for prompt in prompts], n):
        job = Job(prompts[completion.prompt].task, policy.decode(completion.ids))
        bench.request(job)
        jobs.append(job)
    judged = [bench.judged(job) for job in jobs]
    bench.forget()
    passes = {prompt.task.problem.task_id: 0 for prompt in prompts}
    for job, one in zip(jobs, judged, strict=True):
        passes[job.task.problem.task_id] += one.passed
    total = max(len(judged), 1)
    return {
        "pass_at_1": sum(one.passed for one in judged) / total,
        "n": len(judged),
        "modes": {m.value: sum(one.mode is m for one in judged) / total for m in Mode},
        "solved": {name: count / n for name, count in passes.items()},
    }


def together(parts: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """The evaluation of all problems from those of parts of them."""
    n = sum(part["n"] for part in parts)
    return {
        "pass_at_1": sum(part["pass_at_1"] * part["n"] for part in parts) / n,
        "n": n,
        "modes": {m.value: sum(part["modes"][m.value] * part["n"] for part in parts) / n
                  for m in Mode},
        "solved": {name: share for part in parts for name, share in part["solved"].items()},
    }  # fmt: skip
