"""Where a request comes from, no closer than needed: the network, never the single address."""

import ipaddress

from django.conf import settings
from django.http import HttpRequest
from django.http.request import split_domain_port


def address_of(request: HttpRequest) -> str:
    """The client's address as seen by the outermost of our TRUSTED_PROXIES; what a client writes itself is not read."""
    proxies = settings.TRUSTED_PROXIES
    named: list[str] = request.META.get("HTTP_X_FORWARDED_FOR", "").split(",")
    if proxies and len(named) >= proxies:
        text = named[-proxies].strip()
        if _is_address(text):
            return text
    peer: str = request.META.get("REMOTE_ADDR", "")
    return peer if _is_address(peer) else "0.0.0.0"  # noqa: S104  a peer without address, as over a socket file


def network_of(request: HttpRequest) -> str:
    """The first address of the client's /24 (IPv4) or /48 (IPv6) network, as a key to count by."""
    address = ipaddress.ip_address(address_of(request).split("%")[0])
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped:
        address = address.ipv4_mapped
    prefix = 24 if address.version == 4 else 48
    return str(ipaddress.ip_network((address, prefix), strict=False).network_address)


# Behind these stands everybody at once: a proxy we were not told of, or the gate of our own onion service.
INNER = tuple(
    map(
        ipaddress.ip_network,
        (
            "0.0.0.0/32",
            "127.0.0.0/8",
            "10.0.0.0/8",
            "172.16.0.0/12",
            "192.168.0.0/16",
            "::/127",
            "fc00::/7",
        ),
    )
)


def tells_apart(network: str) -> bool:
    """Whether `network` (from network_of) says anything of who asks, as an address of our own side does not."""
    address = ipaddress.ip_address(network)
    return not any(address in inner for inner in INNER)


def is_on_this_machine(request: HttpRequest) -> bool:
    """Whether a browser on this very machine asks, by a loopback name, with no proxy or tunnel between."""
    if any(name in request.META for name in ("HTTP_X_FORWARDED_FOR", "HTTP_FORWARDED", "HTTP_VIA")):
        return False
    host = split_domain_port(request.get_host())[0]
    peer = request.META.get("REMOTE_ADDR", "")
    return (
        host in {"127.0.0.1", "localhost", "[::1]"}
        and _is_address(peer)
        and ipaddress.ip_address(peer).is_loopback
    )


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text.split("%")[0])
    except ValueError:
        return False
    return True
