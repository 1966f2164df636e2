#!/bin/sh
# Runs a stress client against a stress server in other processes. usage: run.sh STRESS-SERVER STRESS-CLIENT
set -eu
server=$1
client=$2
name=zdtest-stress-$$
output=$(mktemp)
"$server" --name "$name" --payload-size 16384 --workers 4 >"$output" &
pid=$!
trap 'kill -KILL $pid 2>/dev/null || true; rm -f "$output"' EXIT
until grep -q ready "$output"; do kill -0 $pid; sleep 0.01; done

"$client" --name "$name" --count 20000 --inflight 32 --max 3000 --delay-max 20
"$client" --name "$name" --count 20000 --inflight 8 --max 1000 --grow-max 2000 --fail-every 7 --one-way-every 5
"$client" --name "$name" --count 5000 --wait spin --reconnects 3
"$client" --name "$name" --count 5000 --inflight 4 --wait block

kill -TERM $pid
wait $pid
trap 'rm -f "$output"' EXIT
cat "$output"
grep -q '"bad":0' "$output"
test -z "$(find /dev/shm -name "*$name*")"
