"""Ten lines: play a world from Gymnasium, and see how far from the optimum that was."""

import gymnasium
import mercato

env = gymnasium.make("mercato/rec-markov-interest-v1")
observation, info = env.reset(seed=0)
over = False
while not over:
    action = env.action_space.sample()
    observation, reward, terminated, truncated, info = env.step(action)
    over = terminated or truncated
print(info["metrics"])
print(mercato.optimum("rec/markov-interest-v1"))
