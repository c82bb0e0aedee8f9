"""Prices, tallies, and a ceiling that is kept."""

from __future__ import annotations

import datetime

import pytest
from asking import ASKED, opened
from wire import Wire

from egca.errors import CostError, ProviderError
from egca.providers import Message, Sampling, metered
from egca.providers.prices import Price, price_of, table
from egca.providers.registry import sonnet_4_5


def test_a_call_costs_what_the_table_says() -> None:
    price = price_of("anthropic", "claude-sonnet-4-5-20250929")
    assert price == price_of("anthropic", "claude-sonnet-4-5") == Price(3.0, 15.0, 0.3, 3.75)
    cost = price.cost(1_000_000, 100_000, 2_000_000, 400_000)
    assert cost == pytest.approx(3.0 + 1.5 + 0.6 + 1.5)
    assert price_of("openai", "a-model-of-next-year") is None


def test_the_table_is_dated_and_whole() -> None:
    for provider, prices in table().items():
        assert datetime.date.fromisoformat(prices["date"]) <= datetime.date.today()
        assert prices["verify"].startswith("https://")
        for name in prices["models"]:
            price = price_of(provider, name)
            assert price is not None
            assert 0 < price.cache_read < price.input <= price.cache_write < price.output
    provider, _, model = sonnet_4_5().partition(":")
    assert price_of(provider, model) is not None


def test_a_reply_and_the_tally_carry_the_cost(wire: Wire) -> None:
    wire_model = opened(wire, "anthropic").provider
    wire_model.price = Price(3.0, 15.0, 0.3, 3.75)  # type: ignore[attr-defined]
    model = metered(wire_model)
    reply = model.complete(ASKED, Sampling())
    cost = (10 * 3.0 + 6 * 0.3 + 4 * 3.75 + 7 * 15.0) / 1_000_000
    assert reply.cost_usd == pytest.approx(cost)
    assert model.usage.cost_usd == pytest.approx(cost)
    assert str(model.usage) == "1 calls, 20 + 7 tokens, $0.0002"


@pytest.mark.parametrize("concurrency", [1, 8])
def test_a_ceiling_is_never_passed(wire: Wire, concurrency: int) -> None:
    wire.script = ["echo"]
    wire_model = opened(wire, "openai", concurrency=concurrency).provider
    wire_model.price = Price(1000.0, 2000.0, 1000.0, 1000.0)  # type: ignore[attr-defined]
    model = metered(wire_model, max_cost=0.5)
    batch = [[Message("user", "hello")] for _ in range(50)]
    with pytest.raises(CostError, match=r"of \$0\.5 are spent.*raise --max-cost to go on"):
        model.complete_many(batch, Sampling(max_tokens=20))
    assert 0.3 < model.usage.cost_usd <= 0.5
    assert len(wire.requests) == model.usage.calls
    n_calls = model.usage.calls
    assert model.usage.cost_usd == pytest.approx(n_calls * (20 * 1000.0 + 7 * 2000.0) / 1e6)


def test_a_schema_counts_as_a_part_of_the_prompt(wire: Wire) -> None:
    wire.script = ["echo"]
    wire_model = opened(wire, "openai").provider
    wire_model.price = Price(1000.0, 2000.0, 1000.0, 1000.0)  # type: ignore[attr-defined]
    schema = {"type": "object", "properties": {"text": {"description": "long " * 100}}}
    asked, sampling = [Message("user", "hello")], Sampling(max_tokens=20)
    metered(wire_model, max_cost=0.5).complete(asked, sampling)
    with pytest.raises(CostError, match="can cost"):
        metered(wire_model, max_cost=0.5).complete(asked, sampling, schema)


def test_a_ceiling_needs_a_price(wire: Wire) -> None:
    with pytest.raises(ProviderError, match="no price is known"):
        opened(wire, "openai", max_cost=1.0)
    with pytest.raises(CostError, match="must be above 0"):
        opened(wire, "openai", max_cost=0.0)
