"""What `reset(options=…)` understands."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

SEEDS = 2**56


@dataclass(frozen=True)
class Options:
    """The options of a reset."""

    params: dict[str, Any] | None = None
    evaluation: bool = False
    first_row: int = 0
    anew: bool = False
    """Whether the episodes start anew although no seed was given."""

    @staticmethod
    def read(options: dict[str, Any] | None) -> Options:
        """Reads a dict; an unknown key is an error that names the known ones."""
        given = dict(options or {})
        params, domain, first_row = (given.pop(key, None) for key in ("params", "domain", "first_row"))
        if given:
            raise ValueError(f"unknown reset options {sorted(given)}; there are params, domain and first_row")
        if params is not None and not isinstance(params, dict):
            raise TypeError(f"the option params must be a dict, not {type(params).__name__}")
        if domain not in (None, "training", "evaluation"):
            raise ValueError(f"the option domain is {domain!r}; it must be 'training' or 'evaluation'")
        if first_row is not None and not 0 <= first_row < 2**32:
            raise ValueError(f"the option first_row is {first_row}; it must be between 0 and 2^32 - 1")
        anew = params is not None or domain is not None or first_row is not None
        return Options(params, domain == "evaluation", first_row or 0, anew)


def fresh_seed(env: Any) -> int:
    """A seed for an environment that was given none, from its own generator."""
    return int(env.np_random.integers(SEEDS))


def checked_seed(seed: int) -> int:
    """`seed` if it is one."""
    if isinstance(seed, bool) or not hasattr(seed, "__index__") or not 0 <= int(seed) < SEEDS:
        raise ValueError(f"the seed is {seed!r}; it must be an integer between 0 and 2^56 - 1")
    return int(seed)
