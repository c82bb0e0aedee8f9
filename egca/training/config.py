"""What a training run is made of: every option once, with its meaning, bounds and default.

Presets are YAML files beside this one; `--set a.b=c` changes a field of them. Names are those that
users of TRL type already. Nothing here imports torch."""

from __future__ import annotations

import difflib
import hashlib
import json
from collections.abc import Iterable, Mapping
from importlib import resources
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import BaseModel, Field, PositiveInt, ValidationError

from egca.errors import InputError
from egca.training.combinations import check_combinations
from egca.training.sections import Alignment, Dialogue, Section, Supervised, Teacher


class Lora(Section):
    """Low-rank adapters in place of full fine-tuning (peft)."""

    r: PositiveInt = 16
    alpha: float = Field(default=32.0, gt=0)
    dropout: float = Field(default=0.0, ge=0, lt=1)
    targets: str | list[str] = "all-linear"


class Model(Section):
    """The policy."""

    name: str = Field(description="a folder, a hub name, or tiny:WARM_START")
    dtype: Literal["float32", "bfloat16"] = "float32"
    lora: Lora | None = None
    gradient_checkpointing: bool = False
    attention: Literal["sdpa", "eager", "flash_attention_2"] = "sdpa"


class Data(Section):
    """Problems, and how they are put to the policy."""

    dataset: str = Field(description="a name or file, as `egca data info` takes it")
    exclude: list[str] = Field(
        default_factory=list, description="data sets whose problems, by id, are left out"
    )
    ids: list[str] | None = Field(
        default=None, min_length=1, description="only these task ids; null: all"
    )
    limit: PositiveInt | None = Field(default=None, description="only so many problems")
    prompt: str = Field(
        default="generation-with-constraints",
        description="family under prompts/, or plain: the statement",
    )
    shuffle: bool = True
    skip_bad: bool = Field(default=False, description="leave malformed records out")


class Rollout(Section):
    """Sampling."""

    prompts_per_step: PositiveInt = 8
    num_generations: int = Field(default=8, ge=2, description="G, completions a prompt")
    temperature: float = Field(default=1.0, gt=0)
    top_p: float = Field(default=1.0, gt=0, le=1)
    max_completion_length: PositiveInt = Field(default=512, description="tokens")
    max_prompt_length: PositiveInt = Field(
        default=1024, description="tokens; longer ones are set aside"
    )
    batch_size: PositiveInt = Field(default=64, description="completions sampled at once")
    engine: str = Field(
        default="transformers",
        pattern="^(transformers|vllm|https?://.+)$",
        description="what samples: transformers (the trained model itself), vllm in this process, "
        "or the address of a vLLM server, as http://127.0.0.1:8000",
    )
    gpu_memory_utilization: float = Field(
        default=0.4, gt=0, le=1, description="of vLLM: share of a GPU's memory, weights and cache"
    )
    importance_bound: float | None = Field(
        default=2.0,
        ge=1,
        description="of the correction where sampling rounds differently; null: none",
    )


class Reward(Section):
    """r_i."""

    kind: Literal["binary", "graded", "graded_and_adaptive", "fraction"] | None = Field(
        default=None, description="null: the credit strategy's own, mostly 1 or 0"
    )
    critique: float = Field(
        default=0.0, ge=0, le=1, description="weight of a teacher's score; 0: it is not asked"
    )
    workers: PositiveInt = Field(default=1, description="processes that judge and localize")
    call_s: float | None = Field(
        default=None, gt=0, description="limit of a call; null: the judge's own"
    )
    memory: str | None = Field(
        default=None, description="a file of verdicts that several runs share"
    )


class Credit(Section):
    """Which tokens carry the advantage."""

    strategy: str = "egca"
    scale: Literal["sample", "population", "none"] = Field(
        default="sample", description="std in A_i"
    )
    options: dict[str, float | str] = Field(default_factory=dict, description="of the strategy")
    span: Literal["statement", "expression"] = "statement"


class Debugger(Section):
    """Who localizes and extracts constraints."""

    name: str = "trace"
    max_cost: float | None = Field(
        default=None,
        gt=0,
        description="US dollars of a run each time it is started, in even parts for the processes "
        "that ask",
    )
    budget_s: float = Field(
        default=2.0, gt=0, description="last resort of the search for a repair, each program"
    )


class Objective(Section):
    """The loss."""

    name: Literal["grpo", "reinforce++", "ppo", "rlef", "sft"] = "grpo"
    epsilon: float = Field(default=0.2, gt=0)
    epsilon_high: float | None = Field(default=None, gt=0, description="clip-higher; null: epsilon")
    beta: float = Field(
        default=0.05, ge=0, description="weight of the KL term; 0 needs no ref_policy"
    )
    kl_estimator: Literal["k1", "k2", "k3"] = Field(
        default="k3",
        description="of grpo's KL term, where k1 has a gradient of mean 0; the others take k1 into "
        "the reward",
    )
    loss_normalisation: Literal["sequence", "token", "constant"] = "sequence"
    num_iterations: PositiveInt = Field(default=1, description="passes over the rollouts of a step")
    minibatches: PositiveInt = Field(default=1, description="updates in each pass")
    resample: int = Field(
        default=0, ge=0, description="tries to replace groups without signal (DAPO)"
    )
    lam: float = Field(default=0.95, ge=0, le=1, description="of GAE, for ppo and rlef")
    critic_learning_rate: float = Field(default=1e-5, gt=0, description="for ppo and rlef")

    @property
    def is_credited(self) -> bool:
        """Whether token advantages are a credit rule's, not made by the objective (returns.py)."""
        return self.name in ("grpo", "sft")

    @property
    def has_critic(self) -> bool:
        """Whether values are learned beside the policy."""
        return self.name in ("ppo", "rlef")

    @property
    def has_reference(self) -> bool:
        """Whether there is a KL term."""
        return self.beta > 0 and self.name != "sft"


Decay = Annotated[float, Field(ge=0, lt=1)]


class Optimizer(Section):
    """AdamW."""

    learning_rate: float = Field(default=1e-6, gt=0)
    betas: tuple[Decay, Decay] = (0.9, 0.999)
    weight_decay: float = Field(default=0.0, ge=0)
    max_grad_norm: float = Field(default=1.0, gt=0)
    schedule: Literal["constant", "linear", "cosine"] = "constant"
    warmup_steps: int = Field(default=0, ge=0)


class Evaluation(Section):
    """pass@1 on problems held out, while training."""

    dataset: str | None = None
    every: PositiveInt = Field(default=50, description="steps")
    limit: PositiveInt | None = 64
    greedy: bool = True


class Checkpoint(Section):
    """What a killed run continues from."""

    every: PositiveInt = Field(default=50, description="steps")
    keep: PositiveInt = 2


class TrainConfig(Section):
    """A run. `steps` None takes `epochs` over the data."""

    model: Model
    data: Data
    rollout: Rollout = Rollout()
    reward: Reward = Reward()
    credit: Credit = Credit()
    debugger: Debugger = Debugger()
    objective: Objective = Objective()
    supervised: Supervised = Supervised()
    alignment: Alignment = Alignment()
    dialogue: Dialogue = Dialogue()
    teacher: Teacher = Teacher()
    optimizer: Optimizer = Optimizer()
    evaluation: Evaluation = Evaluation()
    checkpoint: Checkpoint = Checkpoint()
    steps: PositiveInt | None = None
    epochs: float = Field(default=1.0, gt=0)
    seed: int = Field(default=0, ge=0, lt=2**32)
    micro_batch_tokens: PositiveInt = Field(
        default=16_384, description="padded tokens forward at once"
    )
    samples_every: int = Field(
        default=1, ge=0, description="steps whose completions are kept; 0: none"
    )
    chunk_tokens: PositiveInt = Field(
        default=4_096, description="tokens whose logits exist at once"
    )
    loggers: list[Literal["tensorboard", "trackio", "wandb"]] = Field(default_factory=list)

    @property
    def max_length(self) -> int:
        """Tokens of the longest prompt that completions are sampled for, and of its completion."""
        is_talk = self.objective.name == "rlef"
        prompt = self.dialogue.max_prompt_length if is_talk else 0
        return max(prompt, self.rollout.max_prompt_length) + self.rollout.max_completion_length

    def digest(self) -> str:
        """SHA-256 of all options: what results are filed under."""
        return hashlib.sha256(self.model_dump_json().encode()).hexdigest()


def presets() -> list[str]:
    """Names that `load_config` takes."""
    folder = resources.files("egca.training") / "presets"
    return sorted(Path(item.name).stem for item in folder.iterdir() if item.name.endswith(".yaml"))


def load_config(
    preset: str | None = None,
    file: Path | None = None,
    settings: Iterable[str] = (),
    changes: Mapping[str, Any] | None = None,
) -> TrainConfig:
    """A checked configuration.

    Args:
        preset, file: where to begin: a name in `presets()`, or a YAML file.
        settings: "a.b=c", c read as YAML; later ones win.
        changes: the same with dotted names and values of Python; before `settings`.
    Raises: InputError in one line for what is unknown or out of bounds.
    """
    tree, origin = _begin(preset, file)
    for name, value in (changes or {}).items():
        _put(tree, name, value, name)
    for setting in settings:
        name, value = parsed(setting)
        _put(tree, name, value, f"--set {setting}")
    return config_of(tree, origin)


def parsed(setting: str) -> tuple[str, Any]:
    """Name and value of "a.b=c", c read as YAML. Raises: InputError in one line."""
    name, equals, text = setting.partition("=")
    if not equals:
        raise InputError(f'--set {setting}: write it as name=value, as in "steps=100"')
    try:
        value = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise InputError(f"--set {setting}: the value is no YAML: {_one_line(error)}") from None
    return name.strip(), _as_number(value)


def read_config(file: Path) -> TrainConfig:
    """A whole configuration, as a run keeps it. Raises: InputError."""
    return config_of(_read(file), str(file))


def config_of(tree: Mapping[str, Any], origin: str) -> TrainConfig:
    """Check a tree of options. Raises: InputError that names the first wrong one."""
    try:
        config = TrainConfig.model_validate(tree)
    except ValidationError as error:
        first = error.errors()[0]
        name = ".".join(str(part) for part in first["loc"])
        if first["type"] == "extra_forbidden":
            raise InputError(f"{origin}: {unknown_field(name)}") from None
        parent = name.rpartition(".")[0]
        if first["type"] == "missing" and parent in fields():  # the second of two numbers
            raise InputError(f"{origin}: {parent} is {first['input']!r}: too few") from None
        if first["type"] == "missing":
            raise InputError(
                f"{origin}: {name} is missing; give it with --set {name}=..."
            ) from None
        said = first["msg"]
        if first["type"] == "string_pattern_mismatch":
            said = f"it says {fields()[name]}"
        raise InputError(f"{origin}: {name} is {first['input']!r}: {said}") from None
    check_combinations(config)
    return config


def unknown_field(name: str) -> str:
    """One line on a field that does not exist, with the nearest that does."""
    known = fields()
    leaves = {field.rpartition(".")[2]: field for field in known}
    near = difflib.get_close_matches(name, known, 1, 0.6)
    leaf = name.rpartition(".")[2]
    if leaf in leaves:
        near = [leaves[leaf]]
    near = near or [leaves[k] for k in difflib.get_close_matches(leaf, leaves, 1, 0.6)]
    hint = f"; did you mean {near[0]}?" if near else "; `egca train --fields` lists them"
    return f"there is no option {name}{hint}"


def fields(section: type[BaseModel] = TrainConfig, prefix: str = "") -> dict[str, str]:
    """Dotted names of all options with their descriptions, in order."""
    found: dict[str, str] = {}
    for name, field in section.model_fields.items():
        inner = _section_of(field.annotation)
        if inner is None:
            found[prefix + name] = field.description or ""
        else:
            found |= fields(inner, f"{prefix}{name}.")
    return found


def _section_of(annotation: Any) -> type[BaseModel] | None:
    for kind in (annotation, *getattr(annotation, "__args__", ())):
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            return kind
    return None


def _begin(preset: str | None, file: Path | None) -> tuple[dict[str, Any], str]:
    if preset is not None and preset not in presets():
        near = difflib.get_close_matches(preset, presets(), 1)
        hint = f"; did you mean {near[0]}?" if near else ""
        raise InputError(f"no preset {preset}: there are {', '.join(presets())}{hint}")
    tree: dict[str, Any] = {}
    origin = "options"
    if preset is not None:
        text = (resources.files("egca.training") / "presets" / f"{preset}.yaml").read_text("utf-8")
        tree, origin = yaml.safe_load(text), f"preset {preset}"
    if file is not None:
        tree, origin = _merged(tree, _read(file)), str(file)
    return json.loads(json.dumps(tree, default=str)), origin


def _read(file: Path) -> dict[str, Any]:
    try:
        tree = yaml.safe_load(file.read_text("utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise InputError(f"{file}: cannot be read as YAML: {_one_line(error)}") from None
    if not isinstance(tree, dict):
        raise InputError(f"{file}: a configuration is a mapping of options")
    return tree


def _merged(base: dict[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(base)
    for name, value in over.items():
        old = merged.get(name)
        both = isinstance(old, dict) and isinstance(value, dict)
        merged[name] = _merged(old, value) if both else value  # type: ignore[arg-type]
    return merged


def _put(tree: dict[str, Any], name: str, value: Any, origin: str) -> None:
    """Set a dotted option. Raises: InputError for one that does not exist."""
    known = fields()
    is_section = any(field.startswith(f"{name}.") for field in known)
    is_free = name.startswith("credit.options.")
    if name not in known and not is_section and not is_free:
        raise InputError(f"{origin}: {unknown_field(name)}")
    *path, leaf = name.split(".")
    for part in path:
        inner = tree.get(part)
        if not isinstance(inner, dict):
            inner = tree[part] = {}
        tree = inner
    tree[leaf] = value


def _as_number(value: Any) -> Any:
    """1e-4 is a text in YAML 1.1, and a number to everybody else."""
    if isinstance(value, str):
        try:
            return float(value)
        except ValueError:
            return value
    return value


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())
