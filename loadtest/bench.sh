#!/usr/bin/env bash
# ./dev bench: measures what docs/benchmarks.md shows. usage: bench.sh BIN_DIR [--compare [OPTION...] | --returners [OPTION...]]
#   --returners how much each kind of returner takes, and what returners cost a master (bench_returners.py has the options)
#   --compare   brine beside Salt, default and tuned, and beside a NATS server, in one run and in turns (compare.py has the options).
#               Puts Salt (pip, docs/adr/0011) into build/salt and Debian's nats-server into build/nats; neither is installed or started otherwise.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
readonly salt_version=3008.3
readonly bin=$1
shift

need_salt() {
  [[ -x build/salt/bin/salt-master ]] && return
  echo "bench: installing Salt $salt_version into build/salt" >&2
  /usr/bin/python3 -m venv build/salt
  build/salt/bin/pip install --quiet "salt==$salt_version"
}

# Unpacked and not installed: its package would start a server of the whole machine.
need_nats() {
  [[ -x build/nats/usr/sbin/nats-server ]] && return
  echo "bench: unpacking nats-server into build/nats" >&2
  mkdir -p build/nats
  (cd build/nats && apt-get download -qq nats-server && dpkg -x nats-server_*.deb .)
}

export BRINE_BIN=$bin PYTHONDONTWRITEBYTECODE=1
case ${1:-} in
  --compare)
    need_salt
    need_nats
    exec /usr/bin/python3 loadtest/compare.py --salt build/salt/bin/python --nats build/nats/usr/sbin/nats-server "${@:2}"
    ;;
  --returners) exec /usr/bin/python3 loadtest/bench_returners.py "${@:2}" ;;
  --vs-salt)
    echo "bench: --vs-salt has become --compare" >&2
    exit 2
    ;;
  *) exec /usr/bin/python3 loadtest/bench.py "$@" ;;
esac
