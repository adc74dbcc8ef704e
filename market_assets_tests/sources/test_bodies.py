"""What errors show of a body."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from market_assets.sources.bodies import excerpt

PAGE = b"""<html>
<head><title>502 Bad Gateway</title><style>h1 { color: red }</style></head>
<body><h1>Try again</h1><script>var tracking = 1</script></body></html>"""


@pytest.mark.parametrize(
    ("body", "shown"),
    [
        (b'{"error":\n "no"}', '{"error": "no"}'),
        (b"", ""),
        (PAGE, "a web page: 502 Bad Gateway Try again"),
        (b"  <!DOCTYPE html><p>Be right ba", "a web page: Be right ba"),
        (b"<html", "a web page:"),
    ],
)
def test_an_excerpt_is_one_line_of_words(body: bytes, shown: str) -> None:
    assert excerpt(body) == shown


@given(st.binary(max_size=400))
def test_an_excerpt_of_anything_is_one_short_line(body: bytes) -> None:
    text = excerpt(body)
    assert len(text) <= 120
    assert len(text.splitlines()) <= 1
