"""What the sandbox's two sides agree on. Values only: imported in parent, zygote and child."""

from __future__ import annotations

import struct

# Kinds of message from a child: frames of an op, its end, our own error in it, and the greeting
# with the layers, which comes first.
FRAME, END, ERROR, HELLO = 0, 1, 2, 3

# A child's journal, memory that outlives it: how many frames of the op were sent, how many wait
# behind this head to be sent, and how many bytes they are.
JOURNAL_HEAD = struct.Struct("<III")
JOURNAL_BYTES = 1 << 15

# How a message of n packed frames begins: an array of 32-bit length n + 1, and the kind.
FRAMES_HEAD = struct.Struct(">BIB")
ARRAY_32 = 0xDD

MAX_FRAME_BYTES = 1 << 25  # of one message of a child; more than this ends the session

# Exit statuses of a child that could not go on: no memory left for a report, and no way to report.
STATUS_MEMORY, STATUS_BROKEN = 97, 98

MEMORY_TO_REPORT = 1 << 26  # address space over memory_bytes, to say in it that it was reached
GRACE_S = 0.25  # what a child may take over a limit that it enforces itself
START_S = 30.0  # until the zygote, or a child, has to be there
