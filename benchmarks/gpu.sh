#!/usr/bin/env bash
# All GPU figures in one JSON file, in less than 8 minutes, without a network: benchmarks/gpu.sh [gpu.json]
# Needs `pip install -e '.[cuda12]'` in the Python that is used (.venv/bin/python where it is there, else python3).
set -euo pipefail
output=$(realpath -m "${1:-gpu.json}")
cd "$(dirname "$0")/.."
python=.venv/bin/python
[ -x "$python" ] || python=python3
export XLA_PYTHON_CLIENT_PREALLOCATE=false  # so that the peak of memory is what was needed
timeout 475 "$python" -m benchmarks.gpu --json="$output" >/dev/null || { [ $? -eq 124 ] && echo "stopped after 475 s" >&2; }
[ -s "$output" ] && echo "$output"
