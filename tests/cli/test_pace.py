"""The time left, from reports at given times."""

import pytest

from geomsym.cli.pace import Pace, clock


def test_steady_work_takes_the_rest_at_its_speed_and_counts_down_between_reports():
    pace = Pace()
    pace.report(10.0, 0, 100)
    assert pace.left(10.5) is None
    pace.report(12.0, 20, 100)
    assert pace.left(12.0) == pytest.approx(8.0)
    assert pace.left(13.5) == pytest.approx(6.5)
    assert pace.left(99.0) == 0.0


def test_nothing_is_known_before_there_is_progress():
    pace = Pace()
    assert pace.left(1.0) is None
    pace.report(1.0, 5, 10)
    pace.report(3.0, 5, 10)
    assert pace.left(3.0) is None


@pytest.mark.parametrize("then", [(0, 100), (0, 50)])
def test_other_work_begins_anew(then):
    """Another total, or less done than before: λmax, then steps."""
    pace = Pace()
    pace.report(0.0, 0, 100)
    pace.report(10.0, 90, 100)
    pace.report(10.0, *then)
    assert pace.left(11.0) is None
    pace.report(14.0, 1, then[1])
    assert pace.left(14.0) == pytest.approx(4.0 * (then[1] - 1))


def test_what_was_read_from_a_store_does_not_speed_up_the_rest():
    """900 of 1,000 tiles at once, then one a second: after a minute the present speed counts."""
    pace = Pace()
    pace.report(0.0, 0, 1000)
    pace.report(0.1, 900, 1000)
    for second in range(1, 61):
        pace.report(0.1 + second, 900 + second, 1000)
    assert pace.left(60.1) == pytest.approx(40, rel=0.05)


def test_pauses_count():
    """A pause of 31 s behind every 100 steps of a tenth of a second: neither forgotten nor taken for the speed."""
    pace = Pace()
    now = 0.0
    pace.report(now, 0, 1000)
    for done in range(10, 401, 10):
        now += 1.0 + 31.0 * (done % 100 == 0)
        pace.report(now, done, 1000)
    assert pace.left(now) == pytest.approx(600 * now / 400, rel=0.01)


def test_reports_that_come_rarely_still_tell():
    pace = Pace()
    for minute in range(4):
        pace.report(60.0 * minute, minute, 10)
    assert pace.left(180.0) == pytest.approx(420.0)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0:00"), (41.6, "0:42"), (59.7, "1:00"), (725, "12:05"), (3723, "1:02:03"), (180_240, "2 d 02:04")],
)
def test_clocks(seconds, text):
    assert clock(seconds) == text
