"""Sums over a sliding span of time, which is how the venues count what an address uses."""

from __future__ import annotations

from collections import deque


class Window:
    """A sum over the last `seconds`."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._entries: deque[tuple[float, int]] = deque()
        self._sum = 0

    def total(self, now_s: float) -> int:
        while self._entries and self._entries[0][0] <= now_s - self._seconds:
            self._sum -= self._entries.popleft()[1]
        return self._sum

    def add(self, now_s: float, amount: int) -> None:
        self._entries.append((now_s, amount))
        self._sum += amount

    def admit(self, now_s: float, amount: int, most: int) -> bool:
        """Add the amount unless that would exceed `most`."""
        if self.total(now_s) + amount > most:
            return False
        self.add(now_s, amount)
        return True

    def ends_in(self, now_s: float) -> float:
        """Seconds until the oldest amount leaves the sum; 0 for an empty one."""
        return max(self._entries[0][0] + self._seconds - now_s, 0.0) if self._entries else 0.0
