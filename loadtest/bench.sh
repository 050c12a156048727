#!/usr/bin/env bash
# ./dev bench: measures what docs/benchmarks.md shows. usage: bench.sh BIN_DIR [--vs-salt]
#   --vs-salt   the same figures of a stock Salt in the same run; installs it with pip into build/salt (docs/adr/0011)
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
readonly salt_version=3008.3
readonly bin=$1
shift
arguments=()
for option in "$@"; do
  if [[ $option == --vs-salt ]]; then
    if [[ ! -x build/salt/bin/salt-master ]]; then
      echo "bench: installing Salt $salt_version into build/salt"
      /usr/bin/python3 -m venv build/salt
      build/salt/bin/pip install --quiet "salt==$salt_version"
    fi
    arguments+=(--vs-salt "$PWD/build/salt/bin/python")
  else
    arguments+=("$option")
  fi
done
exec env BRINE_BIN="$bin" PYTHONDONTWRITEBYTECODE=1 /usr/bin/python3 loadtest/bench.py "${arguments[@]}"
