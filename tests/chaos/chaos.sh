#!/usr/bin/env bash
# ./dev chaos: jobs through a real cluster under faults, see tests/chaos/README.md. usage: chaos.sh BIN_DIR [OPTION...]
set -euo pipefail
readonly tests=$(dirname "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")")
export BRINE_BIN=$1
shift
cd "$tests"
exec env PYTHONDONTWRITEBYTECODE=1 /usr/bin/python3 -m chaos.run "$@"
