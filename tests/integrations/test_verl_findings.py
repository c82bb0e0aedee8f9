"""What crosses from reward workers to the trainer, and the credit that is made of it: no verl."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from verl_cases import PROBLEMS, completions, sampled_ids

pytest.importorskip("torch", reason='needs the extra "train"')

from egca.credit import group_advantages
from egca.errors import CreditError, InputError
from egca.integrations.verl_findings import Sampled, finding_of, metrics_of, token_advantages
from egca.integrations.verl_options import Settings, crediting_of, rules_of, settings_of
from egca.training.assessment import Bench, Job, task_of
from egca.training.crediting import Rollout
from egca.training.policy import Policy
from egca.training.sampling import Completion


@pytest.fixture(scope="module")
def tokenizer(tiny_model):
    import transformers

    return transformers.AutoTokenizer.from_pretrained(tiny_model)


def group_of(settings, tokenizer):
    """The rollouts of one problem, judged, with A_i and the places that the rule wants."""
    crediting = crediting_of(settings)
    policy = Policy(None, tokenizer, ())
    task = task_of(PROBLEMS[0], None)
    rollouts = []
    with Bench(rules_of(settings, crediting), 1) as bench:
        for i, text in enumerate(completions(PROBLEMS[0])):
            ids = tuple(sampled_ids(tokenizer, text, is_odd=i % 2 == 1))
            rollout = Rollout(task, (), Completion(0, i, ids, (), True), policy.decode(ids))
            bench.request(Job(task, rollout.text))
            rollout.judged = bench.judged(Job(task, rollout.text))
            rollout.reward = crediting.reward_of(rollout.judged)
            rollouts.append(rollout)
        found = group_advantages([r.reward for r in rollouts], len(rollouts), scale="sample")
        for rollout, advantage in zip(rollouts, found, strict=True):
            rollout.advantage = float(advantage)
            rollout.needs = crediting.strategy.wanted(rollout.judged.mode, rollout.advantage)
            if rollout.needs:
                job = Job(task, rollout.text, rollout.needs)
                bench.request(job)
                rollout.places = bench.places(job)
    return crediting, policy, rollouts


def rows_of(crediting, policy, rollouts):
    return [
        Sampled(r.completion.ids, r.advantage, "u", finding_of(r, crediting, policy))
        for r in rollouts
    ]


@pytest.mark.parametrize("strategy", ["egca", "uniform", "egca-cap", "survival", "late-span"])
def test_credit_is_that_of_the_trainer_of_ours(tokenizer, strategy):
    settings = settings_of({"egca": {"credit": {"strategy": strategy}}})
    crediting, policy, rollouts = group_of(settings, tokenizer)
    made = token_advantages(rows_of(crediting, policy, rollouts), crediting, seed=0)
    crediting.credit(rollouts, policy, seed=0)
    for rollout, one in zip(rollouts, made, strict=True):
        assert one is not None
        np.testing.assert_array_equal(one[0], crediting.rows(rollout)[0].advantages)
        if crediting.strategy.conserves:
            assert one[0].mean(dtype=np.float64) == pytest.approx(rollout.advantage, abs=1e-6)


def test_credit_lies_on_the_tokens_of_the_bug(tokenizer):
    crediting, policy, rollouts = group_of(Settings(), tokenizer)
    rows = rows_of(crediting, policy, rollouts)
    made = token_advantages(rows, crediting, seed=0)
    marked = []
    for row, one in zip(rows, made, strict=True):
        at = np.flatnonzero(one[0])
        marked.append(policy.decode([row.ids[i] for i in at]).strip())
    assert "if x > 1 + 1:" in marked[2]
    assert "total = 1" in marked[3]
    assert "total += x.y" in marked[4]
    assert marked[5] == "="  # where the compiler stops
    assert "return totl" in marked[6]
    assert len(marked[0]) > 100  # a right one: everywhere


def test_metrics_tell_asked_in_vain_from_uniform_credit(tokenizer):
    crediting, policy, rollouts = group_of(Settings(), tokenizer)
    rollouts[2].places = replace(rollouts[2].places, fell_back=True)
    rows = rows_of(crediting, policy, rollouts)
    rows[3] = replace(rows[3], advantage=0.1)  # a failure that is better than its group
    found = metrics_of(rows, token_advantages(rows, crediting, seed=0))
    assert found["egca/fell_back"] == 1.0
    assert found["egca/uniform/positive_advantage"] == 1.0
    assert found["egca/uniform/nothing_located"] == 0.0
    assert found["egca/credited"] == 1.0
    assert metrics_of(rows, [None] * len(rows)) == {"egca/credited": 0.0}


def test_a_finding_goes_with_its_own_sequence_only(tokenizer):
    crediting, policy, rollouts = group_of(Settings(), tokenizer)
    rows = rows_of(crediting, policy, rollouts)
    other = Sampled((*rows[2].ids[:-1], 1), rows[2].advantage, "u", rows[2].finding)
    none = Sampled(rows[2].ids, rows[2].advantage, "u", None)
    made = token_advantages([rows[3], other, none], crediting, seed=0)
    assert made[0] is not None
    assert made[1:] == [None, None]


@pytest.mark.parametrize("text", ["", "{}", "[]", "null", "17", '{"ids": 16178617}'])
def test_what_is_no_finding_is_refused(text):
    row = Sampled([1, 2], -1.0, "u", text)
    with pytest.raises(InputError, match="reward_extra_info"):
        token_advantages([row], crediting_of(Settings()), 0)


@pytest.mark.parametrize(
    ("told", "said"),
    [
        ({"credit": {"scale": "none"}}, "norm_adv_by_std_in_grpo"),
        ({"reward": {"workers": 3}}, "reward.num_workers"),
        ({"reward": {"critique": 0.5}}, "egca.reward.critique"),
        ({"credit": {"stratgy": "egca"}}, "egca.credit.stratgy"),
        ({"debugger": {"budget_s": -1}}, "egca.debugger.budget_s"),
        ({"credit": {"strategy": "egca-contrast"}}, "no place"),
        ({"credit": {"strategy": "egcaa"}}, "egcaa"),
        ({"debugger": {"name": "nobody"}}, "nobody"),
    ],
)
def test_options_that_do_not_fit_are_refused_in_one_line(told, said):
    def read():
        settings = settings_of({"egca": told})
        rules_of(settings, crediting_of(settings))

    with pytest.raises((InputError, CreditError)) as error:
        read()
    assert said in str(error.value)
    assert "\n" not in str(error.value)
