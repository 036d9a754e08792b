"""One route, and one sender: what may stand in a route, and whether it fits a sender."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, replace
from ipaddress import IPv6Address, ip_address, ip_network

from ror.errors import ConfigurationError
from ror.registry.conditions import Condition

__all__ = ["ANY", "Route", "Sender"]

ANY = "*"
# PS3.5 6.2, AE: the default repertoire without the backslash and control characters.
_AE_TITLE = re.compile(r"[\x20-\x5b\x5d-\x7e]{1,16}")
_MOST_PRIORITY = 1000
_LONGEST_SETTLE_SECONDS = 86400.0
_LONGEST_CONDITION = 500  # PostgreSQL's indices hold no long texts


@dataclass(frozen=True, slots=True)
class Sender:
    """Who sends: AE titles (PS3.8 7.1.1.3) and network address; a None is not looked at."""

    calling_ae: str | None
    called_ae: str | None = None
    address: str | None = None


@dataclass(frozen=True, slots=True)
class Route:
    """What a sender sends belongs to `project`; ``*`` stands for any title or address.

    Attributes
    ----------
    address
        Of a host, or of a network as ``10.1.0.0/16``.
    condition
        Rules of the select language that the object must meet (`Condition`); empty: every object does.
    priority
        Routes with a higher one are tried first.
    settle_seconds
        Quiet for so long, a study is complete; None: as ``listener.settle_seconds`` says.
    until_release
        A study is complete when the association that brought it is released.
    """

    calling_ae: str
    called_ae: str
    project: str
    address: str = ANY
    condition: str = ""
    priority: int = 0
    settle_seconds: float | None = None
    until_release: bool = False

    @property
    def described(self) -> str:
        """From whom to whom, and on which condition, in one line."""
        address = "" if self.address == ANY else f" at {self.address}"
        condition = f" where {self.condition}" if self.condition else ""
        return f"{self.calling_ae}{address} → {self.called_ae}{condition}"

    @property
    def order(self) -> tuple[object, ...]:
        """Its place among others: by priority, and then the most particular first."""
        network = None if self.address == ANY else ip_network(self.address)
        return (
            -self.priority,
            self.calling_ae == ANY,
            self.called_ae == ANY,
            math.inf if network is None else network.max_prefixlen - network.prefixlen,
            not self.condition,
            self.calling_ae,
            self.called_ae,
            self.address,
            self.condition,
        )

    def canonical(self) -> Route:
        """The route in the one form in which it is kept.

        Raises
        ------
        ConfigurationError
            A title, the address, the condition or a number is none.
        """
        if not -_MOST_PRIORITY <= self.priority <= _MOST_PRIORITY:
            raise ConfigurationError(f"a priority is a number from {-_MOST_PRIORITY} to {_MOST_PRIORITY}")
        if self.settle_seconds is not None and not 0 <= self.settle_seconds <= _LONGEST_SETTLE_SECONDS:
            raise ConfigurationError(f"a settle time is 0 to {_LONGEST_SETTLE_SECONDS:g} seconds")
        condition = Condition.read(self.condition).text if self.condition.strip() else ""
        if len(condition) > _LONGEST_CONDITION:
            raise ConfigurationError(
                f"a condition has at most {_LONGEST_CONDITION} characters", advice="make two routes of it"
            )
        return replace(
            self,
            calling_ae=_title(self.calling_ae),
            called_ae=_title(self.called_ae),
            address=_network(self.address),
            condition=condition,
        )

    def misfits(self, sender: Sender) -> tuple[str, ...]:
        """Why it does not lead from a sender, whatever that sends; () if it may."""
        told = [
            f"the {which} AE title is {said.strip()!r}, not {wanted!r}"
            for which, wanted, said in (
                ("calling", self.calling_ae, sender.calling_ae),
                ("called", self.called_ae, sender.called_ae),
            )
            if said is not None and wanted not in (ANY, said.strip())
        ]
        if sender.address is not None and not _is_in(sender.address, self.address):
            told.append(f"the address {sender.address or 'is not known and'} is not in {self.address}")
        return tuple(told)


def _title(text: str) -> str:
    # Spaces around a title mean nothing (PS3.5 6.2, AE).
    title = text.strip(" ")
    if not _AE_TITLE.fullmatch(title):
        raise ConfigurationError(
            f"{title!r} is no AE title",
            advice="use 1 to 16 characters of ASCII and no backslash, or * for any",
        )
    return title


def _network(text: str) -> str:
    if text.strip() == ANY:
        return ANY
    try:
        network = ip_network(text.strip())
    except ValueError as error:
        raise ConfigurationError(
            f"{text!r} is no address of a host or network",
            advice="use one such as 10.1.2.3, 10.1.0.0/16 or fd00::/8 (no bits behind the prefix), or * for any",
        ) from error
    alone = network.prefixlen == network.max_prefixlen
    return str(network.network_address) if alone else str(network)


def _is_in(address: str, network: str) -> bool:
    if network == ANY:
        return True
    try:
        host = ip_address(address.partition("%")[0])
    except ValueError:  # what comes from quarantine, or by no network
        return False
    if isinstance(host, IPv6Address) and host.ipv4_mapped is not None:  # a listener on :: sees IPv4 so
        host = host.ipv4_mapped
    return host in ip_network(network)
