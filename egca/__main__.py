"""`python -m egca`: the same as the console script `egca`."""

from egca.cli import main

if __name__ == "__main__":
    main()
