#!/usr/bin/env bash
# All GPU figures in one JSON file, in less than 8 minutes, without a network: benchmarks/gpu.sh [gpu.json [WHEELS]]
# Either with `pip install -e '.[cuda12]'` (or cuda13) in .venv, or with the machine's own JAX: then $PYTHON (python3) is
# used, and WHEELS, a folder that benchmarks/gpu_wheels.sh has written, holds what it lacks. Nothing is installed for good.
set -euo pipefail
output=$(realpath -m "${1:-gpu.json}")
wheels=${2:+$(realpath "$2")}
cd "$(dirname "$0")/.."
python=${PYTHON:-.venv/bin/python}
[ -n "${PYTHON:-}" ] || [ -x "$python" ] || python=python3
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
if [ "$wheels" ]; then
  "$python" -m pip install --quiet --disable-pip-version-check --no-index --no-deps --no-compile --target="$place" \
    "$wheels"/*.whl
  export PYTHONPATH=$place${PYTHONPATH:+:$PYTHONPATH}
fi
export XLA_PYTHON_CLIENT_PREALLOCATE=false  # so that the peak of memory is what was needed
code=0
timeout 475 "$python" -m benchmarks.gpu --json="$output" ${GPU_FLAGS:-} >/dev/null || code=$?
[ "$code" != 124 ] || echo "stopped after 475 s: what was measured is there" >&2
[ -s "$output" ] && echo "$output"
[ "$code" = 0 ] || [ "$code" = 124 ] || exit "$code"
