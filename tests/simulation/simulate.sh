#!/usr/bin/env bash
# ./dev simulate [--seeds FIRST-LAST] [--tell]: see tests/simulation/README.md. usage: simulate.sh BIN_DIR [OPTION...]
set -euo pipefail
exec "$1/brine-simulate" "${@:2}"
