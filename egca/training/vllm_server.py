"""Sampling with a vLLM server that has GPUs of its own (`rollout.engine: http://HOST:PORT`).

The server runs in vLLM's development mode, whose endpoints replace weights:

    VLLM_SERVER_DEV_MODE=1 vllm serve MODEL --logprobs-mode processed_logprobs

Weights travel through the run's folder, which trainer and server both see under the same name: the
trainer writes them there after each update, and the server reads them before it goes on. What
samples in the trainer's own process is vllm_sampling.py's."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path
from typing import Any

from egca.errors import InputError, MissingExtraError, ProviderError
from egca.providers.needs import is_installed
from egca.training.config import Rollout
from egca.training.distributed import World
from egca.training.policy import Policy
from egca.training.sampling import Completion
from egca.training.vllm_sampling import seeds_of

EXTENSION = "egca.training.vllm_worker.Extension"
_PATIENCE_S = 600.0  # of a request: all completions of a prompt, or reading weights
_START = "start it with VLLM_SERVER_DEV_MODE=1 vllm serve MODEL --logprobs-mode processed_logprobs"


class ServerSampler:
    """Samples with a server that takes over the policy's weights, at once and after each update.

    Args:
        max_length: tokens of a prompt and its completion.
        folder: where weights are handed over; whole, as the server sees it too.
        seed: each call draws from it and the number of calls before, so that a resumed run goes on
            with the same seeds.
        world: of the processes that share the server; the first one hands the weights over.
    Raises: MissingExtraError; InputError for a server that is not there, or runs otherwise than
        it has to; ProviderError later on, where it does not answer any more.
    """

    def __init__(
        self,
        policy: Policy,
        options: Rollout,
        max_length: int,
        seed: int,
        folder: Path,
        world: World,
    ) -> None:
        if not is_installed("openai"):
            raise MissingExtraError("rollout.engine with an address", "llm")
        from openai import OpenAI

        self._policy = policy
        self._options = options
        self._seed = seed
        self._folder = folder.absolute()
        self._world = world
        self._n_calls = 0
        self._n_handed = 0
        self._url = options.engine.rstrip("/")
        key = os.environ.get("EGCA_API_KEY") or "none"
        self._client = OpenAI(base_url=f"{self._url}/v1", api_key=key, timeout=_PATIENCE_S)
        self._control = self._client.with_options(base_url=self._url)
        self._model, self._is_packed = self._checked(max_length)
        self.refresh()

    def sample(self, prompts: Sequence[Sequence[int]], n: int) -> Iterator[Completion]:
        """n completions of each prompt, prompt by prompt as they come back."""
        seeds = seeds_of(self._seed, self._n_calls, len(prompts), n)
        self._n_calls += 1
        pool = ThreadPoolExecutor(max(self._options.batch_size // n, 1))
        try:
            asked = {
                pool.submit(self._asked, prompt, n, seed): i
                for i, (prompt, seed) in enumerate(zip(prompts, seeds, strict=True))
            }
            for future in as_completed(asked):
                for one in future.result().choices:
                    ids = tuple(one.token_ids)
                    logprobs = tuple(one.logprobs.token_logprobs)
                    has_ended = one.finish_reason == "stop"
                    yield Completion(asked[future], one.index % n, ids, logprobs, has_ended)
        finally:
            pool.shutdown(cancel_futures=True)

    def refresh(self) -> None:
        """Hand the policy's weights over; no process goes on before the server has them."""
        if self._world.is_main:
            self._hand_over()
        self._world.gather(None)

    def state(self) -> dict[str, Any]:
        """How many calls there were."""
        return {"calls": self._n_calls}

    def restore(self, state: dict[str, Any]) -> None:
        """Go on from a state."""
        self._n_calls = state["calls"]

    def _asked(self, prompt: Sequence[int], n: int, seed: int) -> Any:
        options = self._options
        with _Reached(self._url):
            return self._client.completions.create(
                model=self._model,
                prompt=list(prompt),
                n=n,
                temperature=options.temperature,
                top_p=options.top_p,
                max_tokens=options.max_completion_length,
                logprobs=0,
                seed=seed,
                extra_body={"stop_token_ids": [*self._policy.ends], "return_token_ids": True},
            )

    def _hand_over(self) -> None:
        self._n_handed += 1
        before = self._folder / str(self._n_handed - 1)
        now = self._folder / str(self._n_handed)
        try:
            shutil.rmtree(now, ignore_errors=True)
            self._policy.model.save_pretrained(now)
        except OSError as error:
            raise InputError(f"{now}: weights cannot be handed over: {error}") from None
        self._call("reload_weights", weights_path=str(now))
        if self._is_packed:
            self._call("renew_tied_head")
        with _Reached(self._url):
            emptied: Any = self._control.post("/reset_prefix_cache", cast_to=object)
        if not emptied["success"]:
            raise ProviderError(f"{self._url}: is in use by others; old keys and values remain")
        shutil.rmtree(before, ignore_errors=True)

    def _call(self, method: str, **arguments: str) -> None:
        body = {"method": method, "kwargs": arguments}
        with _Reached(self._url):
            self._control.post("/collective_rpc", body=body, cast_to=object)

    def _checked(self, max_length: int) -> tuple[str, bool]:
        """The name of the server's model, and whether its output layer is a packed copy.

        Raises: InputError in one line for a server that cannot be used.
        """
        from openai import APIConnectionError, NotFoundError

        try:
            model = self._client.models.list().data[0].id
            found: Any = self._control.get("/server_info?config_format=json", cast_to=object)
        except APIConnectionError:
            raise InputError(f"rollout.engine {self._url}: no server answers; {_START}") from None
        except NotFoundError:
            raise InputError(f"rollout.engine {self._url}: its weights cannot be replaced; "
                             f"{_START}") from None  # fmt: skip
        config = found["vllm_config"]
        options, mode = self._options, config["model_config"]["logprobs_mode"]
        if mode != "processed_logprobs" and (options.temperature != 1 or options.top_p != 1):
            raise InputError(
                f"rollout.engine {self._url}: its log-probabilities are {mode}, of another "
                f"temperature than that of sampling; {_START}"
            )
        taken = config["model_config"]["max_model_len"]
        if taken < max_length:
            raise InputError(
                f"rollout.engine {self._url}: takes {taken} tokens, and a prompt with its "
                f"completion has up to {max_length}: add --max-model-len {max_length}"
            )
        is_packed = str(config["device_config"]["device"]) == "cpu"
        if is_packed and config["parallel_config"]["worker_extension_cls"] != EXTENSION:
            raise InputError(
                f"rollout.engine {self._url}: on a processor it keeps a packed copy of old "
                f"weights; add --worker-extension-cls {EXTENSION}"
            )
        return model, is_packed


class _Reached:
    """A block in which the server answers. Raises: ProviderError in one line where it does not."""

    def __init__(self, url: str) -> None:
        self._url = url

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        from openai import OpenAIError

        if isinstance(error, OpenAIError):
            reason = " ".join(str(error).split())[:300]
            raise ProviderError(
                f"rollout.engine {self._url}: {reason}; --resume goes on once it answers"
            ) from None
