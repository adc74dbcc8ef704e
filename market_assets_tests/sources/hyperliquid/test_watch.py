"""Ages of data: alarms in time, patience with channels that are merely quiet."""

from __future__ import annotations

from market_assets.sources.hyperliquid.watch import AgeWatch


def test_quiet_for_too_long_is_an_alarm() -> None:
    watch = AgeWatch(30)
    assert watch.age(1000) is None, "nothing is due yet"
    watch.arm(0)
    assert watch.age(30) is None
    watch.heard(20)
    assert watch.age(50) is None
    assert watch.age(51) == 31


def test_silence_from_the_start_is_an_alarm_too() -> None:
    """A socket that acknowledges and then never sends data."""
    watch = AgeWatch(30)
    watch.arm(0)
    watch.arm(25)
    assert watch.age(31) == 31


def test_what_reconnecting_does_not_cure_is_waited_for_longer() -> None:
    """A market that is closed: one frame upon subscribing, then nothing. No storm of renewals."""
    watch = AgeWatch(30)
    watch.arm(0)
    alarms = []
    now = 0.0
    while now < 86_400:
        if watch.age(now) is not None:
            alarms.append(now)
            watch.disarm()
            watch.arm(now)
            watch.heard(now + 1)
        now += 1
    assert len(alarms) < 50
    assert alarms[0] == 31


def test_flow_restores_the_patience() -> None:
    watch = AgeWatch(30)
    watch.arm(0)
    assert watch.age(31)
    watch.disarm()
    watch.arm(40)
    for now in range(40, 140, 5):
        watch.heard(now)
    assert watch.alarms == 0
    assert watch.age(166) == 31


def test_nothing_is_due_once_disarmed() -> None:
    watch = AgeWatch(30)
    watch.arm(0)
    watch.disarm()
    assert watch.age(1e6) is None
