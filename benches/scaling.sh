#!/usr/bin/env bash
# Time and peak memory at two sizes: rows held at once, transitions, seeds. Prints a Markdown table.
#
#   benches/scaling.sh            needs GNU time (Debian package `time`); nothing else should run meanwhile
set -euo pipefail
cd "$(dirname "$0")/.."
cargo build --release --quiet
program=${CARGO_TARGET_DIR:-target}/release/mercato
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

# measure NAME ARGUMENTS...: a table row with seconds and peak memory.
measure() {
  local name=$1
  shift
  command time --format '%e %M' --output "$folder/time" "$program" "$@" > /dev/null 2> /dev/null
  read -r seconds kilobytes < "$folder/time"
  printf '| %s | %s | %s |\n' "$name" "$seconds" "$((kilobytes / 1024))"
}

train() { # train STEPS SEEDS: one thread, a ring that holds all transitions
  printf '%s\n' train rec/markov-interest-matrix-v1 --steps "$1" --seeds "0..$2" --jobs 1 --episodes 100 \
    --set agent.hidden=[64] --set "agent.memory=$1" --out "$folder/run-$1-$2"
}

printf '| what | seconds | peak memory, MiB |\n|---|---|---|\n'
for rows in 100000 200000 400000; do
  measure "rollout of $rows episodes of cartpole, all at once" \
    rollout classic/cartpole-v1 --policy random --episodes "$rows" --rows "$rows"
done
for steps in 200000 400000 800000; do
  mapfile -t arguments < <(train "$steps" 1)
  measure "training of $steps transitions, all remembered" "${arguments[@]}"
done
for seeds in 2 4; do
  mapfile -t arguments < <(train 200000 "$seeds")
  measure "training of 200000 transitions, $seeds seeds one after another" "${arguments[@]}"
done
