#!/usr/bin/env bash
# ./dev loadtest: runs a scenario, see loadtest/README.md. usage: loadtest.sh BIN_DIR SCENARIO.yaml [OPTION...]
set -euo pipefail
readonly here=$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")
readonly bin=$1
shift
exec env BRINE_BIN="$bin" PYTHONDONTWRITEBYTECODE=1 /usr/bin/python3 "$here/run.py" "$@"
