"""`egca providers` and `egca providers check`: how models are reached, and whether one answers."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from egca.cli.model_options import BaseUrl, MaxCost
from egca.cli.output import print_json
from egca.errors import InputError

ACTIONS = ("list", "check")
SCHEMA = {
    "type": "object",
    "properties": {"line": {"type": "integer"}, "why": {"type": "string"}},
    "required": ["line", "why"],
    "additionalProperties": False,
}
QUESTION = (
    "This program should add two numbers, and one of its lines is wrong:\n"
    "1: def add(a, b):\n2:     return a - b\n"
    'Answer only with JSON such as {"line": 7, "why": "a few words"}.'
)


def providers(
    action: Annotated[str, typer.Argument(help="list, or check a model.")] = "list",
    name: Annotated[
        str | None,
        typer.Argument(help="PROVIDER:MODEL or a short name; for check.", show_default=False),
    ] = None,
    base_url: BaseUrl = None,
    max_tokens: Annotated[int, typer.Option(help="Longest reply, in tokens.")] = 128,
    max_cost: MaxCost = None,
    json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """List the ways to reach a chat model, or make one small call to see whether it works.

    `egca providers check NAME` shows what the model said, what it took, and whether it kept to the
    JSON schema that it was given. Status 0: it answered; 2: bad input, or no answer.

    Example: egca providers check smollm2
    """
    if action not in ACTIONS:
        raise InputError(f'"{action}" is no action: egca providers, or egca providers check NAME')
    if action == "list":
        if name is not None:
            raise InputError("egca providers list takes no name; check does")
        _list(json)
        return
    if name is None:
        raise InputError("check which model? egca providers shows how they are named")
    _check(name, {"base_url": base_url, "max_cost": max_cost}, max_tokens, json)


def _list(json: bool) -> None:
    rows, names, prices = _providers(), _names(), _prices()
    if json:
        print_json({"providers": rows, "names": names, "prices": prices})
        return
    for row in rows:
        state = "ready" if row["is_ready"] else f"lacks {', '.join(row['lacks'])}"
        print(f"{row['name'] + ':MODEL':<19} {row['about']} ({state})")
    print()
    for name, meant in names.items():
        print(f"{name:<19} {meant}")
    print()
    for provider, listed in prices.items():
        print(f"prices of {listed['date']} for {provider}: {', '.join(listed['models'])}")


def _providers() -> list[dict[str, Any]]:
    from egca.providers.needs import NEEDS, lacks_of

    rows: list[dict[str, Any]] = []
    for name, needs in NEEDS.items():
        lacks = lacks_of(name)
        rows.append({"name": name, "about": needs.about, "is_ready": not lacks, "lacks": lacks})
    return rows


def _names() -> dict[str, str]:
    from egca.errors import ProviderError
    from egca.providers import ALIASES

    found = {}
    for name, target in ALIASES.items():
        try:
            found[name] = target()
        except ProviderError as error:
            found[name] = f"({error})"
    return found


def _prices() -> dict[str, Any]:
    from egca.providers.prices import table

    return {
        provider: {"date": prices["date"], "models": list(prices["models"])}
        for provider, prices in table().items()
    }


def _check(name: str, options: dict[str, Any], max_tokens: int, json: bool) -> None:
    import sys

    from egca.errors import ReplyError
    from egca.providers import Message, Sampling, open_model, parsed
    from egca.providers.registry import takes

    if not json and takes(name, "on_text", **options):
        options["on_text"] = lambda text: print(text, end="", flush=True)
    model = open_model(name, cache=False, **options)
    reply = model.complete([Message("user", QUESTION)], Sampling(max_tokens=max_tokens), SCHEMA)
    try:
        parsed(reply.text, SCHEMA)
        form = "fits the schema"
    except ReplyError as error:
        form = f"does not fit the schema: {error}"
    left_out = sorted(getattr(model.provider, "refused", ()))
    facts = {
        "model": name,
        "reply": reply.text,
        "finish_reason": reply.finish_reason,
        "form": form,
        "prompt_tokens": reply.prompt_tokens,
        "completion_tokens": reply.completion_tokens,
        "seconds": round(reply.seconds, 2),
        "cost_usd": reply.cost_usd,
        "refused_options": left_out,
    }
    if json:
        print_json(facts)
        return
    print("" if "on_text" in options else reply.text)
    cost = "no price known" if reply.cost_usd is None else f"${reply.cost_usd:.6f}"
    tokens = f"{reply.prompt_tokens} + {reply.completion_tokens} tokens"
    print(
        f"egca: {name} answered: {form}; {tokens} in {reply.seconds:.1f} s, {cost}", file=sys.stderr
    )
