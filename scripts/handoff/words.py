"""Numbers as a reader wants them, everywhere alike: the digits that count, a unit, the interval beside it.

Times have three digits in tables and in sentences: two beside each other then say the same of the same time.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Final

NONE: Final = "–"


def number(row: Mapping[str, object], column: str) -> float | None:
    """The cell as a number; None where it is empty."""
    value = row.get(column)
    return float(value) if isinstance(value, int | float) else None


def text(row: Mapping[str, object], column: str) -> str:
    """The cell as text; '' where it is empty."""
    value = row.get(column)
    return "" if value is None else str(value)


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
    scaled = value / {"s": 1.0, "ms": 1e-3, "µs": 1e-6, "ns": 1e-9}[unit]
    return f"{scaled:,.0f} {unit}" if scaled >= 1000 else f"{scaled:.4g} {unit}"


def size(value: float | None) -> str:
    """Bytes in binary units: 67108864 -> '64 MiB', 80000000 -> '76.3 MiB'."""
    if value is None:
        return NONE
    scaled, unit = float(value), "B"
    for larger in ("KiB", "MiB", "GiB", "TiB"):
        if abs(scaled) < 1024:
            break
        scaled, unit = scaled / 1024, larger
    return f"{scaled:.0f} {unit}" if scaled == int(scaled) else f"{scaled:.1f} {unit}"


def ratio(value: float | None) -> str:
    """A ratio of times with two or three digits that count: '0.14', '1.00', '23.5', '0.0071'."""
    if value is None:
        return NONE
    # Compared after rounding, here and below: 9.996 is '10.0', as 10.004 is.
    if 0 < (small := float(f"{abs(value):.2g}")) < 0.1:
        return f"{value:.{1 - math.floor(math.log10(small))}f}"
    for digits, end in ((2, 10), (1, 100)):
        if round(abs(value), digits) < end:
            return f"{value:.{digits}f}"
    return f"{value:,.0f}"


def percent(share: float, digits: int = 3) -> str:
    """A share with the digits that say something: '5 %', '2.5 %', '130 %'.

    `digits` is 2 for what was measured roughly and is no setting: a spread of ten values, a share of a core.
    """
    return f"{float(f'{100 * share:.{digits}g}'):,g} %"


def interval(low: float | None, high: float | None, form: Callable[[float | None], str] = ratio) -> str:
    """'[0.13, 0.15]', or '' where there is no interval (too few blocks)."""
    return "" if low is None or high is None else f"[{form(low)}, {form(high)}]"


def counted(count: int, noun: str, plural: str = "") -> str:
    """'1 worker', '2 workers'."""
    return f"{count:,} {noun if count == 1 else plural or noun + 's'}"


def shortened(said: str, most: int) -> str:
    """The text, cut with an ellipsis where it is longer than `most` characters."""
    return said if len(said) <= most else f"{said[: most - 1].rstrip()}…"


def spoken_time(seconds: float) -> str:
    """'40 s', '5 min', '1 h 20 min': as precise as an estimate deserves."""
    if seconds < 90:
        return f"{max(1, round(seconds))} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 90 else f"{minutes // 60} h {minutes % 60} min"
