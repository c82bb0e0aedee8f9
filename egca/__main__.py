"""What the console script `egca` and `python -m egca` run."""

from __future__ import annotations

import sys
from typing import NoReturn


def main() -> NoReturn:
    """Run the command line on sys.argv and exit; Ctrl-C is quiet while it is still imported."""
    try:
        from egca.cli import main as run
    except KeyboardInterrupt:
        sys.exit(130)
    run()


if __name__ == "__main__":
    main()
