#!/usr/bin/env bash
# ./dev bench: measures what docs/benchmarks.md shows. usage: bench.sh BIN_DIR [--vs-salt]
set -euo pipefail
exec env BRINE_BIN="$1" PYTHONDONTWRITEBYTECODE=1 /usr/bin/python3 "$(dirname "${BASH_SOURCE[0]}")/bench.py" "${@:2}"
