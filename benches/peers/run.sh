#!/usr/bin/env bash
# mercato beside its peers, each on one core, in turns: figures as JSON lines into FIGURES, then a Markdown table.
#
#   benches/peers/run.sh [TOPIC ...]       topics: cartpole dqn_updates prioritised acting train_cartpole
#   ROUNDS=5 SECONDS_PER_FIGURE=3 FIGURES=target/peers.jsonl benches/peers/run.sh acting
#
# The first run makes a Python environment beside this file (about 5 GB). Nothing else should run meanwhile: on a shared
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

if [ ! -x "$environment/bin/python" ]; then
  python3 -m venv "$environment"
  "$environment/bin/pip" install --quiet --requirement "$here/requirements.txt"
fi
cargo build --release --benches --quiet

mkdir -p "$(dirname "$figures")"
: > "$figures"
core=$(python3 -c 'import os; print(min(os.sched_getaffinity(0)))')
for ((round = 1; round <= rounds; round++)); do
  for topic in "${topics[@]}"; do
    printf 'round %s of %s: %s\n' "$round" "$rounds" "$topic" >&2
    "$environment/bin/python" "$here/$topic.py" >> "$figures"
    taskset -c "$core" cargo bench --quiet --bench peers -- "$topic" >> "$figures"
  done
done
"$environment/bin/python" "$here/table.py" < "$figures"
