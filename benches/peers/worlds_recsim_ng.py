"""RecSim NG: its own simulation of interest evolution, all users at once, compiled by TensorFlow into one graph.

    python -m venv target/recsim-ng
    target/recsim-ng/bin/pip install tensorflow==2.21.0 tf-keras tensorflow-probability==0.25.0 gin-config gym-notices cloudpickle
    target/recsim-ng/bin/pip install --no-deps recsim-ng==0.1.2 edward2==0.0.2 gym==0.26.2
    SECONDS_PER_FIGURE=1 target/recsim-ng/bin/python benches/peers/worlds_recsim_ng.py

Its equations are not RecSim's, so it stands beside no port: users, documents and the recommender, without learning.
"""

from measure import measured  # first: it pins the threads

import os

import gym.spaces
import numpy as np

os.environ |= {"TF_CPP_MIN_LOG_LEVEL": "3", "TF_USE_LEGACY_KERAS": "1"}

USERS = 1024
STEPS = 64


class Box(gym.spaces.Box):
    """As old versions of gym have it, which take sizes and bounds that are tensors."""

    def __init__(self, low, high, shape=None, dtype=np.float32):
        low, high = (bound if bound.ndim else float(bound) for bound in map(np.asarray, (low, high)))
        super().__init__(low, high, None if shape is None else tuple(int(size) for size in shape), np.float32)


def playing():
    np.Inf = np.inf  # as NumPy 1 called it
    gym.spaces.Box = Box
    import tensorflow

    tensorflow.config.threading.set_intra_op_parallelism_threads(1)
    tensorflow.config.threading.set_inter_op_parallelism_threads(1)
    from recsim_ng.applications.recsys_partially_observable_rl import simulation_config
    from recsim_ng.core.network import Network
    from recsim_ng.lib.tensorflow.runtime import TFRuntime

    variables, _ = simulation_config.create_interest_evolution_simulation_network(num_users=USERS)
    runtime = TFRuntime(network=Network(variables=list(variables)), graph_compile=False)

    @tensorflow.function
    def work():
        state = runtime.execute(num_steps=STEPS - 1)
        return tensorflow.reduce_sum(state["metrics state"].get("cumulative_reward"))

    return work


if __name__ == "__main__":
    measured("RecSim NG", f"interest evolution, {USERS} users", "steps/s", playing, STEPS * USERS)
