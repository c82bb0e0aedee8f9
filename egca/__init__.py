"""Execution-grounded credit assignment for reinforcement learning on code."""

__version__ = "0.1.0"
