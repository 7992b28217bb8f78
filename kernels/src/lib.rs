//! The operations of the DQN family, one definition of every bit.
