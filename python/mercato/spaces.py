"""Gymnasium's spaces for a world, and its actions in both forms.

A world stores an action as `items` (int64) and `reals` (float32). The classes here translate between those two columns
and what Gymnasium's users hand over: an integer, a slate, an array of numbers, or a tuple of these.
"""

from __future__ import annotations

from typing import Any

import gymnasium
import numpy as np
from gymnasium import spaces
from gymnasium.vector.utils import batch_space
from numpy.typing import NDArray

LARGEST = np.finfo(np.float32).max


class Slate(spaces.MultiDiscrete):
    """An ordered choice of `slots` distinct items out of `candidates`: an integer array of shape (slots,)."""

    def __init__(self, candidates: int, slots: int, seed: Any = None):
        self.candidates, self.slots = candidates, slots
        super().__init__(np.full(slots, candidates), seed=seed)

    def sample(self, mask: Any = None, probability: Any = None) -> NDArray[np.int64]:
        """A uniform draw over ordered tuples of distinct items; masks are not supported."""
        if mask is not None or probability is not None:
            raise ValueError("a slate takes no mask: its items are drawn together")
        return self.np_random.permutation(self.candidates)[: self.slots].astype(self.dtype)

    def contains(self, x: Any) -> bool:
        """Whether `x` is an array of distinct items in range."""
        return super().contains(x) and len(np.unique(x)) == self.slots

    def __repr__(self) -> str:
        return f"Slate({self.candidates}, {self.slots})"

    def __eq__(self, other: object) -> bool:
        same = isinstance(other, Slate) and (self.candidates, self.slots) == (other.candidates, other.slots)
        return same and super().__eq__(other)


class Slates(spaces.Box):
    """`rows` slates at once: an integer array of shape (rows, slots)."""

    def __init__(self, one: Slate, rows: int):
        self.one = one
        seed = int(one.np_random.integers(2**31))
        super().__init__(0, one.candidates - 1, (rows, one.slots), np.int64, seed=seed)

    def sample(self, mask: Any = None, probability: Any = None) -> NDArray[np.int64]:
        """A uniform draw of distinct items in every row; masks are not supported."""
        if mask is not None or probability is not None:
            raise ValueError("a slate takes no mask: its items are drawn together")
        ordered = self.np_random.random((self.shape[0], self.one.candidates)).argsort(axis=1)
        return ordered[:, : self.one.slots].astype(np.int64)


@batch_space.register(Slate)
def _batch_slate(space: Slate, n: int = 1) -> Slates:
    return Slates(space, n)


class DistinctSlates(gymnasium.ActionWrapper):
    """Lets a policy choose the places of a slate independently: a repeated item becomes the next free one.

    For policies over `MultiDiscrete`, which may name an item twice; the world itself refuses such a slate.
    """

    def __init__(self, env: gymnasium.Env):
        super().__init__(env)
        if not isinstance(env.action_space, Slate):
            raise TypeError(f"DistinctSlates needs an environment of slates; this one has {env.action_space}")
        self._items = int(env.action_space.nvec[0])
        self.action_space = spaces.MultiDiscrete(env.action_space.nvec)

    def action(self, action: NDArray[np.integer]) -> NDArray[np.int64]:
        """The slate itself if its items are distinct."""
        chosen: list[int] = []
        for item in np.asarray(action):
            while int(item) in chosen:
                item = (item + 1) % self._items
            chosen.append(int(item))
        return np.array(chosen, np.int64)


def observation_space(fields: list[dict]) -> spaces.Box:
    """The box of an observation row, float32 (n,).

    An unbounded number has the largest float32 as its bound, and a constant stands at the end of an
    interval of length 1: Gymnasium wants finite bounds that differ.
    """
    lengths = [field["len"] for field in fields]
    # JSON has no infinity: an unbounded field says null.
    low = np.repeat([-LARGEST if field["low"] is None else field["low"] for field in fields], lengths)
    high = np.repeat([LARGEST if field["high"] is None else field["high"] for field in fields], lengths)
    constant = low == high
    low, high = np.where(constant & (high >= 0), high - 1, low), np.where(constant & (high < 0), low + 1, high)
    return spaces.Box(low.astype(np.float32), high.astype(np.float32), dtype=np.float32)


def action_form(shape: dict, scaled: bool) -> ActionForm:
    """The translation for a world's action shape."""
    ((kind, of),) = shape.items()
    if kind == "discrete":
        return Item(of)
    if kind == "slate":
        return Items(of["candidates"], of["slots"])
    if kind == "continuous":
        return Reals(np.array(of, np.float64), scaled)
    return Several([action_form(part, scaled) for part in of])


class ActionForm:
    """Translates between a Gymnasium space and the two columns; `rows` is None for a single environment."""

    space: spaces.Space
    items: int
    """Words of the item column that one action takes."""
    reals: int
    """Words of the real column that one action takes."""

    def encode(self, action: Any, rows: int | None) -> tuple[NDArray[np.int64] | None, NDArray[np.float32] | None]:
        """The columns of an action, each (rows or 1, words), or None where it has no words."""
        raise NotImplementedError

    def decode(self, items: NDArray[np.int64], reals: NDArray[np.float32], rows: int | None) -> Any:
        """The action that the columns, (rows or 1, words), stand for."""
        raise NotImplementedError


class Item(ActionForm):
    """One of `count` alternatives."""

    def __init__(self, count: int):
        self.space, self.items, self.reals = spaces.Discrete(count), 1, 0

    def encode(self, action, rows):
        return _integers(action, () if rows is None else (rows,), rows, 1), None

    def decode(self, items, reals, rows):
        return np.int64(items[0, 0]) if rows is None else items[:, 0].copy()


class Items(ActionForm):
    """A slate."""

    def __init__(self, candidates: int, slots: int):
        self.space, self.items, self.reals = Slate(candidates, slots), slots, 0

    def encode(self, action, rows):
        return _integers(action, _shape(rows, self.items), rows, self.items), None

    def decode(self, items, reals, rows):
        return items[0].copy() if rows is None else items.copy()


class Reals(ActionForm):
    """Numbers between bounds; `scaled` maps each interval onto [-1, 1]."""

    def __init__(self, bounds: NDArray[np.float64], scaled: bool):
        self.low, self.high = bounds[:, 0], bounds[:, 1]
        self.items, self.reals, self.scaled = 0, len(bounds), scaled
        low, high = (-np.ones(self.reals), np.ones(self.reals)) if scaled else (self.low, self.high)
        self.space = spaces.Box(low.astype(np.float32), high.astype(np.float32), dtype=np.float32)

    def encode(self, action, rows):
        array = np.asarray(action)
        if array.dtype.kind not in "fiu":
            raise TypeError(f"the action must be real numbers, not {array.dtype}")
        _check_shape(array, _shape(rows, self.reals))
        if self.scaled:
            if not (np.abs(array) <= 1).all():
                low, high = self.low.tolist(), self.high.tolist()
                raise ValueError(
                    f"the action is {array}, outside [-1, 1], which stands for {low} to {high}; clip it, or make the "
                    "environment with scale_actions=False to act in the world's own units"
                )
            array = self.low + (np.asarray(array, np.float64) + 1) / 2 * (self.high - self.low)
        return None, np.ascontiguousarray(array, np.float32).reshape(rows or 1, self.reals)

    def decode(self, items, reals, rows):
        numbers = reals.astype(np.float64)
        if self.scaled:
            numbers = np.clip((numbers - self.low) / (self.high - self.low) * 2 - 1, -1, 1)
        numbers = numbers.astype(np.float32)
        return numbers[0] if rows is None else numbers


class Several(ActionForm):
    """A tuple of actions, such as an item and its price."""

    def __init__(self, parts: list[ActionForm]):
        self.parts = parts
        self.space = spaces.Tuple([part.space for part in parts])
        self.items, self.reals = sum(part.items for part in parts), sum(part.reals for part in parts)

    def encode(self, action, rows):
        if not isinstance(action, (tuple, list)) or len(action) != len(self.parts):
            raise TypeError(f"the action must be a tuple of {len(self.parts)} parts: {self.space}")
        columns = [part.encode(value, rows) for part, value in zip(self.parts, action)]
        return _joined([items for items, _ in columns]), _joined([reals for _, reals in columns])

    def decode(self, items, reals, rows):
        action = []
        for part in self.parts:
            action.append(part.decode(items[:, : part.items], reals[:, : part.reals], rows))
            items, reals = items[:, part.items :], reals[:, part.reals :]
        return tuple(action)


def _shape(rows: int | None, words: int) -> tuple[int, ...]:
    return (words,) if rows is None else (rows, words)


def _integers(action: Any, shape: tuple[int, ...], rows: int | None, words: int) -> NDArray[np.int64]:
    array = np.asarray(action)
    if array.dtype.kind not in "iu":
        raise TypeError(f"the action must be integers, not {array.dtype}")
    _check_shape(array, shape)
    return np.ascontiguousarray(array, np.int64).reshape(rows or 1, words)


def _check_shape(array: NDArray, shape: tuple[int, ...]) -> None:
    if array.shape != shape:
        raise ValueError(f"the action has shape {array.shape}; it must be {shape}")


def _joined(columns: list[NDArray | None]) -> NDArray | None:
    there = [column for column in columns if column is not None]
    return np.concatenate(there, axis=1) if there else None
