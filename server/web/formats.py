"""How figures and times are written on pages: tonnes, per cent, Beijing time.

It knows no language and rounds only for the eye: the kilograms stay where they are.
"""

import datetime as dt

__all__ = [
    "BEIJING",
    "COUNTED_FIGURES",
    "NAMED_FIGURES",
    "STATED_FIGURES",
    "beijing",
    "coordinates",
    "figure",
    "hex_lines",
    "kilometres_per_hour",
    "local_day",
    "megabytes",
    "metres",
    "milliseconds",
    "per_cent",
    "per_cent_exact",
    "per_cent_share",
    "short_hash",
    "tonnes",
]

NAMED_FIGURES = frozenset(
    {
        "acceleration_mps2",
        "acceleration_swing_mps2",
        "alike_gap_m",
        "axle_spacing_m",
        "axles",
        "clipped",
        "dead",
        "driven_backwards",
        "fastest_mps",
        "gain",
        "gap_m",
        "imbalance",
        "noisy",
        "not_shown",
        "not_told_apart",
        "not_whole",
        "reference_vehicles",
        "row_scatter",
        "samples_missing",
        "side_swing",
        "skew_m",
        "slowest_between_mps",
        "slowest_mps",
        "stood_between_s",
        "unevenness_m",
        "way_rest_m",
        "went_to_and_fro",
        "wheelbase_m",
    }
)
"""Figures of findings that the catalogues have words for; others keep their name."""

STATED_FIGURES = frozenset(
    {
        "driven_backwards",
        "not_shown",
        "not_told_apart",
        "not_whole",
        "reference_vehicles",
        "samples_missing",
        "went_to_and_fro",
    }
)
"""Figures that are so or are not, and have no size."""

COUNTED_FIGURES = frozenset({"axles", "clipped", "dead"})

BEIJING = dt.timezone(dt.timedelta(hours=8), "CST")
"""China keeps one time all over the country and all the year."""


def tonnes(mass_kg: float) -> str:
    """Write a mass in tonnes with two decimals.

    >>> tonnes(128_400)
    '128.40'
    """
    return f"{mass_kg / 1000:.2f}"


def per_cent(ratio: float) -> str:
    r"""Write a ratio in per cent without decimals from 100 %, with one below.

    A space that does not break stands before the sign.

    >>> per_cent(1.62), per_cent(0.034)
    ('162\xa0%', '3.4\xa0%')
    """
    decimals = 0 if abs(ratio) >= 0.9995 else 1
    return f"{ratio * 100:.{decimals}f}\N{NO-BREAK SPACE}%"


def per_cent_exact(ratio: float) -> str:
    r"""Write a ratio in per cent with two decimals, as a file shows it.

    >>> per_cent_exact(1.6204)
    '162.04\xa0%'
    """
    return f"{ratio * 100:.2f}\N{NO-BREAK SPACE}%"


def per_cent_share(share: float) -> str:
    r"""Write a probability in per cent, never as certain when it is not.

    >>> per_cent_share(0.9), per_cent_share(0.99994), per_cent_share(1.0)
    ('90.0\xa0%', '99.9\xa0%', '100\xa0%')
    """
    if share >= 1.0:
        return "100\N{NO-BREAK SPACE}%"
    return f"{min(share, 0.999) * 100:.1f}\N{NO-BREAK SPACE}%"


def figure(name: str, value: float) -> str:
    r"""Write the figure of a finding with the unit that its name ends in.

    >>> figure("acceleration_mps2", 0.824), figure("slowest_mps", 1.0)
    ('0.82\xa0m/s²', '3.6\xa0km/h')
    >>> figure("gap_m", 6.2), figure("axles", 7.0), figure("gain", 0.5)
    ('6.20\xa0m', '7', '0.50')
    >>> figure("balance_shift", 0.0123)
    '1.23\xa0%'
    """
    if name.endswith("_mps2"):
        return f"{value:.2f}\N{NO-BREAK SPACE}m/s²"
    if name.endswith("_mps"):
        return f"{kilometres_per_hour(value)}\N{NO-BREAK SPACE}km/h"
    if name.endswith("_shift"):
        return per_cent_exact(value)
    if name.endswith("_m"):
        return f"{metres(value)}\N{NO-BREAK SPACE}m"
    return f"{value:.0f}" if name in COUNTED_FIGURES else f"{value:.2f}"


def beijing(instant: dt.datetime, *, milliseconds: bool = False) -> str:
    """Write an instant in Beijing time.

    >>> beijing(dt.datetime(2026, 1, 31, 16, 5, 6, 120000, tzinfo=dt.timezone.utc))
    '2026-02-01 00:05:06'
    """
    local = instant.astimezone(BEIJING)
    written = local.strftime("%Y-%m-%d %H:%M:%S")
    return f"{written}.{local.microsecond // 1000:03d}" if milliseconds else written


def local_day(now: dt.datetime) -> tuple[dt.datetime, dt.datetime]:
    """Return the first instants of the Beijing day around `now` and of the next."""
    midnight = now.astimezone(BEIJING).replace(
        hour=0, minute=0, second=0, microsecond=0
    )
    return midnight, midnight + dt.timedelta(days=1)


def kilometres_per_hour(speed_mps: float) -> str:
    """Write a speed.

    >>> kilometres_per_hour(20.0)
    '72.0'
    """
    return f"{speed_mps * 3.6:.1f}"


def metres(length_m: float) -> str:
    """Write a length."""
    return f"{length_m:.2f}"


def milliseconds(duration_s: float) -> str:
    """Write a short duration.

    >>> milliseconds(0.0105)
    '10.5 ms'
    """
    return f"{duration_s * 1000:g} ms"


def megabytes(size_bytes: int) -> str:
    """Write the size of a file.

    >>> megabytes(840), megabytes(51_200), megabytes(2_500_000)
    ('840 B', '50.0 kB', '2.4 MB')
    """
    if size_bytes < 1024:
        return f"{size_bytes} B"
    if size_bytes < 1024**2:
        return f"{size_bytes / 1024:.1f} kB"
    return f"{size_bytes / 1024**2:.1f} MB"


def coordinates(latitude: float, longitude: float) -> str:
    """Write a place, in degrees with four decimals (some ten metres).

    >>> coordinates(34.6021, -115.4873)
    '34.6021° N, 115.4873° W'
    """
    north = "N" if latitude >= 0 else "S"
    east = "E" if longitude >= 0 else "W"
    return f"{abs(latitude):.4f}° {north}, {abs(longitude):.4f}° {east}"


def hex_lines(data: bytes) -> str:
    r"""Write bytes as a hex dump: offset, sixteen bytes, and those that are ASCII.

    >>> hex_lines(b"\xffLuheng\x00")
    '00000000  ff 4c 75 68 65 6e 67 00                          .Luheng.'
    """
    rows = (data[at : at + 16] for at in range(0, len(data), 16))
    return "\n".join(
        f"{16 * number:08x}  {row.hex(' '):<47}  "
        + "".join(chr(byte) if 32 <= byte < 127 else "." for byte in row)
        for number, row in enumerate(rows)
    )


def short_hash(digest: str) -> str:
    """Write the beginning of a hash, enough to recognise it."""
    return f"{digest[:12]}…"
