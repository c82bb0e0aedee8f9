"""TRL's GRPOTrainer with execution-grounded credit: `EGCATrainer`, its config, and its data.

Needs the extra "trl". The trainer judges and credits, TRL does everything else: sampling (vLLM
included), the loss, PEFT, accelerate, checkpoints, logging."""

from egca.integrations.trl_versions import check_installed

check_installed()

from egca.integrations.trl.config import EGCAConfig  # noqa: E402
from egca.integrations.trl.data import problem_dataset  # noqa: E402
from egca.integrations.trl.trainer import EGCATrainer  # noqa: E402

__all__ = ["EGCAConfig", "EGCATrainer", "problem_dataset"]
