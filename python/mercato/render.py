"""A chart of an episode in pixels, with nothing but NumPy."""

from __future__ import annotations

import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

HEIGHT, WIDTH, MARGIN = 400, 600, 20
PAPER, FRAME, LINE, BAR = (255, 255, 255), (200, 200, 200), (31, 119, 180), (120, 120, 120)


class Chart:
    """Above, the sum of rewards over the steps; below, the present observation, a bar for each number."""

    def __init__(self, space: spaces.Box):
        self._space = space
        self._sums: list[float] = [0.0]
        self._observation = np.zeros(space.shape, np.float32)

    def start(self, observation: NDArray[np.float32]) -> None:
        """A new episode."""
        self._sums, self._observation = [0.0], observation

    def add(self, observation: NDArray[np.float32], reward: float) -> None:
        """One more step."""
        self._sums.append(self._sums[-1] + reward)
        self._observation = observation

    def image(self) -> NDArray[np.uint8]:
        """Pixels, uint8 (400, 600, 3)."""
        image = np.full((HEIGHT, WIDTH, 3), PAPER, np.uint8)
        half = HEIGHT // 2
        sums, bars = image[MARGIN : half - MARGIN // 2, MARGIN:-MARGIN], image[half + MARGIN // 2 : -MARGIN, MARGIN:-MARGIN]
        for panel in (sums, bars):
            panel[[0, -1]], panel[:, [0, -1]] = FRAME, FRAME
        self._draw_sums(sums[1:-1, 1:-1])
        self._draw_bars(bars[1:-1, 1:-1])
        return image

    def _draw_sums(self, panel: NDArray[np.uint8]) -> None:
        height, width, _ = panel.shape
        low, high = min(self._sums), max(self._sums)
        columns = np.arange(width)
        values = np.interp(columns * (len(self._sums) - 1) / (width - 1), np.arange(len(self._sums)), self._sums)
        rows = np.rint((high - values) / ((high - low) or 1) * (height - 1)).astype(int)
        # From each column's point to the next one's, so that steep parts have no gaps.
        for column, (row, following) in enumerate(zip(rows, np.append(rows[1:], rows[-1]))):
            panel[min(row, following) : max(row, following) + 1, column] = LINE

    def _draw_bars(self, panel: NDArray[np.uint8]) -> None:
        height, width, _ = panel.shape
        low, high = self._space.low.astype(float), self._space.high.astype(float)
        # A number without bounds is drawn within [-1, 1].
        low, high = np.where(low < -1e30, -1, low), np.where(high > 1e30, 1, high)
        span = np.where(high > low, high - low, 1)
        share = np.clip((self._observation - low) / span, 0, 1)
        edges = np.linspace(0, width, len(share) + 1).astype(int)
        for value, left, right in zip(share, edges, edges[1:]):
            panel[height - int(value * height) :, left : max(right - 1, left + 1)] = BAR
