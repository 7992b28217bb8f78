//! The DQN family and its baselines.
