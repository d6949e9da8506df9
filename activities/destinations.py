"""Where we may post to. A lender names the URL, so it could name our own network: a request forged from inside.

Python's `is_private` and `is_global` miss several of these ranges and change from version to version, so the list is
written out. IPv6 goes the other way round: only global unicast, minus the ranges in it that lead somewhere else.
"""

import asyncio
import re
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
        "192.31.196.0/24",  # AS112
        "192.52.193.0/24",  # multicast tunnels
        "192.88.99.0/24",  # 6to4 relays
        "168.63.129.16/32",  # Azure's own host, seen from each of its machines
        "192.168.0.0/16",  # private
        "192.175.48.0/24",  # AS112
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
        "2620:4f:8000::/48",  # AS112
        "3ffe::/16",  # given back, and nobody's since
        "3fff::/20",  # documentation
    )
)
# An interface that tunnels IPv6 to the IPv4 address in its last 32 bits (RFC 5214), whatever the prefix before it.
_ISATAP_INTERFACES = {0x00005EFE, 0x02005EFE}
# What a developer's machine, or a Compose network, is made of; never link-local.
_LOCAL = tuple(
    ip_network(each) for each in ("127.0.0.0/8", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "::1/128", "fc00::/7")
)
_HTTPS_PORTS = {443, 8443}
_URL_LENGTH_LIMIT = 2048
_NAME_LENGTH_LIMIT = 253
_PORT_LIMIT = 65535

_URL_CHARACTERS = re.compile(r"[A-Za-z0-9\-._~:/?\[\]@!$&'()*+,;=%]+")  # RFC 3986, but for the fragment's #
_ENCODED_CONTROL = re.compile(r"%(?![0-9A-Fa-f]{2})|%[01][0-9A-Fa-f]|%7[Ff]")  # or a % that encodes nothing
_AUTHORITY = re.compile(r"(?:\[(?P<v6>[0-9a-f:.]+)\]|(?P<name>[a-z0-9.-]+))(?::(?P<port>[1-9][0-9]{0,4}))?")
_LABEL = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")
# No top-level domain has a digit in it unless it is encoded; a name that ends in a number is an address in disguise.
_TOP_LABEL = re.compile(r"[a-z]{2,63}|xn--[a-z0-9-]*[a-z0-9]")
_NUMERIC = re.compile(r"[0-9]+|0x[0-9a-f]*")

# Names that are never on the public Internet: set aside by the IETF or ICANN, or in use inside many networks.
_INWARD_SUFFIXES = (
    "alt",
    "arpa",
    "consul",
    "corp",
    "home",
    "internal",
    "intranet",
    "invalid",
    "lan",
    "local",
    "localdomain",
    "localhost",
    "mail",
    "onion",
    "private",
    "svc",
)
# And public names that lead inward all the same: to a cloud's credentials, or to any address written in the name.
_INWARD_NAMES = (
    "1u.ms",
    "lacolhost.com",
    "localtest.me",
    "lvh.me",
    "metadata.goog",
    "nip.io",
    "rbndr.us",
    "sslip.io",
    "vcap.me",
    "xip.io",
)

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
    address = _literal(destination.host)
    if address is not None:
        _check_address(address, destination, allow_local=allow_local)
    elif not allow_local:
        _check_name(destination.host)  # what it stands for is looked at when we post
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
    if int(address) >> 32 & 0xFFFFFFFF in _ISATAP_INTERFACES:
        return False
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


def _check_name(name: str) -> None:
    _, dot, top = name.rpartition(".")
    if not dot or not _TOP_LABEL.fullmatch(top):
        raise ForbiddenDestination("The host of the URL is no name of the public Internet.", "url")
    if any(f".{name}".endswith(f".{inward}") for inward in (*_INWARD_SUFFIXES, *_INWARD_NAMES)):
        raise ForbiddenDestination("The host of the URL leads into a private network.", "url")


def _take_apart(url: str) -> Destination:
    if len(url) > _URL_LENGTH_LIMIT or not _URL_CHARACTERS.fullmatch(url) or _ENCODED_CONTROL.search(url):
        # Parsers disagree about these, and a disagreement is a way around the checks below.
        raise ForbiddenDestination("The URL is empty, too long, or has characters that do not belong in one.", "url")
    try:
        parts = urlsplit(url)
    except ValueError as error:
        raise ForbiddenDestination("The URL cannot be read.", "url") from error
    if parts.scheme not in {"https", "http"} or not parts.netloc:
        raise ForbiddenDestination("The URL must be an absolute https URL.", "url")
    if not parts.path and "@" in parts.query:
        raise ForbiddenDestination("The URL has an @ where some would read the end of a user's name.", "url")
    host, port = _host_and_port(parts.netloc.lower())
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return Destination(parts.scheme, host, port or (443 if parts.scheme == "https" else 80), path)


def _host_and_port(authority: str) -> tuple[str, int | None]:
    """A name or an address, and perhaps a port: no user, no password, no zone, nothing encoded."""
    found = _AUTHORITY.fullmatch(authority)
    host = found and (found["v6"] or found["name"])
    if not found or not host or (bool(found["v6"]) is not (":" in host)) or not _is_host(host):
        raise ForbiddenDestination("The URL must name a host, a port perhaps, and nothing else before its path.", "url")
    port = int(found["port"]) if found["port"] else None
    if port is not None and port > _PORT_LIMIT:
        raise ForbiddenDestination("The URL names a port there cannot be.", "url")
    return host, port


def _is_host(host: str) -> bool:
    """Whether every resolver reads it as we do: an address as it is usually written, or a name of letters."""
    if _literal(host) is not None:
        return True
    labels = host.split(".")
    is_name = len(host) <= _NAME_LENGTH_LIMIT and all(_LABEL.fullmatch(label) for label in labels)
    # 127.1, 0177.0.0.1, 0x7f000001, 2130706433: C libraries take each for an address.
    return is_name and not _NUMERIC.fullmatch(labels[-1])


def _literal(host: str) -> Address | None:
    try:
        return ip_address(host)
    except ValueError:
        return None
