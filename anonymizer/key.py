"""The secret of a project, and everything that is derived from it.

HMAC-SHA-256 (RFC 2104) with a name for each purpose, so that a UID never tells a date shift. The same secret
gives the same research identity in every process and every year, without a table; two projects cannot be
linked.
"""

from __future__ import annotations

import base64
import hmac

from anonymizer.errors import WeakKey

__all__ = ["ProjectKey"]

_SHORTEST_SECRET = 16
_MOST_WEEKS = 521  # ten years
_MOST_DAYS = 3650
_UID_BITS = 122


class ProjectKey:
    """The secret of one project; shows nothing of it.

    Parameters
    ----------
    secret
        At least 16 bytes from a random source, kept for as long as the project lives.

    Raises
    ------
    WeakKey
        The secret is shorter.
    """

    __slots__ = ("_secret",)

    def __init__(self, secret: bytes) -> None:
        if len(secret) < _SHORTEST_SECRET:
            raise WeakKey(
                "weak_key",
                f"The project's secret has fewer than {_SHORTEST_SECRET} bytes",
                "Make one with: python -c 'import secrets; print(secrets.token_hex(32))'",
            )
        self._secret = bytes(secret)

    def __repr__(self) -> str:
        return "ProjectKey(<secret>)"

    def __reduce__(self) -> str:
        raise TypeError("a ProjectKey is not pickled: its secret stays in this process")

    def uid(self, old: str) -> str:
        """``2.25.`` and 122 keyed bits (PS3.5 B.2), always the same for the same UID."""
        number = int.from_bytes(self._digest("uid", old)[:16], "big") >> (128 - _UID_BITS)
        return f"2.25.{number}"

    def pseudonym(self, old: str, issuer: str = "") -> str:
        """``ROR-`` and ten base32 characters (50 bits) for a PatientID and its issuer."""
        return f"ROR-{self._letters('pseudonym', issuer, old)}"

    def shift_days(self, old: str, issuer: str = "", *, weekdays: bool = True) -> int:
        """Days to add to every date of a patient: negative, -7 to -3647 in whole weeks.

        Without `weekdays` any number of days, -1 to -3650, so that not even the day of the week is left.
        """
        if not weekdays:
            number = int.from_bytes(self._digest("date of any weekday", issuer, old)[:8], "big")
            return -1 - number % _MOST_DAYS
        number = int.from_bytes(self._digest("date", issuer, old)[:8], "big")
        return -7 * (1 + number % _MOST_WEEKS)

    def study_id(self, study_instance_uid: str) -> str:
        """``S`` and ten base32 characters for a study; fits StudyID (SH, 16 characters)."""
        return f"S{self._letters('study id', study_instance_uid)}"

    def accession_number(self, old: str) -> str:
        """``A`` and ten base32 characters for an accession number; fits AccessionNumber (SH, 16 characters)."""
        return f"A{self._letters('accession number', old)}"

    def subject_digest(self, old: str, issuer: str = "", accession_number: str = "") -> str:
        """Keyed digest of a patient, or of one study of theirs, to find them in a list without their id; 64 digits."""
        return self._digest("subject", issuer, old, accession_number).hex()

    def fingerprint(self, data: bytes) -> str:
        """Keyed digest of any bytes, 64 hexadecimal digits."""
        return hmac.digest(self._secret, b"fingerprint" + data, "sha256").hex()

    def _letters(self, purpose: str, *parts: str) -> str:
        return base64.b32encode(self._digest(purpose, *parts)[:10]).decode()[:10]

    def _digest(self, purpose: str, *parts: str) -> bytes:
        # Lengths keep ("ab", "c") and ("a", "bc") apart.
        message = b"".join(len(p).to_bytes(4, "big") + p for p in (t.encode() for t in (purpose, *parts)))
        return hmac.digest(self._secret, message, "sha256")
