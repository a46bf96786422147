"""Runs the `acrnn` command: `python -m acrnn` is the same as `acrnn`."""

import sys

from acrnn.cli import main

if __name__ == "__main__":
    sys.exit(main())
