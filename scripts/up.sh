#!/usr/bin/env bash
# ./dev up: keeps masters and minions running until Ctrl-C, and prints how to talk to them.
# usage: up.sh BIN_DIR [--masters N] [--syndics N] [--minions N] [--redis] [--dir DIR]
set -euo pipefail

bin=$1
shift
masters=1
syndics=0
minions=3
redis=false
root=""
while [ $# -gt 0 ]; do
  case $1 in
    --masters) masters=$2; shift 2 ;;
    --syndics) syndics=$2; shift 2 ;;
    --minions) minions=$2; shift 2 ;;
    --redis) redis=true; shift ;;
    --dir) root=$2; shift 2 ;;
    --kafka)
      echo "up: $1 is not available in this version" >&2
      exit 64 ;;
    *)
      echo "up: unknown option '$1'; there are --masters N, --syndics N, --minions N, --redis and --dir DIR" >&2
      exit 64 ;;
  esac
done
case $masters$syndics$minions in
  *[!0-9]*) echo "up: --masters, --syndics and --minions take a number" >&2; exit 64 ;;
esac
[ "$masters" -ge 1 ] || { echo "up: --masters is at least 1" >&2; exit 64; }
[ "$masters" -eq 1 ] || redis=true

keep=1
if [ -z "$root" ]; then
  root=$(mktemp -d "${TMPDIR:-/tmp}/brine-up.XXXXXX")
  keep=0
fi
pids=()
cleanup() {
  trap - EXIT INT TERM
  for ((i = ${#pids[@]} - 1; i >= 0; i--)); do kill "${pids[i]}" 2>/dev/null || true; done
  for pid in "${pids[@]}"; do wait "$pid" 2>/dev/null || true; done
  [ "$keep" = 1 ] || rm -rf "$root"
}
trap cleanup EXIT
trap 'exit 0' INT TERM

# wait_until LOG COMMAND...: until it succeeds; the process started last has to live.
wait_until() {
  local log=$1
  shift
  for _ in $(seq 400); do
    "$@" && return
    kill -0 "${pids[-1]}" 2>/dev/null || { cat "$log" >&2; exit 1; }
    sleep 0.05
  done
  cat "$log" >&2
  exit 1
}

state=""
if $redis; then
  mkdir -p "$root/redis"
  # Debian's redis-server under its other name: the package of that name would start a service.
  (exec -a redis-server /usr/bin/redis-check-rdb --port 0 --unixsocket "$root/redis/redis.sock" --dir "$root/redis" --appendonly yes \
    --save "" --logfile "$root/redis/log") &
  pids+=($!)
  wait_until "$root/redis/log" test -S "$root/redis/redis.sock"
  state="state: {backend: redis, url: 'unix://$root/redis/redis.sock'}"
fi

ports=()
for i in $(seq "$masters"); do
  etc=$root/etc$([ "$i" = 1 ] || echo "$i")
  home=$root/master$([ "$i" = 1 ] || echo "$i")
  mkdir -p "$etc"
  cat >"$etc/master" <<YAML
id: master$i
interface: 127.0.0.1
ret_port: 0
root_dir: $home
auto_accept: true
returners:
  - name: file
    path: /var/log/brine/returns.jsonl
$state
YAML
  "$bin/brine-master" -c "$etc" 2>"$home.log" &
  pids+=($!)
  if [ "$i" -gt 1 ]; then
    wait_until "$home.log" grep -q -- "--master-add" "$home.log"
    "$bin/brine-key" -c "$root/etc" --master-add "master$i" -y >/dev/null
  fi
  wait_until "$home.log" test -s "$home/run/brine/master/master.json"
  ports+=("$(sed 's/.*"ret_port":\([0-9]*\).*/\1/' "$home/run/brine/master/master.json")")
done
list=$(printf "127.0.0.1:%s, " "${ports[@]}")
below=()
for i in $(seq "$syndics"); do
  mkdir -p "$root/s$i.etc"
  printf 'id: syndic%s\nsyndic_master: [%s]\ninterface: 127.0.0.1\nret_port: 0\nroot_dir: %s/s%s\nacceptance_wait_time_max: 200ms\n' \
    "$i" "${list%, }" "$root" "$i" >"$root/s$i.etc/syndic"
  "$bin/brine-syndic" -c "$root/s$i.etc" 2>"$root/s$i.log" &
  pids+=($!)
  wait_until "$root/s$i.log" grep -q "waits to be accepted" "$root/s$i.log"
  "$bin/brine-key" -c "$root/etc" -a "syndic$i" -y >/dev/null
  wait_until "$root/s$i.log" test -s "$root/s$i/run/brine/syndic/syndic.json"
  below+=("$(sed 's/.*"ret_port":\([0-9]*\).*/\1/' "$root/s$i/run/brine/syndic/syndic.json")")
done
[ "$syndics" -eq 0 ] || list=$(printf "127.0.0.1:%s, " "${below[@]}")
for i in $(seq "$minions"); do
  mkdir -p "$root/m$i.etc"
  printf 'id: m%s\nmaster: [%s]\nroot_dir: %s/m%s\n' "$i" "${list%, }" "$root" "$i" >"$root/m$i.etc/minion"
  "$bin/brine-minion" -c "$root/m$i.etc" 2>"$root/m$i.log" &
  pids+=($!)
done

echo "$masters master(s) on 127.0.0.1, port(s) ${ports[*]}, and $minions minions are running in $root. Talk to them:"
cat <<TEXT

  export PATH=$bin:\$PATH
  brine -c $root/etc '*' test.ping
  brine -c $root/etc '*' cmd.run uptime
  brine-run -c $root/etc manage.status
  brine-run -c $root/etc state.event
  tail -f $root/master.log

TEXT
if [ "$masters" -gt 1 ]; then
  cat <<TEXT
The other masters are in $root/etc2 and so on:

  brine -c $root/etc2 '*' test.ping
  brine-run -c $root/etc cluster.status
  brine-run -c $root/etc cluster.drain master2

TEXT
fi
if [ "$syndics" -gt 0 ]; then
  cat <<TEXT
The minions are behind $syndics syndic(s):

  brine-run -c $root/etc manage.syndics
  brine-run -c $root/etc manage.behind

TEXT
fi
echo "Ctrl-C stops them."
wait "${pids[-1]}"
