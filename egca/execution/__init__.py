"""Execution: the sandbox, how programs run in it, and what is said of their outcomes."""

from egca.execution.limits import Limits
from egca.execution.runner import Call, Runner, run_program
from egca.execution.sandbox import Sandbox
from egca.execution.session import Session, SessionDied

__all__ = ["Call", "Limits", "Runner", "Sandbox", "Session", "SessionDied", "run_program"]
