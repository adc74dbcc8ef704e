"""Which proxy leads where: as curl and most programs read the environment."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from market_assets.proxies import ProxyError, parse, secrets

VENUE = "https://api.venue.example"
SOCKET = "wss://api.venue.example/ws"
MAY_BE = "http://, https://, socks5:// or socks5h:// and [user:password@]host[:port]"


@pytest.mark.parametrize(
    ("value", "address"),
    [
        ("http://proxy:3128", "http://proxy:3128"),
        ("http://proxy", "http://proxy:80"),
        ("https://proxy", "https://proxy:443"),
        ("HTTP://PROXY:3128/", "http://proxy:3128"),
        ("proxy:3128", "http://proxy:3128"),
        ("proxy", "http://proxy:1080"),
        ("127.0.0.1:18779", "http://127.0.0.1:18779"),
        ("[::1]:3128", "http://[::1]:3128"),
        ("me:secret@proxy:3128", "http://me:secret@proxy:3128"),
        ("http://me:p%40ss@proxy:1", "http://me:p%40ss@proxy:1"),
        ("http://me:p@ss@proxy:1", "http://me:p%40ss@proxy:1"),
        ("http://me:@proxy:1", "http://me:@proxy:1"),
        ("socks5://proxy", "socks5h://proxy:1080"),
        ("socks5h://me:secret@proxy:9", "socks5h://me:secret@proxy:9"),
        ("socks://127.0.0.1:1080/", "socks5h://127.0.0.1:1080"),
        ("  http://proxy:1  ", "http://proxy:1"),
        ("http://bücher.example:1", "http://bücher.example:1"),
    ],
)
def test_an_address_is_brought_into_one_form(value: str, address: str) -> None:
    found = parse({"HTTPS_PROXY": value})
    assert found.for_url(VENUE) == found.for_url(SOCKET) == address
    assert found.for_url("http://api.venue.example") is None


@pytest.mark.parametrize(
    "value",
    [
        "ftp://proxy:21",
        "socks4://proxy",
        "http://",
        "://proxy",
        "http://proxy:port",
        "http://proxy:99999",
        "http://proxy:0",
        "http://[::1",
        "http://me:s3cr3t#x@proxy:1",
        "http://proxy:1/path",
        "http://proxy:1?query",
        "pro xy:3128",
        "user@proxy:1",
        "user:s3cr3t@:1",
    ],
)
@pytest.mark.parametrize("name", ["HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "all_proxy"])
def test_what_cannot_be_read_is_named_and_not_shown(name: str, value: str) -> None:
    with pytest.raises(ProxyError) as error:
        parse({name: value})
    assert str(error.value).startswith(f"{name} ")
    assert MAY_BE in str(error.value)
    assert "s3cr3t" not in str(error.value)


def test_each_scheme_has_its_variable_and_the_rest_have_all_proxy() -> None:
    found = parse({"HTTP_PROXY": "plain:1", "HTTPS_PROXY": "tls:1", "ALL_PROXY": "all:1"})
    assert found.for_url("http://v") == found.for_url("ws://v") == "http://plain:1"
    assert found.for_url("https://v") == found.for_url("wss://v") == "http://tls:1"
    found = parse({"HTTP_PROXY": "plain:1", "ALL_PROXY": "all:1"})
    assert found.for_url("ws://v") == "http://plain:1"
    assert found.for_url("wss://v") == "http://all:1"


def test_small_letters_win_even_when_they_say_nothing() -> None:
    assert parse({"HTTPS_PROXY": "big:1", "https_proxy": "small:1"}).https == "http://small:1"
    assert parse({"HTTPS_PROXY": "big:1", "https_proxy": ""}).https is None
    assert parse({"ALL_PROXY": "all:1", "https_proxy": ""}).https is None
    assert parse({"ALL_PROXY": "all:1", "HTTPS_PROXY": ""}).https == "http://all:1"


def test_a_header_of_a_client_is_no_proxy() -> None:
    """A server that starts us as a CGI script hands `Proxy:` over as HTTP_PROXY."""
    cgi = {"REQUEST_METHOD": "GET", "HTTP_PROXY": "evil:1"}
    assert parse(cgi).http is None
    assert parse({**cgi, "http_proxy": "good:1"}).http == "http://good:1"


@pytest.mark.parametrize(
    ("entries", "direct", "proxied"),
    [
        ("*", ["https://v", "wss://[::1]", "http://127.0.0.1"], []),
        ("v.example", ["https://v.example", "wss://a.v.example"], ["https://av.example"]),
        (".v.example", ["https://v.example", "wss://a.v.example"], ["https://av.example"]),
        ("*.v.example", ["https://a.v.example"], ["https://av.example"]),
        ("V.EXAMPLE.", ["https://v.example", "https://V.Example."], []),
        ("v.example:8443", ["https://v.example:8443"], ["https://v.example"]),
        ("v.example:443", ["https://v.example", "wss://v.example"], ["http://v.example"]),
        ("localhost,127.0.0.1", ["http://localhost:1", "ws://127.0.0.1:2"], ["http://127.0.0.2"]),
        ("localhost 127.0.0.1", ["http://localhost:1", "ws://127.0.0.1:2"], []),
        ("[::1]", ["https://[::1]", "ws://[::1]:8787/ws"], ["https://[::2]"]),
        ("::1", ["https://[::1]", "https://[0:0:0:0:0:0:0:1]:9"], ["https://[::2]"]),
        ("[::1]:443", ["https://[::1]"], ["https://[::1]:8443"]),
        ("10.0.0.0/8", ["https://10.1.2.3", "https://10.1.2.3:1"], ["https://11.1.2.3"]),
        ("10.1.2.3/8", ["https://10.9.9.9"], ["https://11.1.2.3"]),
        ("fe80::/10", ["https://[fe80::1]"], ["https://[::1]", "https://v.example"]),
        ("10.0.0.0/8", ["https://[::ffff:10.1.2.3]"], []),
        ("https://v.example/", ["https://v.example"], ["https://w.example"]),
        (" , ,", [], ["https://v.example"]),
    ],
)
@pytest.mark.parametrize("name", ["NO_PROXY", "no_proxy"])
def test_what_is_reached_directly(
    name: str, entries: str, direct: list[str], proxied: list[str]
) -> None:
    found = parse({"ALL_PROXY": "proxy:1", name: entries})
    assert [url for url in direct if found.for_url(url) is not None] == []
    assert [url for url in proxied if found.for_url(url) is None] == []


@pytest.mark.parametrize(
    "entry", ["[::1", "10.0.0.0/99", "[v.example]", "v.example:0", "v.example:70000", "a b/c", "?"]
)
def test_an_entry_that_cannot_be_read_is_named(entry: str) -> None:
    with pytest.raises(ProxyError, match="NO_PROXY: "):
        parse({"NO_PROXY": f"localhost,{entry}"})


def test_a_repr_has_no_password() -> None:
    assert "s3cr3t" not in repr(parse({"ALL_PROXY": "me:s3cr3t@proxy:1"}))


_WORDS = st.text(
    st.characters(min_codepoint=33, max_codepoint=126, exclude_characters=":@/?#[]%\\")
)


@given(_WORDS.filter(bool), _WORDS.filter(lambda word: len(word) >= 4))
def test_user_and_password_are_secrets(user: str, password: str) -> None:
    value = f"{user}:{password}@proxy:3128"
    for shown in (value, f"http://{value}", f"socks5://{value}"):
        assert {password, f"{user}:{password}"} <= set(secrets({"Whatever_Proxy": shown}))
    assert secrets({"NO_PROXY": "localhost", "HTTPS_PROXY": "proxy:1", "OTHER": value}) == ()
