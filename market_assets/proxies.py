"""Which proxy leads to an address, as curl and most programs read the environment.

One reading for REST and WebSocket: `HTTP_PROXY` for http:// and ws://, `HTTPS_PROXY` for https://
and wss://, `ALL_PROXY` for what has none of its own, `NO_PROXY` for what is reached directly; in
small letters they win. SOCKS proxies resolve names themselves, whatever the letter behind the 5.

`parse` checks all of them; what it gives is handed to the libraries, which are told to read nothing
themselves. A value is a secret where it has a user: errors name the variable only.
"""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final
from urllib.parse import quote, unquote, urlsplit

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

VARIABLES: Final = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY")
"""In capitals; each may be written in small letters too."""
_SCHEMES: Final = {
    "http": ("http", 80),
    "https": ("https", 443),
    "socks": ("socks5h", 1080),  # GNOME's way to write it
    "socks5": ("socks5h", 1080),
    "socks5h": ("socks5h", 1080),
}
"""By the scheme of a variable: that of the proxy's address, and the port where none is given."""
_PORT_WITHOUT_SCHEME: Final = 1080
_MAY_BE: Final = "http://, https://, socks5:// or socks5h:// and [user:password@]host[:port]"
_PORTS: Final = {"http": 80, "ws": 80, "https": 443, "wss": 443}
_HOST: Final = re.compile(r"[\w-]+(\.[\w-]+)*\.?")
_LONGEST_PORT: Final = 65535
_SHORTEST_SECRET: Final = 4
"""A password that is shorter would hide plain words; with its user it is hidden all the same."""

_Network = ipaddress.IPv4Network | ipaddress.IPv6Network


class ProxyError(ValueError):
    """A variable cannot be read; the message names it, and shows nothing of a proxy's value."""


@dataclass(frozen=True)
class Direct:
    """One entry of `NO_PROXY`.

    Attributes:
        host: a name, which stands for all names below it too; '' for a network; '*' for all.
        network: addresses; None for a name.
        port: only this one; None: all.
    """

    host: str = ""
    network: _Network | None = None
    port: int | None = None

    def covers(self, host: str, port: int | None) -> bool:
        """Whether a host in small letters, a name or an address, is reached directly."""
        if self.port is not None and self.port != port:
            return False
        if self.network is not None:
            address = _address(host)
            return address is not None and address in self.network
        return self.host in ("*", host) or host.endswith(f".{self.host}")


@dataclass(frozen=True)
class Proxies:
    """The proxies in force.

    Attributes:
        http: address of the proxy for http:// and ws://; None: reached directly.
        https: the same for https:// and wss://.
        direct: what is reached without one.
    """

    http: str | None = field(default=None, repr=False)
    https: str | None = field(default=None, repr=False)
    direct: tuple[Direct, ...] = ()

    def for_url(self, url: str) -> str | None:
        """The address of the proxy that leads to this one; None: there is none."""
        parts = urlsplit(url)
        host = (parts.hostname or "").rstrip(".")
        try:
            port = parts.port or _PORTS.get(parts.scheme)
        except ValueError:  # not an address: whoever opens it says so
            port = None
        if any(entry.covers(host, port) for entry in self.direct):
            return None
        return self.https if parts.scheme in ("https", "wss") else self.http

    def without(self, urls: Iterable[str]) -> Proxies:
        """The same, but these addresses are reached directly."""
        hosts = {urlsplit(url).hostname or "" for url in urls} - {""}
        more = tuple(_direct("NO_PROXY", host) for host in sorted(hosts))
        return Proxies(self.http, self.https, (*self.direct, *more))


def parse(environ: Mapping[str, str]) -> Proxies:
    """Read and check the variables.

    Raises:
        ProxyError: one of them cannot be read.
    """
    every = _proxy(environ, "ALL_PROXY")
    # A server that is called as a CGI script gets a client's header `Proxy` as HTTP_PROXY.
    plain = ("http_proxy",) if "REQUEST_METHOD" in environ else None
    http = _proxy(environ, "HTTP_PROXY", plain)
    https = _proxy(environ, "HTTPS_PROXY")
    name, said = _value(environ, "NO_PROXY")
    entries = re.split(r"[,\s]+", said)
    return Proxies(
        http=(every if http is None else http) or None,
        https=(every if https is None else https) or None,
        direct=tuple(_direct(name, entry) for entry in entries if entry),
    )


def secrets(environ: Mapping[str, str]) -> tuple[str, ...]:
    """What no log may show: user and password of every variable that names a proxy."""
    found: set[str] = set()
    for name, value in environ.items():
        if not name.lower().endswith("_proxy") or "@" not in value:
            continue
        user_info = value.rpartition("@")[0].rpartition("://")[2]
        password = user_info.partition(":")[2]
        found |= {user_info, unquote(user_info)} if password else set()
        found |= {one for one in (password, unquote(password)) if len(one) >= _SHORTEST_SECRET}
    return tuple(sorted(found, key=len, reverse=True))


def _value(
    environ: Mapping[str, str], name: str, names: tuple[str, ...] | None = None
) -> tuple[str, str]:
    """The variable that counts and its value; one in small letters wins, even when it is empty."""
    for one in names or (name.lower(), name):
        if one in environ:
            return one, environ[one].strip()
    return name, ""


def _proxy(
    environ: Mapping[str, str], name: str, names: tuple[str, ...] | None = None
) -> str | None:
    """The proxy's address in one form; '' where it is switched off, None where nothing is said."""
    variable, text = _value(environ, name, names)
    if not text:
        return "" if variable in environ and variable.islower() else None
    has_scheme = "://" in text
    try:
        parts = urlsplit(text if has_scheme else f"http://{text}")
        scheme, default_port = _SCHEMES[parts.scheme.lower()]
        host, port = parts.hostname, parts.port
    except (ValueError, KeyError):
        raise ProxyError(f"{variable} cannot be read; it may be {_MAY_BE}") from None
    is_plain = not parts.query and not parts.fragment and parts.path in ("", "/")
    if not host or port == 0 or not is_plain or not _is_host(host):
        raise ProxyError(f"{variable} cannot be read; it may be {_MAY_BE}")
    if parts.username and parts.password is None:
        raise ProxyError(f"{variable} names a user without a password; it may be {_MAY_BE}")
    user = f"{_quoted(parts.username)}:{_quoted(parts.password)}@" if parts.username else ""
    port = port or (default_port if has_scheme else _PORT_WITHOUT_SCHEME)
    return f"{scheme}://{user}{f'[{host}]' if ':' in host else host}:{port}"


def _direct(variable: str, entry: str) -> Direct:
    text = entry.rpartition("://")[2].rstrip("/").lower()
    if text == "*":
        return Direct("*")
    host, port = text, None
    bracketed = re.fullmatch(r"\[([^\]]*)\](?::(\d+))?", text)
    plain = re.fullmatch(r"([^:/\[\]]+):(\d+)", text)
    if found := bracketed or plain:
        host, port = found[1], int(found[2]) if found[2] else None
    if port is not None and not 0 < port <= _LONGEST_PORT:
        raise ProxyError(f"{variable}: {entry!r} has a port that is none")
    network = _network(host)
    if network is not None:
        return Direct(network=network, port=port)
    name = host.removeprefix("*").lstrip(".").rstrip(".")
    if bracketed or not _HOST.fullmatch(name):
        raise ProxyError(
            f"{variable}: {entry!r} cannot be read; it may be a host, an address, or a network "
            "such as 10.0.0.0/8, each but the last with a :port, or *"
        )
    return Direct(name, port=port)


def _network(text: str) -> _Network | None:
    try:
        return ipaddress.ip_network(text.partition("%")[0], strict=False)
    except ValueError:
        return None


def _address(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        found = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return None
    mapped = found.ipv4_mapped if isinstance(found, ipaddress.IPv6Address) else None
    return mapped or found


def _is_host(text: str) -> bool:
    return _address(text) is not None or (text.isprintable() and bool(_HOST.fullmatch(text)))


def _quoted(text: str | None) -> str:
    return quote(unquote(text or ""), safe="")
