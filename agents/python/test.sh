#!/usr/bin/env bash
# Checks and tests the package, and builds its wheels. It needs Python with venv, and says so where it is missing.
set -euo pipefail
cd "$(dirname "$0")"

if ! command -v python3 >/dev/null; then
  echo "The Python package is neither built nor tested: python3 is not here"
  exit 0
fi
if ! python3 -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 9))' 2>/dev/null; then
  echo "The Python package is neither built nor tested: it needs Python 3.9 with venv, and $(python3 --version) is here"
  exit 0
fi
# The environment is kept for as long as it is made of the same requirements, by the same Python.
made_of=$({ python3 --version; cat requirements-dev.txt; } | sha256sum | cut -d " " -f 1)
if [[ "$(cat .venv/made-of 2>/dev/null)" != "$made_of" ]]; then
  rm -rf .venv
  python3 -m venv .venv
  .venv/bin/python -m pip install --quiet --disable-pip-version-check --requirement requirements-dev.txt
  echo "$made_of" > .venv/made-of
fi
.venv/bin/ruff check .
.venv/bin/ruff format --check .
.venv/bin/mypy
.venv/bin/mypy --python-version 3.9 src # the tools that the tests need do not read as 3.9 under a newer Python
.venv/bin/pytest
if command -v go >/dev/null; then .venv/bin/python wheels.py; else echo "The wheels are not built: they need Go"; fi
