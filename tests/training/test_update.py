"""Updates: however rows are cut into micro-batches, the gradient is that of the whole step."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="needs the extra train")

from egca.errors import InputError, ProviderError  # noqa: E402
from egca.training.config import Lora, Model, Objective  # noqa: E402
from egca.training.distributed import Replica  # noqa: E402
from egca.training.metrics import Means  # noqa: E402
from egca.training.policy import (  # noqa: E402
    Policy,
    Reference,
    Scorer,
    has_flash_attention,
    load_policy,
    tokens_of,
    with_lora,
)
from egca.training.sampling import PolicySampler  # noqa: E402
from egca.training.update import Row, Totals, Updater, plan, tokens_for  # noqa: E402


@pytest.fixture
def policy(student: Path) -> Policy:
    return load_policy(Model(name=str(student)), "cpu")


def rows_of(policy: Policy, n: int = 6) -> list[Row]:
    rng = np.random.default_rng(0)
    rows = []
    for i in range(n):
        prompt = rng.integers(2, 200, 3 + i).tolist()
        completion = rng.integers(2, 200, 9 - i).tolist()
        advantages = rng.normal(size=len(completion)).astype(np.float32)
        rows.append(Row(prompt, completion, advantages, len(completion)))
    return rows


def totals_of(rows: list[Row]) -> Totals:
    return Totals(len(rows), sum(len(row.completion) for row in rows), 12)


def gradient(
    policy: Policy, rows: list[Row], objective: Objective, budget: int, chunk: int = 1_000
) -> dict[str, torch.Tensor]:
    reference = Reference(policy, 1.0, chunk) if objective.beta else None
    updater = Updater(
        policy, Replica(Scorer(policy.model, 1.0, chunk)), reference, objective,
        micro_batch_tokens=budget,
    )  # fmt: skip
    updater.prepare(rows)
    updater.backward(rows, totals_of(rows), Means())
    found = {n: p.grad.clone() for n, p in policy.model.named_parameters() if p.grad is not None}
    policy.model.zero_grad()
    return found


@pytest.mark.parametrize("normalisation", ["sequence", "token", "constant"])
def test_micro_batches_and_chunks_change_nothing(policy, normalisation) -> None:
    objective = Objective(beta=0.1, loss_normalisation=normalisation)
    whole = gradient(policy, rows_of(policy), objective, 10_000)
    parts = gradient(policy, rows_of(policy), objective, 20, chunk=4)
    for name, wanted in whole.items():
        torch.testing.assert_close(parts[name], wanted, rtol=1e-4, atol=1e-6)


def test_uniform_credit_is_grpo(policy) -> None:
    """Against the loss written down in one line, with no code of the updater's."""
    rows = rows_of(policy)
    for i, row in enumerate(rows):
        row.advantages[:] = 0.5 if i % 2 else -0.5
    found = gradient(policy, rows, Objective(beta=0.0), 10_000)
    loss = torch.zeros(())
    for row in rows:
        ids = torch.tensor([[*row.prompt, *row.completion]])
        logits = policy.model(input_ids=ids).logits[0, len(row.prompt) - 1 : -1]
        logprobs = torch.log_softmax(logits, -1).gather(-1, ids[0, len(row.prompt) :, None])[:, 0]
        ratio = torch.exp(logprobs - logprobs.detach())
        loss = loss - (ratio * float(row.advantages[0])).mean() / len(rows)
    loss.backward()
    for name, parameter in policy.model.named_parameters():
        torch.testing.assert_close(found[name], parameter.grad, rtol=1e-4, atol=1e-6)


def test_only_tokens_with_credit_are_pushed(policy) -> None:
    """The hidden state that predicts a token is the only way a token's credit gets in."""
    row = rows_of(policy, 1)[0]
    row.advantages[:] = 0.0
    row.advantages[4] = -2.0
    captured: list[torch.Tensor] = []
    handle = policy.model.lm_head.register_forward_hook(
        lambda module, inputs, output: (output.retain_grad(), captured.append(output))[-1]
    )
    gradient(policy, [row], Objective(beta=0.0), 10_000)
    handle.remove()
    pushed = captured[0].grad.abs().sum(-1)
    assert pushed.nonzero().flatten().tolist() == [4]


def test_scores_are_those_of_the_plain_model(policy) -> None:
    prompts, completions = [[5, 6, 7], [8]], [[9, 10], [11, 12, 13]]
    tokens = tokens_of(prompts, completions, policy.pad, "cpu")
    logprobs, entropy = Scorer(policy.model, temperature=0.7, chunk=2)(tokens)
    for i in range(2):
        ids = torch.tensor([[*prompts[i], *completions[i]]])
        logits = policy.model(input_ids=ids).logits[0, len(prompts[i]) - 1 : -1] / 0.7
        expected = torch.log_softmax(logits, -1)
        n = len(completions[i])
        wanted = expected.gather(-1, torch.tensor(completions[i])[:, None])[:, 0]
        torch.testing.assert_close(logprobs[i, :n], wanted, rtol=1e-4, atol=1e-5)
        spread = -(expected.exp() * expected).sum(-1)
        torch.testing.assert_close(entropy[i, :n], spread, rtol=1e-4, atol=1e-5)
    assert logprobs[0, 2] == 0
    assert not entropy.requires_grad


def test_sampled_log_probabilities_are_the_scored_ones(policy) -> None:
    sampler = PolicySampler(policy, max_tokens=40, batch_size=7, seed=1)
    prompts = [[5, 6, 7, 8], [9], [10, 11]]
    found = list(sampler.sample(prompts, 4))
    assert sorted((c.prompt, c.number) for c in found) == [
        (i, k) for i in range(3) for k in range(4)
    ]
    for one in found:
        tokens = tokens_of([prompts[one.prompt]], [one.ids], policy.pad, "cpu")
        scored = Scorer(policy.model)(tokens)[0][0]
        torch.testing.assert_close(scored, torch.tensor(one.logprobs), rtol=1e-4, atol=1e-4)
        assert one.has_ended == (one.ids[-1] in policy.ends)


def test_sampling_goes_on_from_a_state(policy) -> None:
    one = PolicySampler(policy, max_tokens=10, seed=1)
    list(one.sample([[5]], 2))
    state = one.state()
    wanted = list(one.sample([[5]], 2))
    other = PolicySampler(policy, max_tokens=10, seed=9)
    other.restore(state)
    assert list(other.sample([[5]], 2)) == wanted


def test_greedy_takes_the_likeliest(policy) -> None:
    greedy = PolicySampler(policy, max_tokens=5, temperature=0)
    first, second = greedy.sample([[5, 6]], 2)
    assert first.ids == second.ids
    logits = policy.model(input_ids=torch.tensor([[5, 6]])).logits[0, -1]
    assert first.ids[0] == int(logits.argmax())


def test_adapters_off_are_the_reference(student: Path) -> None:
    policy = load_policy(Model(name=str(student)), "cpu")
    plain = Scorer(policy.model)(tokens_of([[5]], [[6, 7]], 0, "cpu"))[0].detach()
    adapted = Policy(with_lora(policy.model, Lora(r=2)), policy.tokenizer, policy.ends)
    for name, parameter in adapted.model.named_parameters():
        if "lora_B" in name:
            torch.nn.init.normal_(parameter)
    tokens = tokens_of([[5]], [[6, 7]], 0, "cpu")
    assert not torch.allclose(Scorer(adapted.model)(tokens)[0], plain)
    torch.testing.assert_close(Reference(adapted, 1.0, 100).logprobs(tokens), plain)


def test_the_reference_recomputes_nothing(student: Path) -> None:
    policy = load_policy(Model(name=str(student), gradient_checkpointing=True), "cpu")
    reference = Reference(policy, 1.0, 100)
    passes: list[int] = []
    reference._scorer.model.model.register_forward_hook(lambda *_: passes.append(1))
    tokens = tokens_of([[5, 6, 7, 8]] * 4, [[9, 10, 11]] * 4, 0, "cpu")
    torch.testing.assert_close(reference.logprobs(tokens), Scorer(policy.model)(tokens)[0])
    assert len(passes) == 2  # the prompt once, then its completions
    assert any(getattr(part, "gradient_checkpointing", False) for part in policy.model.modules())


def test_a_wrong_sampler_is_corrected_and_logged(policy) -> None:
    """The gradient is that of advantages times min(pi / pi_sampler, bound), token by token."""
    objective, bound = Objective(beta=0.0), 2.0
    rows, scorer = rows_of(policy, 3), Scorer(policy.model)
    ratios = [np.resize([0.5, 1.0, 1.6, 5.0], row.n_tokens - len(row.prompt)) for row in rows]
    for row, ratio in zip(rows, ratios, strict=True):
        tokens = tokens_of([row.prompt], [row.completion], policy.pad, "cpu")
        mine = scorer(tokens)[0][0].detach().numpy()
        row.sampler_logprobs = (mine - np.log(ratio)).astype(np.float32)
    updater = Updater(
        policy, Replica(scorer), None, objective, micro_batch_tokens=1_000, importance_bound=bound
    )
    means = Means()
    updater.backward(rows, totals_of(rows), means)
    found = {n: p.grad.clone() for n, p in policy.model.named_parameters() if p.grad is not None}
    policy.model.zero_grad()
    for row, ratio in zip(rows, ratios, strict=True):
        row.advantages = (row.advantages * np.minimum(ratio, bound)).astype(np.float32)
        row.sampler_logprobs = None
    for name, wanted in gradient(policy, rows, objective, 1_000).items():
        torch.testing.assert_close(found[name], wanted, rtol=1e-3, atol=1e-6)
    gaps = np.abs(np.log(np.concatenate(ratios)))
    assert means.values()["sampler_gap"] == pytest.approx(gaps.mean(), rel=1e-3)
    assert means.values()["sampler_gap_max"] == pytest.approx(gaps.max(), rel=1e-3)


def test_plans_keep_to_the_budget(policy) -> None:
    rows = rows_of(policy)
    found = plan(rows, 30)
    assert sorted(id(row) for batch in found.batches for row in batch) == sorted(map(id, rows))
    for batch in found.batches:
        assert len(batch) == 1 or len(batch) * max(row.n_tokens for row in batch) <= 30
    assert 0 <= found.waste < 1


def test_a_lesson_is_scored_at_temperature_1(policy) -> None:
    """Whatever the temperature of sampling, and beside completions that were sampled at it."""
    first, second = rows_of(policy, 2)
    second.is_supervised = True
    for temperature in (0.5, 1.0):
        scorer = Scorer(policy.model, temperature)
        both = scorer(tokens_for([first, second], policy))[0]
        for i, (row, own) in enumerate(((first, temperature), (second, 1.0))):
            tokens = tokens_of([row.prompt], [row.completion], policy.pad, "cpu")
            wanted = Scorer(policy.model, own)(tokens)[0][0]
            torch.testing.assert_close(both[i, : len(wanted)], wanted, rtol=1e-4, atol=1e-5)


def test_old_log_probabilities_have_no_dropout(student: Path) -> None:
    policy = load_policy(Model(name=str(student), lora=Lora(r=2, dropout=0.5)), "cpu")
    for name, parameter in policy.model.named_parameters():
        if "lora_B" in name:
            torch.nn.init.normal_(parameter)
    objective = Objective(beta=0.0, num_iterations=2)
    updater = Updater(policy, Replica(Scorer(policy.model)), None, objective,
                      micro_batch_tokens=1_000)  # fmt: skip
    found = []
    for _ in range(2):
        rows = rows_of(policy)
        updater.prepare(rows)
        found.append(torch.cat([row.old_logprobs for row in rows]))
    assert torch.equal(*found)
    assert policy.model.training


def test_adapters_are_the_seeds(student: Path) -> None:
    def first(seed: int) -> torch.Tensor:
        policy = load_policy(Model(name=str(student), lora=Lora(r=2)), "cpu", seed)
        named = dict(policy.model.named_parameters())
        return torch.cat([p.detach().flatten() for n, p in named.items() if "lora_A" in n])

    assert torch.equal(first(0), first(0))
    assert not torch.equal(first(0), first(1))


def test_models_that_cannot_be_trained_are_one_line(student: Path, tmp_path: Path) -> None:
    transformers = pytest.importorskip("transformers", reason="needs the extra train")
    config = transformers.GPT2Config(n_embd=32, n_layer=1, n_head=2, vocab_size=300)
    transformers.GPT2LMHeadModel(config).save_pretrained(tmp_path)
    transformers.AutoTokenizer.from_pretrained(student).save_pretrained(tmp_path)
    with pytest.raises(ProviderError, match="a GPT2LMHeadModel cannot be trained here yet"):
        load_policy(Model(name=str(tmp_path)), "cpu")
    if not has_flash_attention():
        options = Model(name=str(student), attention="flash_attention_2")
        with pytest.raises(InputError, match="needs the package flash-attn"):
            load_policy(options, "cpu")


def test_a_model_that_scales_its_logits_is_refused(student: Path, tmp_path: Path) -> None:
    transformers = pytest.importorskip("transformers", reason="needs the extra train")
    small = {"hidden_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2,
             "num_key_value_heads": 2, "intermediate_size": 64, "vocab_size": 300}  # fmt: skip
    tokenizer = transformers.AutoTokenizer.from_pretrained(student)
    for scale in (1.0, 8.0):
        config = transformers.GraniteConfig(**small, logits_scaling=scale)
        transformers.GraniteForCausalLM(config).save_pretrained(tmp_path / f"{scale}")
        tokenizer.save_pretrained(tmp_path / f"{scale}")
    assert load_policy(Model(name=str(tmp_path / "1.0")), "cpu").model.training
    with pytest.raises(ProviderError, match="scale or cap logits"):
        load_policy(Model(name=str(tmp_path / "8.0")), "cpu")
