#!/usr/bin/env bash
# ./dev loadtest: runs a scenario, see loadtest/README.md. usage: loadtest.sh BIN_DIR {SCENARIO.yaml | --growth} [OPTION...]
set -euo pipefail
readonly here=$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")
readonly bin=$1
shift
program=run.py
if [[ ${1:-} == --growth ]]; then
  program=growth.py
  shift
fi
exec env BRINE_BIN="$bin" PYTHONDONTWRITEBYTECODE=1 /usr/bin/python3 "$here/$program" "$@"
