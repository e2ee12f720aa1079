"""How long work that reports its progress will still take."""

from collections import deque

WINDOW, INTERVALS = 30.0, 10
"""Seconds, and intervals between reports at least, over which the present speed is measured."""


class Pace:
    """Estimates the time left from reports of how much is done, at times that the caller reads off its clock.

    A report of another total, or of less than the last, begins other work, to which earlier speeds don't apply. The
    estimate takes the slower of two speeds: that since the beginning, which counts every pause in between, and that of
    the last `WINDOW` seconds and `INTERVALS` reports, which results read from a store don't speed up. Without `steady`
    it takes the first alone.
    """

    def __init__(self, steady: bool = True):
        self.window, self.reports, self.total = WINDOW if steady else float("inf"), deque[tuple[float, float]](), 0.0

    def report(self, now: float, done: float, total: float) -> None:
        """So much of the total is done."""
        if not self.reports or total != self.total or done < self.reports[-1][1] - 1e-9:
            self.reports.clear()
            self.first, self.total = (now, done), total
        self.reports.append((now, done))
        while len(self.reports) - 1 > INTERVALS and now - self.reports[1][0] > self.window:
            self.reports.popleft()

    def left(self, now: float) -> float | None:
        """Seconds until all is done; None before there is any progress to tell from."""
        if not self.reports:
            return None
        last, done = self.reports[-1]
        speeds = [(done - before) / (last - begun) for begun, before in (self.first, self.reports[0]) if last > begun]
        if not speeds or min(speeds) <= 0:
            return None
        return max(0.0, (self.total - done) / min(speeds) - (now - last))


def clock(seconds: float) -> str:
    """«0:42», «1:02:03», «2 d 03:04»."""
    minutes, second = divmod(round(seconds), 60)
    hours, minute = divmod(minutes, 60)
    days, hour = divmod(hours, 24)
    if days:
        return f"{days} d {hour:02}:{minute:02}"
    return f"{hour}:{minute:02}:{second:02}" if hour else f"{minute}:{second:02}"
