from __future__ import annotations

from typing import Optional

import pytest

from lastbeat.clock import elapsed
from lastbeat.settings import Choices, settings_of
from lastbeat.ticket import Claims, parse_credential
from lastbeat.times import Instant, Pace, Span, format_instant, pace_of, parse_instant

NOON = 1_795_348_800_000


@pytest.mark.parametrize(
    ("text", "at"),
    [
        ("2026-11-22T12:00:00Z", NOON),
        ("2026-11-22T12:00:00.250Z", NOON + 250),
        ("2026-11-22T12:00:00.1239999Z", NOON + 123),
        ("2026-11-22T14:30:00+02:30", NOON),
        ("2026-11-22t05:00:00-07:00", NOON),
        ("2026-11-22T12:00:00", None),
        ("2026-02-30T12:00:00Z", None),
        ("soon", None),
        ("", None),
        (None, None),
    ],
)
def test_an_instant_is_rfc_3339(text: Optional[str], at: Optional[int]) -> None:
    assert parse_instant(text) == at


def test_an_instant_is_written_as_it_is_read() -> None:
    assert format_instant(NOON + 7) == "2026-11-22T12:00:00.007Z"


@pytest.mark.parametrize(
    ("lease", "pace"),
    [
        (5_000, (1_250, 1_250, 833, 416)),
        (120_000, (30_000, 30_000, 20_000, 5_000)),
        (600_000, (150_000, 30_000, 20_000, 5_000)),
        (3_600_000, (300_000, 30_000, 20_000, 5_000)),
    ],
)
def test_the_times_follow_from_the_lease(lease: int, pace: tuple[int, int, int, int]) -> None:
    assert pace_of(Span(lease)) == Pace(*(Span(one) for one in pace))


def test_the_clock_counts_the_sleep_of_the_machine_and_never_goes_back() -> None:
    times = {"monotonic": 100.0, "up": 5000.0}
    now = elapsed(lambda: times["monotonic"], lambda: times["up"])
    assert now() == 0
    times.update(monotonic=101.5, up=5001.5)
    assert now() == 1500
    times.update(monotonic=102.0, up=5062.0)  # a minute of sleep
    assert now() == 62_000
    times.update(monotonic=103.0, up=0.0)  # the uptime is not told any more
    assert now() == 63_000


TICKET = f"shop/deploy.17.2.1795305601.3.120000.k1-hsg6.{'x' * 43}"


def test_a_ticket_says_its_run_its_lease_and_when_it_has_to_start() -> None:
    hours = int("hsg6", 36)
    assert parse_credential(TICKET) == Claims(
        "shop/deploy.17", 2, 1_795_305_601, Span(120_000), (hours - 24) * 3_600_000
    )
    old = parse_credential(TICKET.replace("-hsg6", ""))
    assert old is not None
    assert old.start_by is None


@pytest.mark.parametrize(
    "text", ["", "garbled", TICKET[:-1], TICKET + "\n", TICKET.replace("120000", "0"), "." + TICKET]
)
def test_what_is_no_ticket_is_refused(text: str) -> None:
    assert parse_credential(text) is None


def test_arguments_come_before_variables() -> None:
    environment = {"LASTBEAT_TICKET": TICKET, "LASTBEAT_URL": "https://a, https://b", "LASTBEAT_STALL": "5m"}
    settings = settings_of(Choices(drain_seconds=10), environment)
    assert settings.addresses == ("https://a", "https://b")
    assert (settings.drain, settings.stall, settings.report_for) == (10_000, 300_000, None)
    assert settings_of(Choices(urls="https://c", stall_seconds=1), environment).stall == 1000
    assert settings_of(Choices(urls=["https://c"]), environment).addresses == ("https://c",)


@pytest.mark.parametrize(
    ("variable", "value", "says"),
    [
        ("LASTBEAT_STALL", "soon", r"stall_seconds \(LASTBEAT_STALL\) takes seconds, .* not 'soon'"),
        ("LASTBEAT_DRAIN_SECONDS", "0", "takes seconds"),
        ("LASTBEAT_REPORT_SECONDS", "99999h", "takes seconds"),
        ("LASTBEAT_START_BY", "noon", "takes an instant such as"),
        ("LASTBEAT_URL", "nowhere", "write http:// or https:// before it"),
        ("LASTBEAT_IMDS", "on", "auto or off, not 'on'"),
        ("LASTBEAT_TICKET", "", r"Attempt\(ticket=...\), or set LASTBEAT_TICKET"),
        ("LASTBEAT_TICKET", "garbled", "take it from the registration"),
    ],
)
def test_what_is_not_understood_is_refused_with_what_would_be(variable: str, value: str, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        settings_of(Choices(), {"LASTBEAT_TICKET": TICKET, variable: value})


def test_an_address_that_can_be_read_on_the_way_is_warned_of() -> None:
    environment = {"LASTBEAT_TICKET": TICKET, "LASTBEAT_URL": "http://far.example,http://localhost:1,http://a.svc"}
    (warning,) = settings_of(Choices(), environment).warnings
    assert warning.startswith("http://far.example is not encrypted")
    assert settings_of(Choices(), {**environment, "LASTBEAT_INSECURE": "1"}).warnings == ()


def test_a_front_door_is_asked_until_the_attempt_has_to_start_and_a_minute_at_least() -> None:
    settings = settings_of(Choices(start_by="2026-11-22T12:10:00Z"), {"LASTBEAT_TICKET": TICKET})
    assert settings.own(Instant(5), NOON).start_by == 600_005
    assert settings.own(Instant(5), NOON + 3_600_000).start_by == 60_005
    old = settings_of(Choices(), {"LASTBEAT_TICKET": TICKET.replace("-hsg6", "")})
    assert old.own(Instant(0), NOON).start_by == 24 * 3_600_000
