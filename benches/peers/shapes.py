"""The shapes of the DQN updates that are compared."""

SHAPES = {
    "S = 100-64-10, batch 64": ((100, 64, 10), 64),
    "M = 128-256-256-10, batch 256": ((128, 256, 256, 10), 256),
    "L = 128-256-256-1000, batch 256": ((128, 256, 256, 1000), 256),
}
STORED = 100_000
DISCOUNT = 0.99
LEARNING_RATE = 1e-3
TARGET_EVERY = 1000


def transitions(widths, generator):
    """Random transitions as numpy arrays: observation, action, reward, next observation, terminated."""
    import numpy as np

    shape = (STORED, widths[0])
    return (
        generator.standard_normal(shape, dtype=np.float32),
        generator.integers(0, widths[-1], STORED),
        generator.standard_normal(STORED, dtype=np.float32),
        generator.standard_normal(shape, dtype=np.float32),
        (generator.random(STORED) < 0.05).astype(np.float32),
    )
