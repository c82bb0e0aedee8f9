"""A program to trace, and what tests read of a trace."""

from collections.abc import Callable

from egca.execution.trace import Trace
from egca.execution.tracer import TraceSession

Open = Callable[..., TraceSession]


def rows(trace: Trace, *kinds: str) -> list[tuple[object, ...]]:
    """Kind or role, target, value, call, iteration of the events of some kinds."""
    return [
        (event.site.role, event.site.target, event.value, event.call, event.iteration)
        for event in trace.events
        if not kinds or event.site.kind in kinds
    ]


SUM = """
def f(xs, k):
    total = 0
    for x in xs:
        if x > k:
            total += x
    return total
"""


def site_of(session: TraceSession, role: str, target: str = "") -> int:
    """The site with this role (and target)."""
    return next(
        site.id for site in session.sites if site.role == role and target in ("", site.target)
    )
