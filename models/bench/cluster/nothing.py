"""A program whose units do nothing: what is left is what their way costs."""

from __future__ import annotations

import sys


def main() -> None:
    """Answer each line with an empty object."""
    sys.stdin.buffer.readline()
    for _ in sys.stdin.buffer:
        print("{}", flush=True)


if __name__ == "__main__":
    main()
