"""The time of day in which a PACS may be asked for studies."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, time, timedelta

from ror.errors import ConfigurationError

__all__ = ["ALWAYS", "Window"]

_TEXT = re.compile(r"(\d\d?):(\d\d)-(\d\d?):(\d\d)")


@dataclass(frozen=True, slots=True)
class Window:
    """From one time of day to another, also over midnight; the same twice is the whole day. Local time."""

    begin: time
    end: time

    @classmethod
    def parse(cls, text: str) -> Window:
        """``22:00-06:00``.

        Raises
        ------
        ConfigurationError
            It is none.
        """
        found = _TEXT.fullmatch(text.strip())
        try:
            hours = [int(part) for part in found.groups()] if found else []
            return cls(time(hours[0], hours[1]), time(hours[2], hours[3]))
        except (ValueError, IndexError) as error:
            raise ConfigurationError(f"{text} is no time window", advice="write 22:00-06:00") from error

    def seconds_until_open(self, now: datetime) -> float:
        """How long to wait, 0 within the window."""
        if self.begin == self.end or self._has(now.time()):
            return 0.0
        opens = datetime.combine(now.date(), self.begin, now.tzinfo)
        if opens < now:
            opens += timedelta(days=1)
        return (opens - now).total_seconds()

    def _has(self, at: time) -> bool:
        if self.begin < self.end:
            return self.begin <= at < self.end
        return at >= self.begin or at < self.end

    def __str__(self) -> str:
        return f"{self.begin:%H:%M}-{self.end:%H:%M}"


ALWAYS = Window(time(0), time(0))
