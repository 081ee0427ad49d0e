#!/bin/sh
# Runs a Python tool of the project's own .venv, wherever this system keeps it; without one, of the Python that is active.
set -eu
for python in .venv/bin/python .venv/Scripts/python.exe python; do
  if command -v "$python" >/dev/null 2>&1; then
    exec "$python" -m "$@"
  fi
done
echo "error: neither .venv nor python found; run make lint once" >&2
exit 2
