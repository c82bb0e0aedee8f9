"""Training runs of a study: each made once, kept by its configuration, several at a time.

A run is one process with one thread, so that a core does one run. What a run leaves is one JSON
file; a study that is killed goes on with the runs that are missing."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from functools import lru_cache
from multiprocessing import active_children, get_context
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from egca.execution import linux
from egca.files import make_folder, save_text
from harness.studies.talks import has_dialogues, talked

if TYPE_CHECKING:
    from egca.training.config import TrainConfig

VERSION = 2  # of what a run's file holds
# What every run of a study has over the preset tiny: no checkpoints, no samples, one evaluation.
QUIET: dict[str, Any] = {
    "evaluation.dataset": None,
    "checkpoint.every": 1_000_000,
    "samples_every": 0,
}
N_TEST = 200
N_TALKED = 100  # of them are talked about: three programs for one
TESTS = {"sampled": (4, 1.0), "greedy": (1, 0.0)}  # completions of a problem, temperature
_TESTED = ("model.", "data.dataset", "rollout.max_completion_length")  # what a test depends on
CURVES = ("pass_rate", "entropy", "grad_norm", "multiplier_max", "effective_tokens", "located")


@dataclass(frozen=True, slots=True)
class Run:
    """Dotted options over the preset tiny, as sorted pairs.

    part: of the family's compositions, on which the trained model is tried: "validation" for runs
    that choose something, "test" for those that are reported.
    """

    options: tuple[tuple[str, Any], ...]
    part: Literal["test", "validation"] = "test"

    @property
    def key(self) -> str:
        """Digest of all options, the preset's too, and of the warm start: the name of its file."""
        return _key(self)

    def __getitem__(self, name: str) -> Any:
        return dict(self.options)[name]


@lru_cache(maxsize=4096)
def _key(run: Run) -> str:
    from egca.training import tiny
    from egca.training.config import load_config

    config = load_config("tiny", changes={**QUIET, **dict(run.options)})
    names = (config.model.name, config.teacher.model or "")
    made = [
        tiny.student_named(name.removeprefix(tiny.PREFIX)).digest
        for name in names
        if name.startswith(tiny.PREFIX)
    ]
    part = [] if run.part == "test" else [run.part]
    text = json.dumps([VERSION, config.digest(), made, *part])
    return hashlib.sha256(text.encode()).hexdigest()[:20]


def run_of(options: Mapping[str, Any]) -> Run:
    """A run with these options."""
    return Run(tuple(sorted(options.items())))


def results(
    runs: Sequence[Run],
    folder: Path,
    n_workers: int,
    say: Callable[[str], None] = lambda text: None,
) -> dict[Run, dict[str, Any]]:
    """What every run left, making those that are missing.

    Args:
        folder: of the runs' files and of the verdicts that they share.
    """
    make_folder(folder)
    missing = [run for run in dict.fromkeys(runs) if not is_known(folder, run)]
    say(f"{len(set(runs))} runs, {len(missing)} of them to be made")
    context = get_context("spawn")
    with ProcessPoolExecutor(n_workers, mp_context=context, initializer=_as_worker) as pool:
        jobs = {pool.submit(make, run, folder): run for run in missing}
        try:
            for n, job in enumerate(as_completed(jobs), 1):
                job.result()
                say(f"{n}/{len(missing)}: {_brief(jobs[job], known(folder, jobs[job]))}")
        except BaseException:  # the pool would wait for all of them
            pool.shutdown(wait=False, cancel_futures=True)
            for process in active_children():
                process.terminate()
            raise
    return {run: known(folder, run) for run in runs}


def is_known(folder: Path, run: Run) -> bool:
    """Whether a run has been made."""
    return _file(folder, run).is_file()


def known(folder: Path, run: Run) -> dict[str, Any]:
    """What a run left."""
    found: dict[str, Any] = json.loads(_file(folder, run).read_text("utf-8"))
    return found


def make(run: Run, folder: Path) -> None:
    """Train, try the model on compositions that it has not seen, and write the run's file."""
    from egca.training.config import load_config
    from egca.training.run import train

    curves: dict[str, list[float]] = {name: [] for name in CURVES}
    modes: list[dict[str, float]] = []
    seconds: dict[str, float] = {}

    def listen(step: int, metrics: dict[str, Any], groups: Sequence[Any]) -> None:
        for name, curve in curves.items():
            curve.append(round(float(metrics.get(name, 0.0)), 5))
        modes.append({name: round(share, 4) for name, share in metrics.get("modes", {}).items()})
        for name, value in metrics["seconds"].items():
            seconds[name] = seconds.get(name, 0.0) + value

    memory = {"reward.memory": str(folder / "verdicts.sqlite")}
    config = load_config("tiny", changes={**QUIET, **memory, **dict(run.options)})
    try:
        with tempfile.TemporaryDirectory(prefix="egca-study-") as work:
            trained = Path(work) / "run"
            if train(config, trained, listeners=[listen]).stopped:
                raise KeyboardInterrupt
            talks = run.part == "test" and has_dialogues(dict(run.options))
            final = tested(trained / "model", config, part=run.part, talks=talks)
    except KeyboardInterrupt:  # as an exception it would end this run, and the next would begin
        signal.raise_signal(signal.SIGTERM)
        raise
    left = {
        "options": dict(run.options),
        "curves": curves,
        "modes": modes,
        "seconds": {name: round(value, 2) for name, value in seconds.items()},
        "part": run.part,
        "final": final,
    }
    save_text(_file(folder, run), json.dumps(left))


def untrained(run: Run, folder: Path) -> dict[str, dict[str, Any]]:
    """What the model that a run begins with passes on the same tests; kept beside the runs."""
    model = run_of({name: value for name, value in run.options if name.startswith(_TESTED)})
    file = folder / f"untrained-{model.key}.json"
    if not file.is_file():
        make_folder(folder)
        with ProcessPoolExecutor(
            1, mp_context=get_context("spawn"), initializer=_as_worker
        ) as pool:
            save_text(file, json.dumps(pool.submit(_test_untrained, model).result()))
    found: dict[str, dict[str, Any]] = json.loads(file.read_text("utf-8"))
    return found


def _test_untrained(run: Run) -> dict[str, dict[str, Any]]:
    from egca.training import tiny
    from egca.training.config import load_config

    config = load_config("tiny", changes={**QUIET, **dict(run.options)})
    name = config.model.name
    if not name.startswith(tiny.PREFIX):
        return tested(Path(name), config, part="test", talks=False)
    student = tiny.student_named(name.removeprefix(tiny.PREFIX))
    return tested(tiny.student_folder(student), config, part="test", talks=False)


def tested(
    model: Path, config: TrainConfig, *, part: str, talks: bool
) -> dict[str, dict[str, Any]]:
    """pass@1 of a trained model on compositions of a part of its family, sampled and greedy.

    Args:
        talks: add "turns": what it makes of feedback, by the kind of feedback.
    """
    from egca.training.assessment import Bench, Rules
    from egca.training.config import Model
    from egca.training.data import load_problems, prompts_of
    from egca.training.evaluation import evaluate
    from egca.training.policy import load_policy

    policy = load_policy(Model(name=str(model)))
    data = config.data.model_copy(
        update={"dataset": f"{config.data.dataset}-{part}", "limit": N_TEST}
    )
    problems = load_problems(data)
    bound = config.rollout.max_prompt_length
    prompts, _ = prompts_of(problems, [None] * len(problems), policy, data.prompt, bound)
    length = config.rollout.max_completion_length
    with Bench(Rules(call_s=config.reward.call_s), 1) as bench:
        found = {
            name: evaluate(policy, prompts, bench, max_tokens=length, temperature=t, n=n, seed=1)
            for name, (n, t) in TESTS.items()
        }
        if talks:
            found["turns"] = talked(policy, prompts[:N_TALKED], bench, config, TESTS["sampled"][0])
        return found


def alone() -> None:
    """One thread a process: two share a core worse than each has its own."""
    import torch

    torch.set_num_threads(1)
    os.environ["OMP_NUM_THREADS"] = "1"


def _as_worker() -> None:
    """Alone, and ended with the parent, however that ends."""
    alone()
    if sys.platform == "linux":
        linux.prctl(linux.PR_SET_PDEATHSIG, signal.SIGTERM)


def _file(folder: Path, run: Run) -> Path:
    return folder / f"{run.key}.json"


def _brief(run: Run, left: dict[str, Any]) -> str:
    curve = left["curves"]["pass_rate"]
    said = ", ".join(f"{name.rpartition('.')[2]} {value}" for name, value in run.options)
    final = ", ".join(f"{k} {left['final'][k]['pass_at_1']:.3f}" for k in TESTS)
    return f"{said}: mean {sum(curve) / len(curve):.3f}; {final}; {left['seconds']['total']:.0f} s"
