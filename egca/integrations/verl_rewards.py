"""verl's reward manager of egca: judges and localizes in verl's reward workers, one completion a
call, and gives the score with the finding (verl_findings.py) in its extra info.

Each worker has a process of its own for the work, and that a sandbox. verl asks while siblings are
still sampled: A_i is unknown, so every failing completion is localized, also where it turns out
that all of its group failed."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import ray
from omegaconf import OmegaConf
from verl import DataProto
from verl.experimental.reward_loop import reward_loop
from verl.experimental.reward_loop.reward_manager import register
from verl.experimental.reward_loop.reward_manager.base import RewardManagerBase
from verl.trainer.ppo.v1 import trainer_base

from egca.errors import InputError
from egca.integrations.verl_data import task_of_ground_truth
from egca.integrations.verl_findings import KEY, finding_of
from egca.integrations.verl_options import MANAGER, crediting_of, rules_of, settings_of
from egca.training.assessment import Bench, Job, Task
from egca.training.crediting import Rollout
from egca.training.policy import Policy
from egca.training.sampling import Completion

_KEPT = 512  # completions after which what is known of programs is dropped: groups pass by in order


@register(MANAGER)
class EGCARewardManager(RewardManagerBase):
    """Rewards programs by their tests. Options: the section `egca` of verl's configuration."""

    def __init__(
        self,
        config: Any,
        tokenizer: Any,
        compute_score: Any = None,
        reward_router_address: str | None = None,
        reward_model_tokenizer: Any = None,
    ) -> None:
        super().__init__(config, tokenizer, compute_score)
        settings = settings_of(OmegaConf.to_container(config, resolve=True))
        self._crediting = crediting_of(settings)
        memory = settings.reward.memory
        self._bench = Bench(
            rules_of(settings, self._crediting),
            1,
            None if memory is None else Path(memory).expanduser(),
        )
        self._policy = Policy(None, tokenizer, ())
        # A bench has one user at a time; the worker's loop stays free to take calls.
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="egca-bench")
        self._n_judged = 0

    async def run_single(self, data: DataProto) -> dict[str, Any]:
        """The score of a row: reward_score is r_i; acc is 1 where every test passed.

        Of a trajectory in several sequences the last is judged, as verl's own managers do.
        """
        row = data[-1:][0]
        ids = _sampled_ids(row)
        try:
            truth = row.non_tensor_batch["reward_model"]["ground_truth"]
        except (KeyError, TypeError):
            raise InputError("a row of the data set has no reward_model.ground_truth") from None
        task = task_of_ground_truth(truth)
        if not self._crediting.strategy.constraints:
            task = Task(task.problem, None, f"{task.key}/plain")
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._thread, self._assess, task, ids)

    def _assess(self, task: Task, ids: tuple[int, ...]) -> dict[str, Any]:
        rollout = Rollout(task, (), Completion(0, 0, ids, (), True), self._policy.decode(ids))
        bench, crediting = self._bench, self._crediting
        job = Job(task, rollout.text)
        bench.request(job)
        judged = rollout.judged = bench.judged(job)
        rollout.reward = crediting.reward_of(judged)
        supposed = 1.0 if judged.passed else -1.0
        rollout.needs = crediting.strategy.wanted(judged.mode, supposed)
        if rollout.needs:
            job = Job(task, rollout.text, rollout.needs)
            bench.request(job)
            rollout.places = bench.places(job)
        self._n_judged += 1
        if self._n_judged % _KEPT == 0:
            bench.forget()
        return {
            "reward_score": rollout.reward,
            "reward_extra_info": {
                "acc": float(judged.passed),
                KEY: finding_of(rollout, crediting, self._policy),
            },
        }


def _sampled_ids(row: Any) -> tuple[int, ...]:
    """Ids of the completion of one row, without the padding on the right.

    Raises: InputError where there is none.
    """
    responses = row.batch["responses"]
    n = int(row.batch["attention_mask"][-responses.shape[-1] :].sum())
    if not n:
        raise InputError("a completion without tokens cannot be judged")
    return tuple(responses[:n].tolist())


class LastingRewardLoopManager(reward_loop.RewardLoopManager):
    """verl's manager of reward workers, whose workers come back.

    verl's own have no restarts: the calls of a worker that is killed fail, and with each its whole
    group of rollouts. Here the worker is started again, elsewhere if its node is gone, and the
    calls it had are made once more; judging twice is the same as judging once.
    """

    def _init_reward_loop_workers(self) -> None:
        self.reward_loop_workers_class = ray.remote(max_restarts=-1, max_task_retries=-1)(
            reward_loop.RewardLoopWorker
        )
        super()._init_reward_loop_workers()


@contextlib.contextmanager
def lasting_rewards() -> Iterator[None]:
    """While it is open, trainers that set themselves up get the manager above.

    verl 0.9.1 has no option for it: the class is looked up by its name in the trainer's module.
    """
    own = trainer_base.RewardLoopManager
    trainer_base.RewardLoopManager = LastingRewardLoopManager
    try:
        yield
    finally:
        trainer_base.RewardLoopManager = own
