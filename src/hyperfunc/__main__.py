"""``hyperfunc`` and ``python -m hyperfunc``."""

from __future__ import annotations

from hyperfunc.cli.main import main

__all__ = ["main"]

if __name__ == "__main__":
    main()
