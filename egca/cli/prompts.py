"""`egca prompts list|show|render|diff`: what models are asked."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from egca.cli.output import print_json
from egca.errors import InputError

if TYPE_CHECKING:
    from egca.prompts import Prompt

app = typer.Typer(
    name="prompts",
    help="List, show, fill in and compare the prompts that models get.\n\n"
    "Example: egca prompts show generation",
    add_completion=False,
    no_args_is_help=True,
    rich_markup_mode=None,
)

Name = Annotated[str, typer.Argument(metavar="NAME", help="NAME, NAME@vN or a file.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@app.command(name="list")
def list_prompts(json: AsJson = False) -> None:
    """List every version of every prompt.

    Example: egca prompts list
    """
    from egca.prompts import all_prompts, released

    found = list(all_prompts())
    if json:
        print_json({prompt.id: prompt.digest for prompt in found})
        return
    digests = released()
    width = max((len(prompt.id) for prompt in found), default=0)
    for prompt in found:
        state = "" if digests.get(prompt.id) == prompt.digest else "  (not released)"
        print(f"{prompt.id:<{width}}  {prompt.about} (inputs: {', '.join(prompt.inputs)}){state}")


@app.command()
def show(name: Name, json: AsJson = False) -> None:
    """Show a prompt's template, its inputs and the form of its answer.

    Example: egca prompts show generation@v1
    """
    from egca.prompts import load_prompt

    prompt = load_prompt(name)
    if json:
        print_json(_about(prompt))
        return
    print(f"{prompt.id}: {prompt.about}")
    for key, about in prompt.inputs.items():
        print(f"input   {key}: {about}")
    print(f"output  {prompt.output}")
    if prompt.notes:
        print(f"notes   {prompt.notes}")
    print(f"sha256  {prompt.digest}")
    for part in prompt.template:
        print(f"\n--- {part.role}\n{part.content}")


@app.command()
def render(
    name: Name,
    inputs: Annotated[Path, typer.Option("--with", help="A JSON object of inputs.")],
    json: AsJson = False,
) -> None:
    """Show the messages as a model gets them.

    Example: egca prompts render generation --with inputs.json
    """
    from egca.prompts import load_prompt

    messages = load_prompt(name).render(**_inputs(inputs))
    if json:
        print_json([{"role": part.role, "content": part.content} for part in messages])
        return
    print("\n\n".join(f"--- {part.role}\n{part.content}" for part in messages))


@app.command()
def diff(
    name: Name,
    other: Annotated[
        str | None,
        typer.Argument(
            metavar="[OTHER]",
            help="The newer one. Default: the latest version of NAME, from the one before it.",
            show_default=False,
        ),
    ] = None,
) -> None:
    """Show what differs between two prompts. Status 0: nothing; 1: something; 2: bad input.

    Example: egca prompts diff generation complete
    """
    from difflib import unified_diff

    from egca.prompts import load_prompt

    older, newer = _pair(name) if other is None else (load_prompt(name), load_prompt(other))
    lines = list(unified_diff(_lines(older), _lines(newer), older.id, newer.id, lineterm="", n=3))
    for line in lines:
        print(line)
    raise typer.Exit(1 if lines else 0)


def _pair(name: str) -> tuple[Prompt, Prompt]:
    """The two latest versions of a prompt, or a certain one and the one before it."""
    from egca.prompts import load_prompt

    newer = load_prompt(name)
    if name.endswith(".md") or newer.version == 1:
        raise InputError(f"{newer.id} has no version before it; name two prompts")
    return load_prompt(f"{newer.name}@v{newer.version - 1}"), newer


def _lines(prompt: Prompt) -> list[str]:
    """A prompt as lines of text: inputs, schema, messages."""
    from json import dumps

    found = [f"about: {prompt.about}", f"output: {prompt.output}"]
    found += [f"input.{key}: {about}" for key, about in prompt.inputs.items()]
    found += dumps(prompt.schema, indent=2).split("\n")
    for part in prompt.template:
        found += [f"# {part.role}", *part.content.split("\n")]
    return found


def _about(prompt: Prompt) -> dict[str, Any]:
    return {
        "id": prompt.id,
        "sha256": prompt.digest,
        "about": prompt.about,
        "notes": prompt.notes,
        "inputs": prompt.inputs,
        "output": prompt.output,
        "schema": prompt.schema,
        "messages": [{"role": part.role, "content": part.content} for part in prompt.template],
    }


def _inputs(path: Path) -> dict[str, Any]:
    from egca.files import read_whole
    from egca.jsonlines import json_object

    return json_object(read_whole(path), str(path))
