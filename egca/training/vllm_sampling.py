"""Sampling with vLLM inside the trainer's process (`rollout.engine: vllm`).

vLLM has weights of its own, which take over the policy's after each update; between a step's
sampling and the next it sleeps where it can, so that its cache leaves the GPU to the trainer. Its
log-probabilities differ from the trainer's by rounding: update.py logs and corrects that. Run on
the CPU build of vLLM 0.32 with one process; sleep mode, several processes and speed have not been
run for lack of a GPU."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch

from egca.errors import InputError, MissingExtraError
from egca.training.config import Rollout
from egca.training.policy import Policy
from egca.training.sampling import Completion
from egca.training.vllm_worker import renew_tied_head


class VllmSampler:
    """Samples with a vLLM engine that holds the policy's weights.

    Args:
        max_length: tokens of a prompt and its completion.
        seed: each call draws from it and the number of calls before, so that a resumed run goes on
            with the same seeds.
    Raises: MissingExtraError, InputError where vLLM does not start.
    """

    def __init__(self, policy: Policy, options: Rollout, max_length: int, seed: int) -> None:
        os.environ["VLLM_ENABLE_V1_MULTIPROCESSING"] = "0"  # weights are handed over in memory
        os.environ.setdefault("VLLM_LOGGING_LEVEL", "ERROR")  # each refresh warns of tied weights
        try:
            from vllm import LLM
        except ImportError:
            raise MissingExtraError("rollout.engine vllm", "vllm") from None
        self._policy = policy
        self._options = options
        self._seed = seed
        self._n_calls = 0
        self._sleeps = policy.device.type == "cuda"
        self._is_asleep = False
        with TemporaryDirectory() as folder:
            policy.save(Path(folder))
            try:
                self._engine = LLM(
                    folder,
                    dtype=str(policy.model.dtype).removeprefix("torch."),
                    max_model_len=max_length,
                    max_num_seqs=options.batch_size,
                    gpu_memory_utilization=options.gpu_memory_utilization,
                    enable_sleep_mode=self._sleeps,
                    logprobs_mode="processed_logprobs",  # at the temperature of sampling
                    distributed_executor_backend="external_launcher" if _world() > 1 else None,
                    seed=seed,
                )
            except (RuntimeError, ValueError) as error:
                reason = " ".join(str(error).split())[:300]
                raise InputError(f"rollout.engine vllm does not start: {reason}") from None

    def sample(self, prompts: Sequence[Sequence[int]], n: int) -> Iterator[Completion]:
        """n completions of each prompt."""
        from vllm import SamplingParams

        asked = [
            SamplingParams(
                n=n,
                temperature=self._options.temperature,
                top_p=self._options.top_p,
                max_tokens=self._options.max_completion_length,
                stop_token_ids=list(self._policy.ends),
                logprobs=0,
                detokenize=False,
                seed=own,
            )
            for own in seeds_of(self._seed, self._n_calls, len(prompts), n)
        ]
        self._n_calls += 1
        self._wake()  # a step samples again where groups are replaced, and in dialogues
        given = [{"prompt_token_ids": list(prompt)} for prompt in prompts]
        for i, output in enumerate(self._engine.generate(given, asked, use_tqdm=False)):
            for one in output.outputs:
                ids = tuple(one.token_ids)
                logprobs = tuple(
                    at[token].logprob for at, token in zip(one.logprobs, ids, strict=True)
                )
                yield Completion(i, one.index, ids, logprobs, one.finish_reason == "stop")
        if self._sleeps:
            self._engine.sleep(level=1)
            self._is_asleep = True

    @torch.no_grad()
    def refresh(self) -> None:
        """Hand the policy's weights over."""
        self._wake()
        weights = [(name, p.data) for name, p in self._policy.model.named_parameters()]
        self._engine.collective_rpc("reload_weights", kwargs={"weights_iterator": weights})
        self._engine.collective_rpc(renew_tied_head)
        self._engine.reset_prefix_cache()

    def _wake(self) -> None:
        if self._is_asleep:
            self._engine.wake_up()
            self._is_asleep = False

    def state(self) -> dict[str, Any]:
        """How many calls there were."""
        return {"calls": self._n_calls}

    def restore(self, state: dict[str, Any]) -> None:
        """Go on from a state."""
        self._n_calls = state["calls"]


def seeds_of(seed: int, n_calls: int, n_prompts: int, n: int) -> list[int]:
    """A seed for each prompt of a call; vLLM gives completion k the prompt's plus k.

    >>> seeds_of(0, 1, 2, 8)
    [65537, 65545]
    """
    first = (seed * 1_000_003 + n_calls) * 65_537 % 2**62  # vLLM takes 64 bits with a sign
    return [first + i * n for i in range(n_prompts)]


def _world() -> int:
    return int(os.environ.get("WORLD_SIZE", "1"))
