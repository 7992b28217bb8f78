#!/usr/bin/env bash
# mercato beside its peers, each on one core, in turns: figures as JSON lines into FIGURES, then a Markdown table.
#
#   benches/peers/run.sh [TOPIC ...]       topics: cartpole dqn_updates prioritised acting train_cartpole originals
#   ROUNDS=5 SECONDS_PER_FIGURE=3 FIGURES=target/peers.jsonl benches/peers/run.sh acting
#
# The first run makes a Python environment beside this file (about 5 GB), and for `originals` another one with RecSim and
# RecoGym; AUCTIONGYM names the src folder of a clone of AuctionGym. Nothing else should run meanwhile: on a shared
# machine only the ratios say something, which is why the sides take turns.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
cd "$here/../.."

rounds=${ROUNDS:-3}
figures=${FIGURES:-target/peers.jsonl}
environment=${PEERS_ENVIRONMENT:-$here/.venv}
export SECONDS_PER_FIGURE=${SECONDS_PER_FIGURE:-3}
topics=("$@")
[ ${#topics[@]} -gt 0 ] || topics=(cartpole dqn_updates prioritised acting train_cartpole)

of_originals=${ORIGINALS_ENVIRONMENT:-$here/.venv-originals}
for topic in "${topics[@]}"; do
  if [ "$topic" = originals ] && [ ! -x "$of_originals/bin/python" ]; then
    python3 -m venv "$of_originals"
    "$of_originals/bin/pip" install --quiet --requirement tests/slow/requirements-originals.txt
    "$of_originals/bin/pip" install --quiet --no-deps --requirement tests/slow/requirements-originals-alone.txt
  elif [ "$topic" != originals ] && [ ! -x "$environment/bin/python" ]; then
    python3 -m venv "$environment"
    "$environment/bin/pip" install --quiet --requirement "$here/requirements.txt"
  fi
done
cargo build --release --benches --quiet

mkdir -p "$(dirname "$figures")"
: > "$figures"
core=$(python3 -c 'import os; print(min(os.sched_getaffinity(0)))')
for ((round = 1; round <= rounds; round++)); do
  for topic in "${topics[@]}"; do
    printf 'round %s of %s: %s\n' "$round" "$rounds" "$topic" >&2
    if [ "$topic" = originals ]; then
      "$of_originals/bin/python" -W ignore "$here/originals.py" ${AUCTIONGYM:+"$AUCTIONGYM"} >> "$figures"
      taskset -c "$core" cargo bench --quiet --bench worlds -- --json compat/ >> "$figures"
    else
      "$environment/bin/python" "$here/$topic.py" >> "$figures"
      taskset -c "$core" cargo bench --quiet --bench peers -- "$topic" >> "$figures"
    fi
  done
done
python3 "$here/table.py" < "$figures"
