"""The shared request budget: never too much in any minute, reserves kept, nobody starves."""

from __future__ import annotations

import subprocess
import sys
import threading
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from market_assets.clock import ManualClock
from market_assets.sources.limits import WINDOW_S, BudgetExhaustedError, WeightBudget

if TYPE_CHECKING:
    from pathlib import Path

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
PER_MINUTE = 100
RESERVES = {"runs": 20, "stream": 30}


def budget(path: Path, clock: ManualClock, **options: object) -> WeightBudget:
    """A budget in which waiting takes no time but the manual clock's."""
    return WeightBudget(
        path / "budget",
        per_window=PER_MINUTE,
        reserves=RESERVES,
        clock=clock,
        sleep=clock.advance,
        **options,  # type: ignore[arg-type]  # only tests of defaults pass any
    )


def test_spends_at_once_while_there_is_room(tmp_path: Path) -> None:
    """A user may take what nobody else has a reserve on, and not a bit more."""
    clock = ManualClock(NOON)
    shared = budget(tmp_path, clock)
    assert shared.spend(50, "backfill", wait=0) == 0
    with pytest.raises(BudgetExhaustedError, match="weight of 1 became free for 'backfill'"):
        shared.spend(1, "backfill", wait=0)
    assert shared.spend(20, "runs", wait=0) == 0
    assert shared.spend(30, "stream", wait=0) == 0
    assert shared.stats().spent == {"backfill": 50, "runs": 20, "stream": 30}


def test_waits_until_the_minute_has_passed(tmp_path: Path) -> None:
    clock = ManualClock(NOON)
    shared = budget(tmp_path, clock)
    shared.spend(50, "backfill", wait=0)
    clock.advance(10)
    waited = shared.spend(50, "backfill", wait=120)
    assert 50 < waited < 51
    assert clock.monotonic() > WINDOW_S


def test_a_window_may_have_any_length(tmp_path: Path) -> None:
    """Ten seconds: what was spent counts for ten, and is free a moment later."""
    clock = ManualClock(NOON)
    shared = budget(tmp_path, clock, window=10.0)
    shared.spend(50, "backfill", wait=0)
    clock.advance(9.9)
    with pytest.raises(BudgetExhaustedError):
        shared.spend(50, "backfill", wait=0)
    assert shared.spend(50, "backfill", wait=1) < 0.2
    assert (shared.stats().per_window, shared.stats().window) == (PER_MINUTE, 10.0)
    with pytest.raises(ValueError, match="of 100 in 10 s"):
        shared.spend(60, "backfill", wait=0)


def test_gives_up_when_the_wait_is_over(tmp_path: Path) -> None:
    """Who gives up spends nothing, and leaves no place in the queue."""
    clock = ManualClock(NOON)
    shared = budget(tmp_path, clock)
    shared.spend(50, "backfill", wait=0)
    with pytest.raises(BudgetExhaustedError):
        shared.spend(1, "backfill", wait=30)
    assert 30 <= clock.monotonic() < 31
    assert shared.stats().waiting == 0
    assert shared.stats().spent == {"backfill": 50}


def test_refuses_what_can_never_be_sent(tmp_path: Path) -> None:
    """A weight above what the reserves leave would wait for ever: that is a fault, said at once."""
    shared = budget(tmp_path, ManualClock(NOON))
    assert shared.most("backfill") == 50
    with pytest.raises(ValueError, match="can never be sent"):
        shared.spend(51, "backfill", wait=1000)


def test_refuses_reserves_beyond_the_whole(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="reserves of 101 exceed 100"):
        WeightBudget(tmp_path / "b", per_window=100, reserves={"a": 101})


def test_a_429_stops_everybody(tmp_path: Path) -> None:
    """One process is told to slow down, and all of them do."""
    clock = ManualClock(NOON)
    mine, theirs = budget(tmp_path, clock), budget(tmp_path, clock)
    mine.blocked(15)
    with pytest.raises(BudgetExhaustedError):
        theirs.spend(1, "runs", wait=0)
    assert theirs.stats().blocked_s == 15
    assert 15 <= theirs.spend(1, "runs", wait=60) < 16
    assert theirs.stats().refusals == 1


def test_setting_the_wall_clock_changes_nothing(tmp_path: Path) -> None:
    """The minute is counted on a clock that nobody sets."""
    clock = ManualClock(NOON)
    shared = budget(tmp_path, clock)
    shared.spend(50, "backfill", wait=0)
    clock.jump(3600)
    with pytest.raises(BudgetExhaustedError):
        shared.spend(1, "backfill", wait=0)


def test_what_an_earlier_boot_left_is_dropped(tmp_path: Path) -> None:
    """After a restart of the machine the clock starts anew; old entries lie in its future."""
    before = ManualClock(NOON, elapsed=90_000.0)
    budget(tmp_path, before).spend(50, "backfill", wait=0)
    budget(tmp_path, before).blocked(60)
    after = ManualClock(NOON, elapsed=20.0)
    assert budget(tmp_path, after).spend(50, "backfill", wait=0) == 0


@pytest.mark.parametrize("damage", [b"garbage\n", b"00000000 {}\n", b'{"spent": 1}', b"\x00" * 50])
def test_a_damaged_file_counts_as_a_minute_spent(
    tmp_path: Path, damage: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    """Erring on the venue's side: the worst is one idle minute."""
    clock = ManualClock(NOON)
    (tmp_path / "budget").write_bytes(damage)
    shared = budget(tmp_path, clock)
    with pytest.raises(BudgetExhaustedError):
        shared.spend(1, "stream", wait=0)
    assert "damaged" in caplog.text
    assert 59 < shared.spend(1, "stream", wait=90) < 62


def test_a_cut_after_the_first_line_is_no_damage(tmp_path: Path) -> None:
    """Killed between writing and cutting the file, a process leaves an old tail behind."""
    clock = ManualClock(NOON)
    shared = budget(tmp_path, clock)
    shared.spend(40, "backfill", wait=0)
    with (tmp_path / "budget").open("ab") as file:
        file.write(b'0,2],["runs",12.5,20]]}\n')
    assert shared.stats().spent == {"backfill": 40}


def test_a_big_request_gets_its_turn_among_small_ones(tmp_path: Path) -> None:
    """Small requests keep coming from two users; the big one still goes within about a window."""
    clock = ManualClock(NOON)
    small = WeightBudget(tmp_path / "budget", per_window=PER_MINUTE, reserves=RESERVES, clock=clock)

    def sleep(seconds: float) -> None:
        clock.advance(seconds)
        for user in ("backfill", "stream"):
            try:
                small.spend(5, user, wait=0)
            except BudgetExhaustedError:
                continue

    big = WeightBudget(
        tmp_path / "budget", per_window=PER_MINUTE, reserves=RESERVES, clock=clock, sleep=sleep
    )
    for _ in range(10):
        small.spend(5, "backfill", wait=0)
    assert big.spend(50, "backfill", wait=300) < 2 * WINDOW_S


def test_a_reserve_is_not_held_up_by_the_queue(tmp_path: Path) -> None:
    """Within its own reserve the stream goes first, whoever waits."""
    clock = ManualClock(NOON)
    shared = budget(tmp_path, clock)
    shared.spend(50, "backfill", wait=0)
    went: list[float] = []

    def sleep(seconds: float) -> None:
        clock.advance(seconds)
        if not went:
            went.append(shared.spend(30, "stream", wait=0))

    waiting = WeightBudget(
        tmp_path / "budget", per_window=PER_MINUTE, reserves=RESERVES, clock=clock, sleep=sleep
    )
    waiting.spend(50, "backfill", wait=200)
    assert went == [0]


def test_a_dead_waiter_does_not_block_the_queue(tmp_path: Path) -> None:
    """A process that is killed while it waits loses its place after a few seconds."""
    clock = ManualClock(NOON)

    class KilledError(Exception):
        pass

    def killed(_seconds: float) -> None:
        raise KilledError

    shared = budget(tmp_path, clock)
    shared.spend(50, "backfill", wait=0)
    dying = WeightBudget(
        tmp_path / "budget", per_window=PER_MINUTE, reserves=RESERVES, clock=clock, sleep=killed
    )
    with pytest.raises(KilledError):
        dying.spend(50, "backfill", wait=100)
    assert shared.stats().waiting == 1
    clock.advance(61)
    assert shared.spend(50, "backfill", wait=0) == 0
    assert shared.stats().waiting == 0


STEP = st.tuples(
    st.sampled_from(["runs", "stream", "backfill"]),
    st.integers(1, 45),
    st.floats(0, 25),
    st.floats(0, 90),
)


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(steps=st.lists(STEP, max_size=40))
def test_no_minute_ever_costs_more(tmp_path_factory: pytest.TempPathFactory, steps: list) -> None:  # type: ignore[type-arg]  # of STEP
    """Whatever is asked for and whenever: no sliding 60 s exceeds the budget, no reserve is
    touched by others, and the file stays small.
    """
    clock = ManualClock(NOON)
    path = tmp_path_factory.mktemp("budget")
    shared = budget(path, clock)
    spent: list[tuple[float, str, int]] = []
    for user, weight, pause, wait in steps:
        clock.advance(pause)
        try:
            shared.spend(weight, user, wait=wait)
        except BudgetExhaustedError:
            continue
        spent.append((clock.monotonic(), user, weight))
    for end, _, _ in spent:
        window = [(user, w) for at, user, w in spent if end - WINDOW_S <= at <= end]
        assert sum(w for _, w in window) <= PER_MINUTE
        for reserved, reserve in RESERVES.items():
            others = sum(w for user, w in window if user != reserved)
            assert others <= PER_MINUTE - reserve
    assert not spent or (path / "budget").stat().st_size < 5000


SPENDER = """
import sys
from pathlib import Path
from market_assets.sources.limits import BudgetExhaustedError, WeightBudget
path, user = Path(sys.argv[1]), sys.argv[2]
budget = WeightBudget(path, per_window=100, reserves={"runs": 20, "stream": 30})
spent = 0
for _ in range(60):
    try:
        budget.spend(1, user, wait=0)
    except BudgetExhaustedError:
        continue
    spent += 1
print(spent)
"""


def test_processes_and_threads_share_one_budget(tmp_path: Path) -> None:
    """Six processes and some threads at once: together they get the budget, not each of them."""
    users = ["runs", "stream", "backfill"] * 2
    path = tmp_path / "budget"
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", SPENDER, str(path), user], stdout=subprocess.PIPE, text=True
        )
        for user in users
    ]
    mine = WeightBudget(path, per_window=100, reserves={"runs": 20, "stream": 30})
    got: list[int] = []

    def spend() -> None:
        for _ in range(20):
            try:
                mine.spend(1, "backfill", wait=0)
            except BudgetExhaustedError:
                continue
            got.append(1)

    threads = [threading.Thread(target=spend) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    spent = [int(process.communicate(timeout=60)[0]) for process in processes]
    assert all(process.returncode == 0 for process in processes)
    assert sum(spent) + len(got) == 100 == sum(mine.stats().spent.values())
    assert mine.stats().spent["backfill"] <= 50


def test_a_killed_process_leaves_a_working_budget(tmp_path: Path) -> None:
    """Kill -9 in the middle of spending, again and again: the others go on, nothing is refunded."""
    path = tmp_path / "budget"
    script = (
        SPENDER.replace("range(60)", "range(10**9)")
        .replace("per_window=100", "per_window=10**9")
        .replace("spent += 1", "spent += 1; print('spent', flush=True)")
    )
    counted = 0
    for _ in range(4):
        process = subprocess.Popen(
            [sys.executable, "-c", script, str(path), "backfill"],
            stdout=subprocess.PIPE,
            text=True,
        )
        assert process.stdout is not None
        for _ in range(5):
            counted += process.stdout.readline() == "spent\n"
        process.kill()
        process.wait(timeout=10)
        counted += process.stdout.read().count("spent\n")
        process.stdout.close()
    after = WeightBudget(path, per_window=10**9, reserves={})
    assert counted <= after.stats().spent["backfill"] <= counted + 4
    assert after.spend(20, "runs", wait=5) < 5
