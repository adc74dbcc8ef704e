"""DefiLlama's answers as they come: typed structs and the functions that read them.

Documented at https://defillama.com/docs/api. What the readers put up with:

- a number is a number, a string that holds one, null, or absent: the latter two are None, never 0;
- identifiers are strings or numbers; a series' dates are seconds, as numbers or strings;
- keys that nobody here knows are skipped without being built.

A row without what identifies it is rejected; a single value that is no number is left out
of its row. Both are named with the reason. What cannot be read costs itself and nothing else, as
`decoding.py` has it; of type Any, it arrives here as `Unreadable`. The readers raise one of
`decoding.UNREADABLE`.

Not here: daily series (`series.py`), requests and errors (`client.py`), tables (`frames.py`).
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Final, TypeVar

import msgspec

from market_assets.sources.decoding import Decoder
from market_assets.sources.defillama.model import (
    Chain,
    ChainStablecoins,
    Listed,
    Overview,
    Protocol,
    Turnover,
)
from market_assets.sources.faults import EXACT, Naming

if TYPE_CHECKING:
    from collections.abc import Callable

    from market_assets.sources.bodies import Body
    from market_assets.sources.decoding import Rows

    Note = Callable[[str, str], None]
    """Told of a value that is left out of its row, and why."""

_Row = TypeVar("_Row")

_SECTIONS: Final = frozenset(
    {
        "borrowed",
        "staking",
        "pool2",
        "vesting",
        "offers",
        "treasury",
        "doublecounted",
        "liquidstaking",
        "dcandlsoverlap",
    }
)
"""Keys of `chainTvls` that are no chains, alone or behind a chain's name and a hyphen."""
_SAMPLE: Final = 80


_Id = Annotated[str | int, EXACT]
_Key = Annotated[str, EXACT]
_AnyKey = Annotated[Any, EXACT]
_BY_SLUG: Final = Naming("", ("slug", "name"))


class _Protocol(msgspec.Struct, rename="camel", gc=False):
    ROW: ClassVar = _BY_SLUG

    id: _Id
    name: str
    slug: _Key
    symbol: Any = None
    category: Any = None
    parent_protocol: _AnyKey = None
    gecko_id: _AnyKey = msgspec.field(name="gecko_id", default=None)
    chains: Any = None
    tvl: Any = None
    mcap: Any = None
    chain_tvls: Any = None


class _Chain(msgspec.Struct, gc=False):
    ROW: ClassVar = _BY_SLUG

    name: _Key
    gecko_id: _AnyKey = None
    token_symbol: Any = msgspec.field(name="tokenSymbol", default=None)
    tvl: Any = None


class _Stablecoins(msgspec.Struct, gc=False):
    ROW: ClassVar = _BY_SLUG

    name: _Key
    total: Any = msgspec.field(name="totalCirculatingUSD", default=None)


class _Turnover(msgspec.Struct, rename="camel", gc=False):
    ROW: ClassVar = _BY_SLUG

    slug: _AnyKey = None
    name: Any = None
    defillama_id: _Id | None = None
    id: _Id | None = None
    protocol_type: Any = None
    total24h: Any = None
    total7d: Any = None
    total30d: Any = None


class _Overview(msgspec.Struct, rename="camel"):
    protocols: list[_Turnover | None]
    all_chains: _AnyKey = None


_protocols: Final = Decoder[list[_Protocol | None]](list[_Protocol | None])
_chains: Final = Decoder[list[_Chain | None]](list[_Chain | None])
_stablecoins: Final = Decoder[list[_Stablecoins | None]](list[_Stablecoins | None])
_overview: Final = Decoder[_Overview](_Overview)


def read_number(value: object) -> float | None:
    """A number in any of the forms that DefiLlama uses; None for null.

    Raises:
        ValueError: it is something else, or not finite.
    """
    if value is None:
        return None
    is_readable = isinstance(value, int | float | str) and not isinstance(value, bool)
    try:
        number = float(value) if is_readable else math.nan  # type: ignore[arg-type]  # is_readable says so
    except (ValueError, OverflowError):
        number = math.nan
    if not math.isfinite(number):
        raise ValueError(f"{str(value)[:_SAMPLE]!r} is no number")
    return number


def read_usd(amounts: object) -> float | None:
    """The sum over all pegs of an object such as `totalCirculatingUSD`, whose values are dollars.

    None where it names no amount at all.

    Raises:
        ValueError: it is no object, or one of the values is no number.
    """
    if amounts is None:
        return None
    if not isinstance(amounts, dict):
        raise ValueError(f"{str(amounts)[:_SAMPLE]!r} holds no amounts by peg")  # noqa: TRY004 - a value of the venue's, not a caller's mistake
    known = [usd for usd in map(read_number, amounts.values()) if usd is not None]
    return math.fsum(known) if known else None


def read_protocols(body: Body) -> Listed[Protocol]:
    """`/protocols`. The body may be mapped: no part of it is kept."""
    read = _protocols.read(body)
    return _listed(read.rows(read.value), _protocol)


def read_chains(body: Body) -> Listed[Chain]:
    """`/v2/chains`."""
    read = _chains.read(body)
    return _listed(read.rows(read.value), _chain)


def read_stablecoin_chains(body: Body) -> Listed[ChainStablecoins]:
    """`/stablecoinchains`."""
    read = _stablecoins.read(body)
    return _listed(read.rows(read.value), _chain_stablecoins)


def read_overview(body: Body) -> Overview:
    """`/overview/{what}` without charts."""
    read = _overview.read(body)
    answer = read.value
    chains = answer.all_chains if isinstance(answer.all_chains, list) else []
    return Overview(
        _listed(read.rows(answer.protocols, "protocols"), _turnover),
        tuple(chain for chain in chains if isinstance(chain, str)),
    )


def _chain(row: _Chain, note: Note) -> Chain:
    tvl = _kept(row.tvl, row.name, "tvl", note)
    return Chain(row.name, _text(row.gecko_id), _text(row.token_symbol), tvl)


def _chain_stablecoins(row: _Stablecoins, note: Note) -> ChainStablecoins:
    try:
        total = read_usd(row.total)
    except ValueError as error:
        note(f"{row.name} totalCirculatingUSD", str(error))
        total = None
    return ChainStablecoins(row.name, total)


def _protocol(row: _Protocol, note: Note) -> Protocol:
    by_chain = {}
    sections = row.chain_tvls if isinstance(row.chain_tvls, dict) else {}
    for name, value in sections.items():
        if name.rpartition("-")[2].casefold() in _SECTIONS:
            continue
        tvl = _kept(value, row.slug, f"chainTvls {name}", note)
        if tvl is not None:
            by_chain[name] = tvl
    chains = row.chains if isinstance(row.chains, list) else []
    return Protocol(
        llama_id=str(row.id),
        slug=row.slug,
        name=row.name,
        symbol=_text(row.symbol),
        category=_text(row.category),
        parent=_text(row.parent_protocol),
        gecko_id=_text(row.gecko_id),
        chains=tuple(chain for chain in chains if isinstance(chain, str)),
        tvl_usd=_kept(row.tvl, row.slug, "tvl", note),
        mcap_usd=_kept(row.mcap, row.slug, "mcap", note),
        tvl_by_chain=by_chain,
    )


def _turnover(row: _Turnover, note: Note) -> Turnover:
    # A row of 2026 has both, equal; rows before had one, as a string or a number.
    identifier = row.defillama_id if row.defillama_id is not None else row.id
    llama_id = "" if identifier is None else str(identifier)
    slug = _text(row.slug) or ""
    if not llama_id and not slug:
        raise ValueError("it has neither an identifier nor a slug")
    named = slug or _text(row.name) or llama_id
    return Turnover(
        llama_id=llama_id,
        slug=slug,
        is_chain=row.protocol_type == "chain" or llama_id.startswith("chain#"),
        total_24h=_kept(row.total24h, named, "total24h", note, signed=True),
        total_7d=_kept(row.total7d, named, "total7d", note, signed=True),
        total_30d=_kept(row.total30d, named, "total30d", note, signed=True),
    )


def _kept(value: object, row: str, field: str, note: Note, *, signed: bool = False) -> float | None:
    """The number, or None with a note where the value is none that can be.

    Args:
        value: as it came.
        row: whose it is.
        field: which of its values.
        note: told of what is left out.
        signed: it may be negative: revenue can be, a stock can not.
    """
    try:
        number = read_number(value)
    except ValueError as error:
        note(f"{row} {field}", str(error))
        return None
    if number is not None and number < 0 and not signed:
        note(f"{row} {field}", f"{number:g} is negative")
        return None
    return number


def _text(value: object) -> str | None:
    """A text that says something: `-` and '' are DefiLlama's ways to say that there is none."""
    if not isinstance(value, str):
        return None
    plain = value.strip()
    return None if plain in {"", "-"} else plain


def _listed(rows: Rows[Any], make: Callable[[Any, Note], _Row]) -> Listed[_Row]:
    """The rows that make sense, and what is left out.

    Raises:
        msgspec.ValidationError: there are rows, and none of them makes sense.
    """
    items: list[_Row] = []
    rejected: dict[str, str] = {}
    faults: dict[str, str] = {}
    for fault in rows.faults:
        named = fault.row or f"row {fault.path[0]}"
        if fault.field:
            faults[f"{named} {fault.field}"] = fault.reason
        else:
            rejected[named] = fault.reason
    for position, row in enumerate(rows.items):
        if row is None:
            continue
        rows.items[position] = None  # what is made of it is much smaller
        try:
            items.append(make(row, faults.__setitem__))
        except ValueError as error:
            rejected[f"row {position}"] = str(error)
    if rows.items and not items:
        name, reason = next(iter(rejected.items()))
        raise msgspec.ValidationError(
            f"none of {len(rows.items)} rows makes sense, the first: {name}: {reason}"
        )
    return Listed(tuple(items), rejected, faults)
