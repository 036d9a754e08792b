"""Who runs this process, as the system knows it, and whether that is somebody who may do a thing."""

from __future__ import annotations

import grp
import os
import pwd
from collections.abc import Iterator
from dataclasses import dataclass

__all__ = ["Role", "caller"]

_GROUP = "@"


def caller() -> str:
    """The name of the user who runs this process, with who is said to be behind it under sudo."""
    name = _user()
    behind = os.environ.get("SUDO_USER", "")
    return f"{name} (sudo, said to be {behind})"[:128] if behind else name


@dataclass(frozen=True, slots=True)
class Role:
    """Users, and groups as ``@name``, who may do a thing; nobody where there are none, not even root."""

    members: tuple[str, ...] = ()

    @property
    def is_held(self) -> bool:
        """Whether the one who runs this process has it. SUDO_USER does not count: anybody can set it."""
        return _user() in self.members or any(_is_in(one) for one in self.members)

    def unknown(self) -> Iterator[str]:
        """Members whom this system does not know."""
        for one in self.members:
            try:
                if one.startswith(_GROUP):
                    grp.getgrnam(one.removeprefix(_GROUP))
                else:
                    pwd.getpwnam(one)
            except KeyError:
                yield one


def _user() -> str:
    # The user whom the system knows: LOGNAME can say anything.
    uid = os.getuid()
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"uid {uid}"


def _is_in(member: str) -> bool:
    if not member.startswith(_GROUP):
        return False
    try:
        group = grp.getgrnam(member.removeprefix(_GROUP)).gr_gid
    except KeyError:
        return False
    return group == os.getgid() or group in os.getgroups()
