//! Synthetic user-behaviour worlds whose optimum is known.
