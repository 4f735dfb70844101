"""Numbers in words: the digits that count, the unit that keeps it short."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handoff.words import counted, interval, percent, ratio, seconds, shortened, size, tick


@pytest.mark.parametrize(
    "value, said",
    [
        (1.801, "1.80 s"), (0.0123, "12.3 ms"), (0.9999, "1.00 s"), (0.99951e-3, "1.00 ms"), (123.4, "123 s"),
        (2.5e-6, "2.50 µs"), (3e-8, "30 ns"), (0.0, "0 s"), (None, "–"), (1234.0, "1,230 s"),
    ],
)  # fmt: skip
def test_seconds(value: float | None, said: str) -> None:
    assert seconds(value) == said


@given(st.floats(1e-7, 900))
def test_seconds_keep_three_digits(value: float) -> None:
    number, unit = seconds(value).split()
    factor = {"s": 1.0, "ms": 1e-3, "µs": 1e-6, "ns": 1e-9}[unit]
    assert float(number.replace(",", "")) * factor == pytest.approx(value, rel=5.1e-3)


def test_other_numbers() -> None:
    assert [ratio(value) for value in (0.04, 0.143, 1.0, 5.81, 23.46, 213.2, None)] == [
        "0.040", "0.14", "1.00", "5.81", "23.5", "213", "–",
    ]  # fmt: skip
    assert size(64 * 2**20) == "64 MiB"
    assert size(80_000_000) == "76.3 MiB"
    assert interval(0.131, 0.149) == "[0.13, 0.15]"
    assert interval(None, 0.149) == ""
    assert tick(0.0025) == "2.5 ms"
    assert tick(0.01) == "10 ms"
    assert tick(1.004) == "1.004 s"
    assert tick(0.0) == "0 s"
    assert tick(4000) == "4,000 s"
    assert counted(1, "worker") == "1 worker"
    assert shortened("abcdef", 4) == "abc…"


@pytest.mark.parametrize(
    "value, text",
    [(0.0531, "0.053"), (0.05, "0.050"), (0.98, "0.98"), (1.0, "1.00"), (1.234, "1.23"), (18.42, "18.4"),
     (213.4, "213"), (0.5, "0.50"), (0.00123, "0.0012"), (4321.0, "4,321"), (0.000012, "0.000012"), (0.0, "0.00")],
)  # fmt: skip
def test_ratios_keep_two_digits(value: float, text: str) -> None:
    assert ratio(value) == text


@pytest.mark.parametrize(
    "share, digits, said",
    [(0.05, 3, "5 %"), (0.025, 3, "2.5 %"), (0.975, 3, "97.5 %"), (2 / 3, 3, "66.7 %"), (1.0, 3, "100 %"),
     (0.254, 2, "25 %"), (0.998, 2, "100 %"), (1.3, 2, "130 %"), (32.1, 2, "3,200 %"), (0.0, 2, "0 %")],
)  # fmt: skip
def test_shares_in_percent(share: float, digits: int, said: str) -> None:
    assert percent(share, digits) == said
