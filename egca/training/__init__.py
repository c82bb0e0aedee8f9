"""Training: a compact GRPO loop over credit rules. `egca.training.run.train` is the way in.

Only what needs no torch is named here; the modules that do are imported by those who use them."""

from egca.training.config import TrainConfig, load_config, presets

__all__ = ["TrainConfig", "load_config", "presets"]
