"""The adapter inside verl itself, on a Ray cluster of this machine: `make test-verl`."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from collections import defaultdict
from pathlib import Path

import numpy as np
import pytest
from verl_cases import PROBLEMS, completions, sampled_ids

pytest.importorskip("verl", reason="needs verl and Ray: make test-verl")
import ray
import torch
import transfer_queue as tq
from hydra import compose, initialize_config_module
from omegaconf import OmegaConf
from tensordict import TensorDict
from verl import DataProto
from verl.trainer.ppo.v1 import get_trainer_cls

from egca.errors import InputError
from egca.integrations.verl_data import ground_truth
from egca.integrations.verl_findings import KEY
from egca.integrations.verl_options import Settings, crediting_of
from egca.integrations.verl_rewards import LastingRewardLoopManager
from egca.integrations.verl_trainer import credit_batch
from egca.problems import row_of

pytestmark = pytest.mark.verl

EXAMPLES = Path(__file__).resolve().parents[2] / "examples" / "verl"
OPTION = re.compile(r"^  (\+{0,2}[\w.]+=\S+)", re.MULTILINE)
N_COMPLETIONS = 64


def options_of(script):
    """The options of verl that a launch file gives, its variables by their defaults."""
    text = (EXAMPLES / script).read_text()
    for name, default in re.findall(r"^(\w+)=\$\{\w+:-(.*)\}$", text, re.MULTILINE):
        text = text.replace(f"${name}", default)
    return OPTION.findall(text)


@pytest.fixture(scope="module")
def config(tiny_model):
    """The configuration of the shipped launch file, for a small machine."""
    small = [
        f"actor_rollout_ref.model.path={tiny_model}",
        "reward.num_workers=2",
        "trainer.device=cpu",
        "trainer.n_gpus_per_node=1",
        "transfer_queue.enable=True",
        "transfer_queue.backend.SimpleStorage.num_data_storage_units=1",
    ]
    with initialize_config_module("verl.trainer.config", version_base=None):
        return compose("ppo_trainer", [*options_of("train.sh"), *small])


@pytest.fixture(scope="module")
def cluster():
    ray.init(num_cpus=2, include_dashboard=False, log_to_driver=True)
    yield
    ray.shutdown()


@pytest.fixture(scope="module")
def tokenizer(tiny_model):
    import transformers

    return transformers.AutoTokenizer.from_pretrained(tiny_model)


@pytest.fixture(scope="module")
def batch(tokenizer):
    """64 completions in 8 groups, as verl's agent loops hand them to reward workers, a row each."""
    rows = []
    for g, problem in enumerate(PROBLEMS):
        for i, text in enumerate(completions(problem)):
            ids = sampled_ids(tokenizer, text, is_odd=i % 2 == 1)
            rows.append({"uid": f"u{g}", "ids": ids, "truth": ground_truth(problem, None)})
    return rows


def proto_of(row):
    responses = torch.tensor([row["ids"]])
    prompts = torch.tensor([[2, 3]])
    batch = TensorDict(
        {
            "prompts": prompts,
            "responses": responses,
            "attention_mask": torch.ones(1, responses.size(1) + 2, dtype=torch.int64),
        },
        batch_size=1,
    )
    told = np.array([{"style": "rule", "ground_truth": row["truth"]}], dtype=object)
    return DataProto(batch=batch, non_tensor_batch={"reward_model": told})


@pytest.fixture(scope="module")
def rewarded(cluster, config, batch):
    """What two reward workers say of the batch, one of which is killed in the middle."""
    manager = LastingRewardLoopManager(config)
    workers = manager.reward_loop_worker_handles
    assert len(workers) == 2
    asked = [workers[i % 2].compute_score.remote(proto_of(row)) for i, row in enumerate(batch)]
    pid = workers[0].__ray_call__.remote(lambda worker: os.getpid())
    pid = ray.get(pid)
    ray.wait(asked, num_returns=N_COMPLETIONS // 4)
    os.kill(pid, signal.SIGKILL)
    _, open_ = ray.wait(asked, num_returns=N_COMPLETIONS, timeout=0)
    found = ray.get(asked, timeout=300)
    after = ray.get(workers[0].__ray_call__.remote(lambda worker: os.getpid()))
    assert after != pid
    for worker in workers:
        ray.kill(worker)
    return found, len(open_)


def test_verl_finds_the_plugin_by_its_entry_point(cluster):
    def names():
        import verl  # noqa: F401
        from verl.experimental.reward_loop.reward_manager import get_reward_manager_cls
        from verl.trainer.ppo.v1 import get_trainer_cls

        modes = ("egca_sync", "egca_colocate_async", "egca_separate_async")
        return [get_trainer_cls(m).__name__ for m in modes], get_reward_manager_cls("egca").__name__

    trainers, manager = ray.get(
        ray.remote(names).remote()
    )  # in another process, with no import of ours
    assert trainers == ["EGCATrainerSync", "EGCATrainerColocateAsync", "EGCATrainerSeparateAsync"]
    assert manager == "EGCARewardManager"


def test_nothing_is_lost_when_a_reward_worker_is_killed(rewarded):
    found, n_open = rewarded
    assert n_open > 0  # it was killed while there was work
    assert len(found) == N_COMPLETIONS
    for at in range(0, N_COMPLETIONS, 8):
        scores = [one["reward_score"] for one in found[at : at + 8]]
        assert scores == [1.0, 1.0, 0, 0, 0, 0, 0, 0]
    told = [json.loads(one["reward_extra_info"][KEY]) for one in found]
    assert not any(one["error"] for one in told)
    assert all(one["evidence"]["located"] for one in told if not one["reward"])


def padded(batch, rewarded):
    """A batch as verl has it once it gave GRPO's advantages."""
    found, _ = rewarded
    rows = [torch.tensor(row["ids"]) for row in batch]
    responses = torch.nn.utils.rnn.pad_sequence(rows, batch_first=True)
    mask = torch.nn.utils.rnn.pad_sequence([torch.ones_like(row) for row in rows], batch_first=True)
    scores = torch.tensor([one["reward_score"] for one in found]).view(-1, 8)
    advantages = (scores - scores.mean(1, keepdim=True)) / (scores.std(1, keepdim=True) + 1e-6)
    extra = np.array([{"reward_extra_info": one["reward_extra_info"]} for one in found])
    return DataProto(
        batch=TensorDict(
            {
                "responses": responses,
                "response_mask": mask,
                "advantages": advantages.view(-1, 1) * mask,
            },
            batch_size=N_COMPLETIONS,
        ),
        non_tensor_batch={"uid": np.array([row["uid"] for row in batch]), "extra_fields": extra},
    )


def test_token_advantages_on_a_dataproto(batch, rewarded, tokenizer):
    data = padded(batch, rewarded)
    before = data.batch["advantages"].clone()
    metrics = credit_batch(data, crediting_of(Settings()))
    after, mask = data.batch["advantages"], data.batch["response_mask"]
    assert metrics["egca/credited"] == 1.0
    assert metrics["egca/modes/correct"] == 0.25
    assert metrics["egca/fell_back"] == 0.0
    assert metrics["egca/uniform/nothing_located"] == 0.0
    assert not after[mask == 0].any()
    torch.testing.assert_close((after * mask).sum(1), (before * mask).sum(1), rtol=1e-5, atol=1e-4)
    right = [i for i in range(N_COMPLETIONS) if i % 8 < 2]
    torch.testing.assert_close(after[right], before[right])
    for i in range(2, N_COMPLETIONS, 8):
        text = tokenizer.decode(data.batch["responses"][i][after[i] != 0])
        assert re.fullmatch(r"\s*if x > 1 \+ \d:\s*", text)


@pytest.fixture(scope="module")
def queue(cluster, config):
    tq.init(config.transfer_queue)
    yield
    tq.close()


def put(batch, rewarded):
    """The rows in TransferQueue, as verl's agent loops leave them there."""
    from transfer_queue import KVBatchMeta
    from verl.utils.tensordict_utils import list_of_dict_to_tensordict

    found, _ = rewarded
    keys, fields, tags = [], [], []
    counted = defaultdict(int)
    for row, one in zip(batch, found, strict=True):
        responses = torch.tensor(row["ids"])
        # Of different lengths, as prompts are: verl's layout differs where all have the same.
        prompts = torch.tensor([2, 3, 2, 3] + [2] * (len(keys) % 3))
        ids = torch.cat([prompts, responses])
        scores = torch.zeros(len(responses))
        scores[-1] = one["reward_score"]
        ones = torch.ones_like(responses)
        fields.append({
            "uid": row["uid"], "prompts": prompts, "responses": responses, "input_ids": ids,
            "position_ids": torch.arange(len(ids)),
            "response_mask": ones, "loss_mask": ones, "rm_scores": scores,
            "old_log_probs": torch.full_like(scores, -1.0),
            "ref_log_prob": torch.full_like(scores, -1.0),
            "extra_fields": {"reward_extra_info": one["reward_extra_info"]},
        })  # fmt: skip
        keys.append(f"{row['uid']}_{counted[row['uid']]}_0")
        counted[row["uid"]] += 1
        tags.append(
            {"seq_len": len(ids), "response_len": len(responses), "prompt_len": len(prompts)}
        )
    tq.kv_batch_put(
        keys=keys, fields=list_of_dict_to_tensordict(fields), tags=tags, partition_id="train"
    )
    return KVBatchMeta(partition_id="train", keys=keys, tags=tags)


def test_the_trainer_puts_credit_where_verl_put_advantages(queue, config, batch, rewarded):
    trainer = get_trainer_cls("egca_sync")(config)
    assert type(trainer.replay_buffer).__name__ == "ReplayBuffer"  # as verl's own `sync` has it
    trainer.global_steps = 1
    metrics = {}
    meta = trainer._compute_advantage(put(batch, rewarded), metrics)
    told = tq.kv_batch_get(keys=meta.keys, partition_id="train", select_fields=["advantages"])
    want = padded(batch, rewarded)
    credit_batch(want, crediting_of(Settings()))
    for i, row in enumerate(told["advantages"].unbind()):
        torch.testing.assert_close(row, want.batch["advantages"][i, : len(row)])
    assert metrics["egca/credited"] == 1.0


@pytest.mark.parametrize(
    ("option", "said"),
    [
        ("algorithm.adv_estimator=gae", "use grpo"),
        ("actor_rollout_ref.actor.policy_loss.loss_mode=gspo", "use vanilla"),
        ("reward.reward_manager.name=NaiveRewardManager", "finds no places"),
        ("+egca.credit.strategy=nothing", "nothing"),
    ],
)
def test_the_trainer_refuses_what_bends_credit(config, option, said):
    name, value = option.removeprefix("+").split("=")
    other = OmegaConf.merge(config, {})
    OmegaConf.set_struct(other, False)
    OmegaConf.update(other, name, value)
    with pytest.raises(Exception, match=said) as error:
        get_trainer_cls("egca_sync")(other)
    assert isinstance(error.value, InputError) or "EgcaError" in str(type(error.value).__mro__)


def prepared(problems, file):
    command = [sys.executable, str(EXAMPLES / "prepare.py"), str(problems), str(file)]
    return subprocess.run(command, capture_output=True, text=True)


def test_preparing_what_is_no_data_set_is_an_error_of_one_line(tmp_path):
    done = prepared(tmp_path / "none.jsonl", tmp_path / "train.parquet")
    assert done.returncode == 2
    assert done.stderr.startswith("prepare.py: error: ")
    assert done.stderr.count("\n") == 1


def test_rows_are_read_by_verls_data_set(config, tokenizer, tmp_path):
    from verl.utils.dataset.rl_dataset import RLHFDataset

    problems, file = tmp_path / "problems.jsonl", tmp_path / "made" / "train.parquet"
    problems.write_text("".join(json.dumps(row_of(one)) + "\n" for one in PROBLEMS[:2]))
    done = prepared(problems, file)
    assert (done.returncode, done.stderr) == (0, "")
    rows = RLHFDataset(data_files=str(file), tokenizer=tokenizer, config=config.data)
    assert len(rows) == 2
    assert "values above a bound" in rows[0]["raw_prompt"][-1]["content"]
    assert json.loads(rows[1]["reward_model"]["ground_truth"])["problem"]["task_id"] == "above/2"


@pytest.mark.parametrize("script", ["train.sh", "one_node.sh", "n_nodes.sh", "asynchronous.sh"])
def test_the_options_of_the_launch_files_are_verls(script):
    from verl.trainer.ppo.utils import need_critic, need_reference_policy
    from verl.utils.config import validate_config

    options = [*options_of("train.sh"), *(options_of(script) if script != "train.sh" else [])]
    with initialize_config_module("verl.trainer.config", version_base=None):
        told = compose("ppo_trainer", options)  # raises for a name that verl does not have
    validate_config(told, need_reference_policy(told), need_critic(told))
    get_trainer_cls(told.trainer.v1.trainer_mode)(told)
