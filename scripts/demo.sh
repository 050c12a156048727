#!/usr/bin/env bash
# ./dev demo: a master and three minions on free loopback ports in a temporary folder; real keys, real commands; cleans up.
# usage: demo.sh BIN_DIR
set -euo pipefail

bin=$1
root=$(mktemp -d "${TMPDIR:-/tmp}/brine-demo.XXXXXX")
pids=()

cleanup() {
  local status=$?
  for pid in "${pids[@]}"; do kill "$pid" 2>/dev/null || true; done
  for pid in "${pids[@]}"; do wait "$pid" 2>/dev/null || true; done
  if [ "$status" -ne 0 ]; then
    echo "the demo failed; the logs:"
    tail -n 20 "$root"/*.log 2>/dev/null || true
  fi
  rm -rf "$root"
  exit "$status"
}
trap cleanup EXIT
trap 'exit 130' INT TERM

say() {  # in bold on a terminal
  if [[ -t 1 && -z ${NO_COLOR:-} ]]; then printf '\n\033[1m%s\033[0m\n' "$*"; else printf '\n%s\n' "$*"; fi
}
# The words as one would type them.
typed() {
  local word
  for word in "$@"; do
    if [[ $word =~ ^[A-Za-z0-9_./=,@%+-]+$ ]]; then printf ' %s' "$word"; else printf " '%s'" "${word//\'/\'\\\'\'}"; fi
  done
}
run() {
  printf '\n$ %s%s\n' "$1" "$(typed "${@:2}")"
  "$bin/$1" -c "$root/etc" "${@:2}"
}

# Waits until the command succeeds; 20 s at most.
await() {
  local what=$1
  shift
  for _ in $(seq 400); do
    if "$@" >/dev/null 2>&1; then return 0; fi
    sleep 0.05
  done
  echo "gave up waiting for $what" >&2
  return 1
}

say "A master, on a free port, with an embedded store"
mkdir -p "$root/etc"
cat > "$root/etc/master" <<YAML
id: demo
interface: 127.0.0.1
ret_port: 0
root_dir: $root/master
acceptance_wait_time: 0.3
returners:
  - name: file
    path: /var/log/brine/returns.jsonl
YAML
sed 's/^/    /' "$root/etc/master"
"$bin/brine-master" -c "$root/etc" 2> "$root/master.log" &
pids+=($!)
await "the master" test -s "$root/master/run/brine/master/master.json"
port=$(sed 's/.*"ret_port":\([0-9]*\).*/\1/' "$root/master/run/brine/master/master.json")
finger=$(sed 's/.*"root_finger":"\([^"]*\)".*/\1/' "$root/master/run/brine/master/master.json")

say "Three minions, each with a key of its own, pinned to the cluster's root key"
for id in web1 web2 db1; do
  mkdir -p "$root/$id.etc"
  cat > "$root/$id.etc/minion" <<YAML
id: $id
master: 127.0.0.1:$port
master_finger: '$finger'
root_dir: $root/$id
grains:
  role: ${id%%[0-9]*}
YAML
  "$bin/brine-minion" -c "$root/$id.etc" 2> "$root/$id.log" &
  pids+=($!)
done
sed 's/^/    /' "$root/web1.etc/minion"

three_keys_wait() { [ "$("$bin/brine-key" -c "$root/etc" -l un | grep -c "^web1$\|^web2$\|^db1$")" = 3 ]; }
three_are_up() { [ "$("$bin/brine-run" -c "$root/etc" manage.up | grep -c "web1\|web2\|db1")" = 3 ]; }

say "Nobody is let in before an operator says so"
await "three keys" three_keys_wait
run brine-key -L
run brine-key -A -y
await "three minions" three_are_up

say "Commands"
run brine '*' test.ping
run brine '*' cmd.run uptime
run brine -G 'os:Debian' grains.item os kernel
run brine -C 'web* and not web2' cmd.run 'echo $((6 * 7))'

say "What has happened"
run brine-run jobs.list_jobs
printf '\n$ tail -n 1 %s   # every return, as the file returner wrote it\n' "returns.jsonl"
await "the returner" test -s "$root/master/var/log/brine/returns.jsonl"
tail -n 1 "$root/master/var/log/brine/returns.jsonl"

say "That was the demo. ./dev up keeps a cluster running to play with."
