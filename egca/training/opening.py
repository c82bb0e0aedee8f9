"""Opening models by name: a folder, one of the hub, or a student that is trained here first."""

from __future__ import annotations

from collections.abc import Callable

from egca.training import tiny
from egca.training.config import Model
from egca.training.policy import Policy, load_policy


def open_policy(
    options: Model, say: Callable[[str], None], place: str = "auto", seed: int = 0
) -> Policy:
    """The model, on a device; seed: of fresh adapters.

    Raises: InputError, ProviderError for what a user can mend.
    """
    name = options.name
    if not name.startswith(tiny.PREFIX):
        return load_policy(options, place, seed)
    student = tiny.student_named(name.removeprefix(tiny.PREFIX))

    def report(step: int, loss: float) -> None:
        if step % 100 == 0:
            say(f"training {name} once: step {step} of {student.steps}, loss {loss:.3f}")

    folder = tiny.student_folder(student, report=report)
    return load_policy(options.model_copy(update={"name": str(folder)}), place, seed)
