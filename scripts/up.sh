#!/usr/bin/env bash
# ./dev up: keeps a master and N minions running until Ctrl-C, and prints how to talk to them.
# usage: up.sh BIN_DIR [--minions N] [--dir DIR]
set -euo pipefail

bin=$1
shift
minions=3
root=""
while [ $# -gt 0 ]; do
  case $1 in
    --minions) minions=$2; shift 2 ;;
    --dir) root=$2; shift 2 ;;
    --masters|--syndics|--redis|--kafka)
      echo "up: $1 is not available in this version: one master on the embedded store is" >&2
      exit 64 ;;
    *)
      echo "up: unknown option '$1'; there are --minions N and --dir DIR" >&2
      exit 64 ;;
  esac
done
case $minions in
  ''|*[!0-9]*) echo "up: --minions takes a number" >&2; exit 64 ;;
esac

keep=1
if [ -z "$root" ]; then
  root=$(mktemp -d "${TMPDIR:-/tmp}/brine-up.XXXXXX")
  keep=0
fi
pids=()
cleanup() {
  trap - EXIT INT TERM
  for pid in "${pids[@]}"; do kill "$pid" 2>/dev/null || true; done
  for pid in "${pids[@]}"; do wait "$pid" 2>/dev/null || true; done
  [ "$keep" = 1 ] || rm -rf "$root"
}
trap cleanup EXIT
trap 'exit 0' INT TERM

mkdir -p "$root/etc"
cat > "$root/etc/master" <<YAML
interface: 127.0.0.1
ret_port: 0
root_dir: $root/master
auto_accept: true
returners:
  - name: file
    path: /var/log/brine/returns.jsonl
YAML
"$bin/brine-master" -c "$root/etc" 2> "$root/master.log" &
pids+=($!)
for _ in $(seq 400); do
  [ -s "$root/master/run/brine/master/master.json" ] && break
  kill -0 "${pids[0]}" 2>/dev/null || { cat "$root/master.log" >&2; exit 1; }
  sleep 0.05
done
port=$(sed 's/.*"ret_port":\([0-9]*\).*/\1/' "$root/master/run/brine/master/master.json")
for i in $(seq "$minions"); do
  mkdir -p "$root/m$i.etc"
  printf 'id: m%s\nmaster: 127.0.0.1:%s\nroot_dir: %s/m%s\n' "$i" "$port" "$root" "$i" > "$root/m$i.etc/minion"
  "$bin/brine-minion" -c "$root/m$i.etc" 2> "$root/m$i.log" &
  pids+=($!)
done
cat <<TEXT
A master on 127.0.0.1:$port and $minions minions are running in $root. Talk to them:

  export PATH=$bin:\$PATH
  brine -c $root/etc '*' test.ping
  brine -c $root/etc '*' cmd.run uptime
  brine-run -c $root/etc manage.status
  brine-run -c $root/etc state.event
  tail -f $root/master.log

Ctrl-C stops them.
TEXT
wait "${pids[0]}"
