"""Where we may post to. A lender names the URL, so it could name our own network: a request forged from inside.

Python's `is_private` and `is_global` miss several of these ranges and change from version to version, so the list is
written out. IPv6 goes the other way round: only global unicast, minus the ranges in it that lead somewhere else.
"""

import asyncio
import socket
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from urllib.parse import urlsplit

from models.errors import Refused

_FORBIDDEN_IPV4 = tuple(
    ip_network(each)
    for each in (
        "0.0.0.0/8",  # this network
        "10.0.0.0/8",  # private
        "100.64.0.0/10",  # carrier-grade NAT
        "127.0.0.0/8",  # loopback
        "169.254.0.0/16",  # link-local, where clouds keep their credentials
        "172.16.0.0/12",  # private
        "192.0.0.0/24",  # protocol assignments
        "192.0.2.0/24",  # documentation
        "192.88.99.0/24",  # 6to4 relays
        "192.168.0.0/16",  # private
        "198.18.0.0/15",  # benchmarks
        "198.51.100.0/24",  # documentation
        "203.0.113.0/24",  # documentation
        "224.0.0.0/4",  # multicast
        "240.0.0.0/4",  # reserved, and broadcast
    )
)
# Loopback, private, link-local, IPv4-mapped (::ffff:0:0/96) and NAT64 (64:ff9b::/96) are all outside this one.
_GLOBAL_IPV6 = ip_network("2000::/3")
_FORBIDDEN_IPV6 = tuple(
    ip_network(each)
    for each in (
        "2001::/23",  # protocol assignments, Teredo among them: an IPv4 address in disguise
        "2001:db8::/32",  # documentation
        "2002::/16",  # 6to4: an IPv4 address in disguise
        "3fff::/20",  # documentation
    )
)
# What a developer's machine, or a Compose network, is made of; never link-local.
_LOCAL = tuple(
    ip_network(each) for each in ("127.0.0.0/8", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "::1/128", "fc00::/7")
)
_HTTPS_PORTS = {443, 8443}
_URL_LENGTH_LIMIT = 2048

Address = IPv4Address | IPv6Address
Resolve = Callable[[str, int], Awaitable[list[str]]]


class ForbiddenDestination(Refused):
    """We do not send anything to this URL."""


@dataclass(frozen=True, slots=True)
class Destination:
    """A URL taken apart once, so that nobody reads it differently later."""

    scheme: str
    host: str
    port: int
    path: str

    @property
    def authority(self) -> str:
        """Host and port as the `Host` header has them."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == {"https": 443, "http": 80}[self.scheme] else f"{host}:{self.port}"


def check_destination(url: str, *, allow_local: bool) -> Destination:
    """What can be said without asking DNS: production takes https, a usual port and no private address.

    `allow_local` is for the sandbox: http too, any port, and addresses of this machine or its private network.
    """
    destination = _take_apart(url)
    if destination.scheme == "http" and not allow_local:
        raise ForbiddenDestination("The URL must start with https.", "url")
    if destination.port not in _HTTPS_PORTS and not allow_local:
        raise ForbiddenDestination("The URL must use port 443 or 8443.", "url")
    try:
        address = ip_address(destination.host)
    except ValueError:
        return destination  # a name; what it stands for is looked at when we post
    _check_address(address, destination, allow_local=allow_local)
    return destination


async def resolve(host: str, port: int) -> list[str]:
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [str(sockaddr[0]) for *_, sockaddr in found]


async def vetted_address(destination: Destination, *, allow_local: bool, resolve: Resolve = resolve) -> Address:
    """The address to dial. The caller must dial this very one: a second look-up could give another answer."""
    addresses = [ip_address(each) for each in await resolve(destination.host, destination.port)]
    for address in addresses:
        # One bad address condemns the name: which one is dialed would be left to chance, or to whoever owns the name.
        _check_address(address, destination, allow_local=allow_local)
    if not addresses:
        raise ForbiddenDestination("The host of the URL has no address.", "url")
    return addresses[0]


def is_public(address: Address) -> bool:
    if isinstance(address, IPv4Address):
        return not any(address in network for network in _FORBIDDEN_IPV4)
    return address in _GLOBAL_IPV6 and not any(address in network for network in _FORBIDDEN_IPV6)


def is_local(address: Address) -> bool:
    return any(address in network for network in _LOCAL)


def _check_address(address: Address, destination: Destination, *, allow_local: bool) -> None:
    if allow_local and is_local(address):
        return
    if not is_public(address):
        raise ForbiddenDestination("The URL leads to an address that is not on the public Internet.", "url")
    if destination.scheme == "http":
        raise ForbiddenDestination("The URL must start with https.", "url")


def _take_apart(url: str) -> Destination:
    if len(url) > _URL_LENGTH_LIMIT or not url.isascii() or any(each <= " " or each in "\\\x7f" for each in url):
        # Parsers disagree about these, and a disagreement is a way around the checks below.
        raise ForbiddenDestination("The URL is too long, or has characters that do not belong in one.", "url")
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError as error:
        raise ForbiddenDestination("The URL cannot be read.", "url") from error
    if parts.scheme not in {"https", "http"} or not host:
        raise ForbiddenDestination("The URL must be an absolute https URL.", "url")
    if "@" in parts.netloc or "%" in host:
        raise ForbiddenDestination("The URL must name a host and nothing else before its path.", "url")
    if port is None:
        port = 443 if parts.scheme == "https" else 80
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return Destination(parts.scheme, host, port, path)
