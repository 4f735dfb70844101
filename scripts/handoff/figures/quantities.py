"""Numbers as a reader wants them: three significant digits, a unit, and the interval beside it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

NONE: Final = "–"


def seconds(value: float | None) -> str:
    """A time with the unit that keeps it short: 0.0123 -> '12.3 ms'."""
    if value is None:
        return NONE
    for factor, unit in ((1.0, "s"), (1e3, "ms"), (1e6, "µs")):
        # Compared after rounding: 0.9999 s is '1.00 s', never '1000 ms'.
        rounded = float(f"{value * factor:.3g}")
        if abs(rounded) >= 1:
            return f"{rounded:,.{max(0, 3 - len(str(int(abs(rounded)))))}f} {unit}"
    return f"{value * 1e9:.0f} ns" if value else "0 s"


def tick(value: float) -> str:
    """A time at an axis: up to four digits, none that says nothing: '10 ms', '2.5 s', '1.004 s'."""
    unit = seconds(value).split()[1]
    number = value / {"s": 1.0, "ms": 1e-3, "µs": 1e-6, "ns": 1e-9}[unit]
    return f"{number:,.0f} {unit}" if number >= 1000 else f"{number:.4g} {unit}"


def size(value: float | None) -> str:
    """Bytes in binary units: 67108864 -> '64 MiB', 80000000 -> '76.3 MiB'."""
    if value is None:
        return NONE
    number, unit = float(value), "B"
    for larger in ("KiB", "MiB", "GiB", "TiB"):
        if abs(number) < 1024:
            break
        number, unit = number / 1024, larger
    return f"{number:.0f} {unit}" if number == int(number) else f"{number:.1f} {unit}"


def ratio(value: float | None) -> str:
    """A ratio of times with two or three digits that count: '0.14', '1.00', '23.5', '0.0071'."""
    if value is None:
        return NONE
    if abs(value) < 0.1:
        return f"{value:#.2g}"
    return f"{value:.2f}" if abs(value) < 10 else f"{value:,.1f}" if abs(value) < 100 else f"{value:,.0f}"


def interval(low: float | None, high: float | None, form: Callable[[float | None], str] = ratio) -> str:
    """'[0.13, 0.15]', or '' where there is no interval (too few blocks)."""
    return "" if low is None or high is None else f"[{form(low)}, {form(high)}]"


def counted(number: int, noun: str, plural: str = "") -> str:
    """'1 worker', '2 workers'."""
    return f"{number:,} {noun if number == 1 else plural or noun + 's'}"


def shortened(said: str, most: int) -> str:
    """The text, cut with an ellipsis where it is longer than `most` characters."""
    return said if len(said) <= most else f"{said[: most - 1].rstrip()}…"
