#!/usr/bin/env bash
# check.sh FIRN: starts the services of this folder's shell with the program FIRN, for real: both answer on the ports that
# their clients are told, what is written is there the next time, another port is taken where the wanted one is not free,
# and nothing runs any more afterwards, however that came.
set -eu
firn=$(realpath "$1")
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export XDG_DATA_HOME=$work/data
cd "$work"

develop() { "$firn" develop -f "$here/shell.nix" --services -c bash -eu -c "$1"; }
fail() { echo "$*" >&2; exit 1; }
# Processes of the services: their command lines name the state directory, or the port that redis shows.
running() { pgrep -f "$work/data/firn/services|redis-server 127.0.0.1:${redis_port:-none}" || true; }
gone() {
  for _ in $(seq 200); do [ -n "$(running)" ] || return 0; sleep 0.1; done
  ps -p "$(running | paste -sd,)" >&2
  fail "services run on after $1"
}

port_of='echo "$PGPORT ${REDIS_URL##*:}" > '$work/ports
develop "$port_of"'; psql -qc "create table t (x int); insert into t values (42)"; redis-cli -u "$REDIS_URL" set x 43 > /dev/null'
read -r postgres_port redis_port < "$work/ports"
gone "the command has ended"

# The port that it would like is somebody else's now.
python3 -c '
import socket, sys, time
held = socket.socket()
held.bind(("127.0.0.1", int(sys.argv[1])))
held.listen()
print("held", flush=True)
time.sleep(600)
' "$postgres_port" > "$work/held" &
holder=$!
trap 'kill $holder; rm -rf "$work"' EXIT
until [ -s "$work/held" ]; do sleep 0.1; done
answers=$(develop "$port_of"'; psql -Atc "select x from t"; redis-cli -u "$REDIS_URL" get x' 2> /dev/null)
[ "$answers" = $'42\n43' ] || fail "what was written is not there: $answers"
read -r other_port redis_port < "$work/ports"
[ "$other_port" != "$postgres_port" ] || fail "the port $postgres_port was not free"
gone "the second command has ended"

# `up` ends them when it is asked to, asked twice, or killed.
up() {
  "$firn" up -f "$here/shell.nix" > "$work/variables" &
  up=$!
  until grep -q '^REDIS_URL=' "$work/variables"; do
    kill -0 $up || fail "'up' has ended: $(cat "$work/variables")"
    sleep 0.1
  done
  redis_port=$(sed -n 's/^REDIS_URL=.*://p' "$work/variables")
  [ -n "$(running)" ] || fail "no service runs"
}
up; kill -TERM $up; wait $up || fail "'up' ended with $?"
gone "'up' was asked to end"
up; kill -TERM $up; kill -TERM $up; wait $up || true
gone "'up' was asked twice"
up; kill -KILL $up; wait $up || true
gone "'up' was killed"
echo "services start, answer and end"
