"""What the sandbox's two sides agree on. Values only: imported in parent, zygote and child."""

from __future__ import annotations

# Kinds of message from a child: a frame of an op, its end, our own error in it, and the greeting
# with the layers, which comes first.
FRAME, END, ERROR, HELLO = 0, 1, 2, 3

MAX_FRAME_BYTES = 1 << 25  # of one message of a child; more than this ends the session

# Exit statuses of a child that could not go on: no memory left for a report, and no way to report.
STATUS_MEMORY, STATUS_BROKEN = 97, 98

MEMORY_TO_REPORT = 1 << 26  # address space over memory_bytes, to say in it that it was reached
GRACE_S = 0.25  # what a child may take over a limit that it enforces itself
START_S = 30.0  # until the zygote, or a child, has to be there
