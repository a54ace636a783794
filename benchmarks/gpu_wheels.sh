#!/usr/bin/env bash
# The wheels that benchmarks/gpu.sh needs beside JAX, Flax, Optax, Orbax, NumPy, safetensors, sentencepiece, jaxtyping and
# matplotlib, for a Linux machine without a network: benchmarks/gpu_wheels.sh FOLDER [PYTHON, 3.12 by default]
# A few MB; run it where a package index is in reach, and carry the folder.
set -euo pipefail
folder=${1:?usage: benchmarks/gpu_wheels.sh FOLDER [PYTHON]} python=${2:-3.12}
mkdir -p "$folder"
cd "$(dirname "$0")/.."
# with what each of them needs; absl, PyYAML and typing_extensions come with JAX's company
wanted='absl_py|cachetools|filelock|inflect|kaldifst|ml_collections|soundfile|soxr|tqdm'
mapfile -t own < <(python3 -c '
import re, sys, tomllib
for need in tomllib.load(open("pyproject.toml", "rb"))["project"]["dependencies"]:
    if re.fullmatch(sys.argv[1], re.split("[^A-Za-z0-9_-]", need)[0].replace("-", "_")):
        print(need)' "$wanted")
others=(cffi pycparser jaraco.functools more_itertools typeguard typing_extensions pyyaml)
platforms=()
for glibc in 17 24 27 28; do platforms+=("--platform=manylinux_2_${glibc}_x86_64"); done
platforms+=(--platform=manylinux2014_x86_64 --platform=manylinux1_x86_64)
python3 -m pip download --quiet --disable-pip-version-check --no-deps --only-binary=:all: --implementation=cp \
  --python-version="$python" "${platforms[@]}" --dest="$folder" "${own[@]}" "${others[@]}"
du -ch "$folder"/*.whl | tail -n 1
