"""`egca train`: post-train a code model with execution-grounded credit; `egca train show`: look at
what a run's completions were credited with.

Options and what a person sees are decided here; training is egca/training's."""

from __future__ import annotations

import sys
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from egca.errors import InputError, MissingExtraError

if TYPE_CHECKING:
    from egca.training.config import TrainConfig

EXIT_INTERRUPTED = 130
_EXTRA = ("torch", "transformers", "accelerate", "peft", "pydantic", "yaml")

app = typer.Typer(
    name="train",
    add_completion=False,
    rich_markup_mode=None,
    invoke_without_command=True,
)


@app.callback()
def train(
    ctx: typer.Context,
    preset: Annotated[
        str | None, typer.Option(help="tiny (two CPU cores), small (one GPU) or paper (8 GPUs).")
    ] = None,
    config: Annotated[
        Path | None, typer.Option(help="A YAML file of options, over those of the preset.")
    ] = None,
    settings: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="NAME=VALUE", help="One option, as steps=100."),
    ] = None,
    credit: Annotated[
        str | None, typer.Option(help="The credit rule; egca credit list shows them.")
    ] = None,
    debugger: Annotated[
        str | None, typer.Option(help="trace, qwen-1.5b, qwen-7b, sonnet-4.5 or PROVIDER:MODEL.")
    ] = None,
    output: Annotated[Path, typer.Option(help="The folder of the run.")] = Path("run"),
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on with the run in --output.")
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what it would take, and do nothing.")
    ] = False,
    shows_fields: Annotated[
        bool, typer.Option("--fields", help="List every option that --set takes.")
    ] = False,
) -> None:
    """Post-train a code model with execution-grounded credit assignment.

    Example: egca train --preset tiny --debugger trace --credit egca --set steps=5 --output RUN

    On several GPUs: accelerate launch --num_processes 8 -m egca train --preset paper --output RUN

    Each process takes its part of a step's prompts; add --use_fsdp to accelerate launch to keep
    gradients and optimizer state in shards. On CPUs torchrun starts the processes:
    torchrun --nproc-per-node 2 -m egca train --preset tiny --output RUN

    Status 0: trained; 2: bad input; 130: interrupted, and saved for --resume.
    """
    if ctx.invoked_subcommand is not None:
        return
    if not all(find_spec(name) for name in _EXTRA):
        raise MissingExtraError("training", "train")
    from egca.training.config import fields

    if shows_fields:
        listed = fields()
        width = max(map(len, listed))
        for name, about in listed.items():
            print(f"{name:<{width}}  {about}".rstrip())
        return
    chosen = _chosen(preset, config, settings or [], credit, debugger, output, resume)
    if dry_run:
        raise typer.Exit(_show_plan(chosen))
    raise typer.Exit(_run(chosen, output, resume))


def _chosen(
    preset: str | None,
    file: Path | None,
    settings: list[str],
    credit: str | None,
    debugger: str | None,
    output: Path,
    resume: bool,
) -> TrainConfig:
    from egca.training.config import load_config, read_config
    from egca.training.run import CONFIG

    changes: dict[str, Any] = {"credit.strategy": credit, "debugger.name": debugger}
    given = {name: value for name, value in changes.items() if value is not None}
    if preset is None and file is None:
        if resume and not settings and not given:
            return read_config(output / CONFIG)
        raise InputError("what to train: give --preset tiny, small or paper, or --config FILE")
    return load_config(preset, file, settings, given)


def _show_plan(config: TrainConfig) -> int:
    from egca.training.plan import plan_of

    plan = plan_of(config)
    for name, text in plan.lines:
        print(f"{name:<10}{text}")
    for text in plan.missing:
        print(f"missing   {text}")
    return 2 if plan.missing else 0


def _run(config: TrainConfig, output: Path, resume: bool) -> int:
    from egca.cli.train_view import View
    from egca.training.distributed import open_world
    from egca.training.run import train as train_run

    world = open_world()
    if not world.is_main:
        report = train_run(config, output, resume=resume, world=world)
        world.close()
        return EXIT_INTERRUPTED if report.stopped else 0
    with View(config, output) as view:
        report = train_run(
            config, output, resume=resume, world=world, listeners=[view.after_step], say=view.note
        )
    world.close()
    for one in report.aside:
        print(f"set aside: {one.task_id}: {one.reason}", file=sys.stderr)
    if report.stopped:
        print(f"stopped after {report.n_steps} steps; egca train --resume --output {output}")
        return EXIT_INTERRUPTED
    view.finish(report)
    return 0


@app.command()
def show(
    run: Annotated[Path, typer.Argument(help="The folder of a run.")],
    step: Annotated[int, typer.Option(help="Whose completions, from 0.")] = 0,
    task: Annotated[str | None, typer.Option(help="Only of this task id.")] = None,
    html: Annotated[Path | None, typer.Option(help="Write a page there instead.")] = None,
) -> None:
    """Paint the credit of a step's completions over their tokens: blue is raised, red lowered.

    Example: egca train show RUN --step 12
    """
    from egca.cli.train_show import page, painted
    from egca.files import save_text
    from egca.training.records import read_samples

    samples = [one for one in read_samples(run, step) if task in (None, one["task_id"])]
    if not samples:
        raise InputError(f"{run}: step {step} has no completions of {task}")
    if html is None:
        from rich.console import Console

        console = Console(file=sys.stdout, highlight=False, markup=False, soft_wrap=True)
        for text in painted(samples):
            console.print(text)
        return
    save_text(html, page(samples, f"{run.name}, step {step}"))
    print(html)
