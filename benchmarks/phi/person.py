"""Made people: nobody's names from syllables, numbers, places, and dates that no shift maps on one another."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Final

from anonymizer import ProjectKey
from benchmarks.phi.folding import folded

__all__ = ["Draw", "Person"]

_LATIN: Final = (
    "bjør", "tveit", "kvåm", "råd", "grøn", "hjel", "ulv", "mund", "søl", "vard", "jürg", "zdén", "çag", "fjeld",
    "gøy", "løk", "wój", "nuñ", "skår", "qvig",
)  # fmt: skip
_CYRILLIC: Final = ("воро", "жихар", "щегл", "бука", "нефё", "дюж", "хмель", "цыган", "юро", "яков")
_GREEK: Final = ("παπα", "δημο", "ξεν", "γεωρ", "φωτι", "ζαχα", "λάμπ", "θεοδ", "χρύσ", "ψαλτ")
_KANJI: Final = "山田川村木森上鈴佐藤高橋渡辺伊中小林加吉岡松井清斎坂阿部池橘樋澤"
_HANGUL: Final = "김박최정강조윤장임한오서신권황안송류홍철수영민준혜진경숙희"
_CHARSETS: Final = {
    "kanji": "ISO 2022 IR 87",
    "hangul": "ISO 2022 IR 149",
    "cyrillic": "ISO 2022 IR 144",
    "greek": "ISO 2022 IR 126",
}
SCRIPTS: Final = {"latin": _LATIN, "cyrillic": _CYRILLIC, "greek": _GREEK}
_ROOT: Final = "1.3.6.1.4.1.99999.79"


@dataclass(frozen=True, slots=True)
class Person:
    """A patient; `scripted` is their name in a script of their own, ``family^given``, `charset` its defined term."""

    family: str
    given: str
    scripted: str
    charset: str
    number: str
    born: date
    phone: str
    mail: str
    street: str
    town: str


@dataclass
class Draw:
    """Draws from one seed; no word, number or date that it draws is part of another."""

    seed: int
    key: ProjectKey
    random: random.Random = field(init=False)
    _words: set[str] = field(default_factory=set)
    _shifts: set[int] = field(default_factory=set)
    _days: set[date] = field(default_factory=set)
    _uids: int = 0

    def __post_init__(self) -> None:
        self.random = random.Random(self.seed)

    def name(self, script: str = "latin") -> str:
        """A new name of two or three syllables."""
        return self._new(lambda: "".join(self.random.sample(SCRIPTS[script], 3)).title())

    def signs(self, script: str, count: int) -> str:
        """A new name in a script without spaces."""
        signs = _KANJI if script == "kanji" else _HANGUL
        return self._new(lambda: "".join(self.random.sample(signs, count)))

    def number(self, prefix: str = "", count: int = 8) -> str:
        """A new number of so many digits."""
        return self._new(lambda: f"{prefix}{self.random.randrange(10 ** (count - 1), 10**count)}")

    def word(self, kind: str) -> str:
        """A new word that is no name, nine letters and what it is for."""
        return self._new(lambda: "Q" + "".join(self.random.choices("bdfgjkqvwxz", k=8)) + kind)

    def uid(self) -> str:
        """A new UID."""
        self._uids += 1
        return f"{_ROOT}.{self.seed % 100000}.{self._uids}.{self.random.randrange(10**9, 10**10)}"

    def phone(self) -> str:
        """A new telephone number, in one of the ways that they are written."""
        d = [self.number(count=8) for _ in range(2)]
        forms = (
            f"+47 {d[0][:2]} {d[0][2:4]} {d[0][4:6]} {d[0][6:]}",
            f"{d[0][:2]} {d[0][2:4]} {d[0][4:6]} {d[0][6:]}",
            f"(0{d[0][:3]}) {d[1][:4]}-{d[1][4:]}",
            f"{d[0][:3]}-{d[0][3:6]}-{d[1][:4]}",
            f"0047{d[0]}",
        )
        return self.random.choice(forms)

    def day(self) -> date:
        """A new day; neither it nor what a patient's shift makes of it is any other's."""
        while True:
            day = date(1990, 1, 1) + timedelta(days=self.random.randrange(12500))
            near = {day + timedelta(days=sign * shift) for shift in self._shifts for sign in (1, -1)}
            if day not in self._days and not near & self._days:
                self._days.add(day)
                return day

    def person(self, script: str = "latin") -> Person:
        """A new patient."""
        family, given, number = self.name(), self.name(), self.number("P", 7)
        self._shifts.add(self.key.shift_days(number))
        charset = _CHARSETS.get(script, "")
        scripted = {
            "kanji": lambda: f"{self.signs('kanji', 2)}^{self.signs('kanji', 2)}",
            "hangul": lambda: f"{self.signs('hangul', 2)}^{self.signs('hangul', 3)}",
            "cyrillic": lambda: f"{self.name('cyrillic')}^{self.name('cyrillic')}",
            "greek": lambda: f"{self.name('greek')}^{self.name('greek')}",
        }.get(script, str)()
        born = self.day().replace(year=self.random.randrange(1920, 1990), day=self.random.randrange(1, 28))
        mail = f"{self.word('m').lower()}@example.org"
        street = f"{self.name()}gata {self.random.randrange(2, 99)}"
        return Person(family, given, scripted, charset, number, born, self.phone(), mail, street, self.name())

    def _new(self, make: Callable[[], str]) -> str:
        while True:
            word = make()
            plain = folded(word)
            if not any(plain in other or other in plain for other in self._words):
                self._words.add(plain)
                return word
