#!/bin/sh
# Prints a Python 3.11 or newer that can make virtual environments; says what to do when there is none.
for name in ${PYTHON:-} python3.11 python3.12 python3.13 python3.14 python3 python; do
    found=$(command -v "$name" 2>/dev/null) || continue
    if "$found" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
        echo "$found"
        exit 0
    fi
done
echo "hyperfunc needs Python 3.11 or newer with venv (Debian, Ubuntu: apt-get install python3 python3-venv);" \
    "none was found on PATH. Name one with: make PYTHON=/path/to/python3.11 ..." >&2
exit 1
