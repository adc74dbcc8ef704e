"""Markets and events as Gamma has them, made into the project's own (`model.py`).

What a market is must be whole: its condition id, its outcomes, the token of each. A market of
which that cannot be read is kept out. Every other value is read on its own: one that cannot be is
None. Both are named in `rejected`.

Not here: the wire's shapes (`wire.py`), requests (`gamma.py`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, TypeVar

from market_assets.sources.decoding import Decoder
from market_assets.sources.polymarket import values
from market_assets.sources.polymarket.model import Event, Market
from market_assets.sources.polymarket.values import Reader
from market_assets.sources.polymarket.wire import Id

if TYPE_CHECKING:
    from datetime import datetime

    from market_assets.sources.polymarket.model import WinnerSource
    from market_assets.sources.polymarket.wire import DecodedEvent, Numbers, WireMarket

_T = TypeVar("_T")

_texts: Final = Decoder[list[str | None]](list[str | None])
_numbers: Final = Decoder[list[float | str | None]](list[float | str | None])
_ids: Final = Decoder[list[str | int | None]](list[Id])

_NOT_GIVEN: Final = (None, "")
_RESOLVED: Final = ("resolved", "settled")
"""Words by which the oracle says that nothing can change any more."""
_PAID: Final = 1e-5
"""How far from 1 and 0 a payout may be: a share trades at 0.9999 at most, and a pool of the time
before books stopped at 0.9999996."""


def read_event(decoded: DecodedEvent, position: int, rejected: dict[str, str]) -> Event | None:
    """The event with those of its markets that can be read; None if it has no id.

    Args:
        decoded: the event.
        position: where it stands in the answer: its name while it has none.
        rejected: is given what was kept out, and why.
    """
    wire, rows = decoded
    event_id = values.identifier(wire.id)
    if event_id is None:
        rejected[f"event [{position}]"] = "it has no id"
        return None
    markets = (
        read_market(market, event_id, f"{position} of event {event_id}", rejected)
        for position, market in enumerate(rows)
        if market is not None
    )
    read = Reader(f"event {event_id}", rejected).read
    tags = [tag for tag in wire.tags or [] if tag is not None]
    named = [(tag_id, tag) for tag in tags if (tag_id := values.identifier(tag.id))]
    if len(named) < len(tags):
        rejected[f"event {event_id} tags"] = f"{len(tags) - len(named)} without an id"
    return Event(
        event_id=event_id,
        slug=values.text(wire.slug),
        title=values.text(wire.title),
        category=values.text(wire.category),
        tag_ids=tuple(tag_id for tag_id, _ in named),
        tag_slugs=tuple(tag.slug or "" for _, tag in named),
        tag_labels=tuple(tag.label or "" for _, tag in named),
        start_at=read("startDate", values.instant, wire.start_date),
        end_at=read("endDate", values.instant, wire.end_date),
        closed_at=read("closedTime", values.instant, wire.closed_time),
        active=wire.active,
        closed=wire.closed,
        neg_risk=wire.enable_neg_risk if wire.neg_risk is None else wire.neg_risk,
        liquidity_usd=read("liquidity", values.amount, wire.liquidity),
        volume_usd=read("volume", values.amount, wire.volume),
        volume_24h_usd=read("volume24hr", values.amount, wire.volume_24hr),
        open_interest_usd=read("openInterest", values.amount, wire.open_interest),
        markets=tuple(market for market in markets if market is not None),
    )


def read_market(
    wire: WireMarket, event_id: str | None, position: str, rejected: dict[str, str]
) -> Market | None:
    """The market; None if it cannot be one.

    Args:
        wire: as it came.
        event_id: the event that it came in; None where it came by itself and names its own.
        position: where it stands in the answer: its name while it has none.
        rejected: is given what was kept out, and why.
    """
    if not wire.condition_id:
        rejected[f"market {values.identifier(wire.id) or f'[{position}]'}"] = "no condition id"
        return None
    reader = Reader(f"market {wire.condition_id}", rejected)
    read = reader.read
    try:
        outcomes = _outcomes(wire.outcomes)
        tokens = _token_of_each(_token_ids(wire), len(outcomes))
    except ValueError as error:
        rejected[reader.name] = str(error)
        return None
    prices = _outcome_prices(wire.outcome_prices, len(outcomes), reader)
    status = _resolution_status(wire)
    closed_at = read("closedTime", values.instant, wire.closed_time)
    winner = _winner(outcomes, prices) if wire.closed else None
    winner_source = None if winner is None else _winner_source(status, closed_at)
    own = [found for event in wire.events or [] if event and (found := values.identifier(event.id))]
    last_trade = read("lastTradePrice", values.price, wire.last_trade_price)
    return Market(
        condition_id=wire.condition_id,
        market_id=values.identifier(wire.id),
        question_id=values.text(wire.question_id),
        event_id=event_id or next(iter(own), None),
        slug=values.text(wire.slug),
        question=values.text(wire.question),
        outcomes=outcomes,
        outcome_prices=prices,
        token_ids=tokens,
        active=wire.active,
        closed=wire.closed,
        accepting_orders=wire.accepting_orders,
        order_book_enabled=wire.enable_order_book,
        neg_risk=wire.neg_risk,
        liquidity_usd=_first_amount(
            reader, liquidityNum=wire.liquidity_num, liquidity=wire.liquidity
        ),
        volume_usd=_first_amount(reader, volumeNum=wire.volume_num, volume=wire.volume),
        volume_24h_usd=read("volume24hr", values.amount, wire.volume_24hr),
        best_bid=read("bestBid", values.price, wire.best_bid),
        best_ask=read("bestAsk", values.price, wire.best_ask),
        last_trade_price=last_trade or None,  # 0 is how "never" is written
        tick_size=read(
            "orderPriceMinTickSize", values.traded_price, wire.order_price_min_tick_size
        ),
        min_order_size=read("orderMinSize", values.amount, wire.order_min_size),
        taker_fee_rate=_taker_fee_rate(wire, reader),
        end_at=read("endDate", values.instant, wire.end_date)
        or read("endDateIso", values.instant, wire.end_date_iso),
        closed_at=closed_at,
        created_at=read("createdAt", values.instant, wire.created_at),
        resolution_status=status,
        winning_outcome=winner if winner_source else None,
        winner_source=winner_source,
    )


def _token_ids(wire: WireMarket) -> object:
    """The ids that are traded. The version decides, never which list exists: many markets of the
    first have position ids too, for which there is no book. Recorded markets of before there were
    versions have none and are of the first.

    Raises:
        ValueError: it cannot be told.
    """
    version = _version(wire)
    if version == "v2":
        return wire.position_ids
    if version == "v1" or (not version and (wire.clob_token_ids or not wire.position_ids)):
        return wire.clob_token_ids
    if version:
        raise ValueError(f"version {version[:20]!r} is not known: which ids are traded?")
    raise ValueError("no version, and position ids only: which ids are traded?")


def _version(wire: WireMarket) -> str:
    return (wire.version or "").lower()


def _token_of_each(ids: object, outcomes: int) -> tuple[str, ...]:
    """A token per outcome, in the same order; none at all where none are given.

    Raises:
        ValueError: they cannot be read, or not told apart: yes and no could be mixed up.
    """
    found = _whole(ids, _ids)
    tokens = tuple(values.identifier(token) for token in found)
    if not any(tokens):
        return ()  # a market that has just been made
    whole = tuple(token for token in tokens if token)
    if len(whole) != len(tokens) or len(tokens) != outcomes or len(set(whole)) != len(whole):
        raise ValueError(f"{len(set(whole))} token ids for {outcomes} outcomes")
    return whole


def _outcomes(wire: object) -> tuple[str, ...]:
    """The names of the outcomes.

    Raises:
        ValueError: they cannot be read, or not all have one.
    """
    found = _whole(wire, _texts)
    names = tuple(name for name in found if name)
    if len(names) != len(found):
        raise ValueError(f"{len(found) - len(names)} of {len(found)} outcomes without a name")
    return names


def _whole(wire: object, decoder: Decoder[list[_T]]) -> list[_T]:
    """A list of which every element can be read; empty where none is given.

    Raises:
        ValueError: it is none.
    """
    if wire in _NOT_GIVEN:
        return []
    read = values.listed(wire, decoder)
    for fault in read.faults:
        raise ValueError(f"{fault.field}: {fault.reason}")
    return read.value


def _outcome_prices(wire: Numbers, outcomes: int, reader: Reader) -> tuple[float | None, ...]:
    """A price per outcome, with None for one that cannot be; or none at all."""
    read = reader.read("outcomePrices", lambda value: values.listed(value, _numbers), wire)
    found = [] if read is None else read.value
    for fault in [] if read is None else read.faults:
        reader.reject(f"outcomePrices{fault.field}", fault.reason)
    if found and len(found) != outcomes:
        reader.reject("outcomePrices", f"{len(found)} for {outcomes} outcomes")
        return ()
    return tuple(
        reader.read(f"outcomePrices[{position}]", values.price, value)
        for position, value in enumerate(found)
    )


def _first_amount(reader: Reader, **candidates: float | str | None) -> float | None:
    """The first of some fields with the same meaning that is given."""
    for field, value in candidates.items():
        if value is not None and value != "":
            return reader.read(field, values.amount, value)
    return None


def _taker_fee_rate(wire: WireMarket, reader: Reader) -> float | None:
    """The rate of the fee schedule; 0 where fees are off, whatever schedule stands beside that.

    Every recorded schedule has the exponent 1. The basis points of `takerBaseFee` are not what is
    charged.
    """
    if wire.fees_enabled is False:
        return 0.0
    schedule = wire.fee_schedule
    return None if schedule is None else reader.read("feeSchedule", values.amount, schedule.rate)


def _resolution_status(wire: WireMarket) -> str | None:
    words = (wire.uma_resolution_status, wire.resolution_status)
    if _version(wire) == "v2":
        words = words[::-1]
    return (words[0] or words[1] or "").lower() or None


def _winner(outcomes: tuple[str, ...], prices: tuple[float | None, ...]) -> str | None:
    """The outcome that pays 1 while all others pay 0; None where none won alone."""
    paid = [at for at, price in enumerate(prices) if price is not None and price >= 1.0 - _PAID]
    rest = [price for at, price in enumerate(prices) if at not in paid]
    if len(paid) != 1 or any(price is None or price > _PAID for price in rest):
        return None
    return outcomes[paid[0]]


def _winner_source(status: str | None, closed_at: datetime | None) -> WinnerSource | None:
    """What makes a price of 1 the payout; None where it is a price only.

    A proposal or a dispute is not the end. Without any word of the oracle (the venue settles some
    series itself, and had no oracle in its first years) the venue's own closing time has to do.
    """
    if status in _RESOLVED:
        return "oracle"
    return "payout" if status is None and closed_at is not None else None
