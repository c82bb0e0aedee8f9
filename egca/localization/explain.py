"""Temporary minimal."""
from egca.types import *
from egca.localization.edits import statement_span
def divergence(found):
    sm=SourceMap(found.program.source)
    line=found.ranked[0].line if found.ranked else (found.verdict.failure.frames[-1].line if found.verdict.failure and found.verdict.failure.frames else 1)
    span=span_of_lines(sm,[line])
    return Divergence(found.verdict.mode or Mode.LOGIC,found.verdict.cause,span,span,found.ranked[0].chance if found.ranked else 0,"",Proof("none"),alternatives=tuple(Suspect(span_of_lines(sm,[r.line]),span_of_lines(sm,[r.line]),r.chance,"") for r in found.ranked[1:4]))
def aligned(found): return ()
