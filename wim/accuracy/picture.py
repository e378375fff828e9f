"""The picture of a report, as SVG: how the errors lie, and how they grow with speed.

It draws what the report says and computes nothing of its own. Left: the histogram of
the gross mass errors, the shipped estimator filled and the plain mean as an outline.
Right: for each speed band what 95 % of the errors stay within, with its interval, and
the median of the uncertainty that the records state.
"""

from collections.abc import Sequence
from html import escape

from wim.accuracy.report import AccuracyReport, Histogram, Slice

__all__ = ["draw"]

_WIDTH, _HEIGHT = 960, 400
_TOP, _BOTTOM = 84, 330
_LEFT = (70, 450)
_RIGHT = (560, 930)
_OURS, _PLAIN, _STATED, _INK, _FAINT = (
    "#1f6feb",
    "#8a939e",
    "#c2410c",
    "#24292f",
    "#d7dce2",
)
_HEAD = (
    f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" '
    f'width="{_WIDTH}" height="{_HEIGHT}" role="img" aria-label="{{label}}">'
)
_STYLE = (
    "text{font:13px 'Noto Sans','Noto Sans CJK SC','DejaVu Sans',sans-serif;"
    f"fill:{_INK}}}.t{{font-size:16px;font-weight:600}}.s{{font-size:12px;"
    "fill:#57606a}"
)


def draw(report: AccuracyReport, *, title: str) -> str:
    """Return the picture of a report as one SVG document.

    Args:
        report: with at least one judged passage.
        title: one line above the picture.

    Raises:
        ValueError: no passage was judged, so that there is nothing to draw.
    """
    if report.gross is None:
        message = "no passage was judged"
        raise ValueError(message)
    said = (
        f"{report.judged} valid passages of normal driving: 95 % within "
        f"±{report.gross.p95:.2f} %, bias {report.gross.bias:+.2f} %"
    )
    if report.covered.share is not None:
        said += f", {100.0 * report.covered.share:.1f} % inside the stated uncertainty"
    parts = [
        _HEAD.format(label=escape(title)),
        f"<style>{_STYLE}</style>",
        f'<rect width="{_WIDTH}" height="{_HEIGHT}" fill="#ffffff"/>',
        _text(24, 30, title, css="t"),
        _text(24, 50, said, css="s"),
        *_errors(report.histogram),
        *_speeds(report.slices.get("speed", ())),
        *_legend(plain=report.baseline is not None),
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


def _errors(histogram: Histogram) -> list[str]:
    x0, x1 = _LEFT
    n = len(histogram.shipped)
    step = (x1 - x0) / n
    plain = histogram.baseline
    most = max(1, *histogram.shipped, *(plain or (0,)))
    last = histogram.from_error + n * histogram.width

    def across(error: float) -> float:
        return x0 + (error - histogram.from_error) / histogram.width * step

    def up(count: int) -> float:
        return _BOTTOM - (_BOTTOM - _TOP - 8) * count / most

    parts = [
        _box(across(-5), _TOP, across(5) - across(-5), _BOTTOM - _TOP, fill="#eef4ff"),
        _text(across(-5) + 4, _TOP + 14, "±5 %: class 5", css="s"),
    ]
    for k, count in enumerate(histogram.shipped):
        if count:
            high = _BOTTOM - up(count)
            left = x0 + (k + 0.04) * step
            parts.append(_box(left, up(count), 0.92 * step, high, fill=_OURS))
    if plain is not None:
        corners = [f"{x0:.1f},{_BOTTOM}"]
        for k, count in enumerate(plain):
            corners += [
                f"{x0 + k * step:.2f},{up(count):.2f}",
                f"{x0 + (k + 1) * step:.2f},{up(count):.2f}",
            ]
        corners.append(f"{x1:.1f},{_BOTTOM}")
        parts.append(
            f'<polyline points="{" ".join(corners)}" fill="none" stroke="{_PLAIN}" '
            f'stroke-width="1.6"/>'
        )
    parts.append(_line(x0, _BOTTOM, x1, _BOTTOM, _INK))
    for error in range(-8, 9, 2):
        if histogram.from_error <= error <= last:
            x = across(error)
            parts.append(_line(x, _BOTTOM, x, _BOTTOM + 5, _INK))
            parts.append(
                _text(x, _BOTTOM + 20, f"{error:+d}" if error else "0", anchor="middle")
            )
    parts.append(
        _text(
            (x0 + x1) / 2, _BOTTOM + 40, "error of the gross mass [%]", anchor="middle"
        )
    )
    parts.append(_text(x0, _TOP - 10, "passages", css="s"))
    return parts


def _speeds(slices: Sequence[Slice]) -> list[str]:
    x0, x1 = _RIGHT
    if not slices:
        return []
    figures = [each.gross.p95_interval[1] or each.gross.p95 for each in slices]
    figures += [each.baseline.p95 for each in slices if each.baseline]
    figures += [each.median_uncertainty or 0.0 for each in slices]
    top = max(1.0, 1.08 * max(figures))
    room = (x1 - x0) / len(slices)

    def up(percent: float) -> float:
        return _BOTTOM - (_BOTTOM - _TOP) * min(percent, top) / top

    parts = []
    grid = 1 if top <= 8 else 2 if top <= 16 else 5
    for percent in range(0, int(top) + 1, grid):
        y = up(percent)
        parts.append(_line(x0, y, x1, y, _INK if percent == 0 else _FAINT))
        parts.append(_text(x0 - 8, y + 4, f"{percent}", anchor="end"))
    for k, each in enumerate(slices):
        middle = x0 + (k + 0.5) * room
        wide = min(0.3 * room, 26.0)
        ours = up(each.gross.p95)
        parts.append(_box(middle - wide, ours, wide, _BOTTOM - ours, fill=_OURS))
        low, high = each.gross.p95_interval
        if low is not None and high is not None:
            x = middle - 0.5 * wide
            parts.append(_line(x, up(low), x, up(high), _INK))
        if each.baseline is not None:
            theirs = up(each.baseline.p95)
            high = _BOTTOM - theirs
            parts.append(_box(middle + 2, theirs, wide, high, stroke=_PLAIN))
        if each.median_uncertainty is not None:
            y = up(each.median_uncertainty)
            parts.append(_line(middle - wide - 4, y, middle + 2, y, _STATED, 2.5))
        band = each.name.removesuffix(" km/h").strip()
        parts.append(_text(middle, _BOTTOM + 20, band, anchor="middle"))
        count = f"n={each.gross.count}"
        parts.append(_text(middle, _BOTTOM + 58, count, css="s", anchor="middle"))
    parts.append(_text((x0 + x1) / 2, _BOTTOM + 40, "speed [km/h]", anchor="middle"))
    parts.append(_text(x0, _TOP - 10, "95 % of errors within ± [%]", css="s"))
    return parts


def _legend(*, plain: bool) -> list[str]:
    y = 30
    parts = [
        _box(735, y - 9, 10, 10, fill=_OURS),
        _text(750, y, "this record", css="s"),
        _line(830, y - 4, 846, y - 4, _STATED, 2.5),
        _text(851, y, "stated U", css="s"),
    ]
    if plain:
        parts += [
            _box(640, y - 9, 10, 10, stroke=_PLAIN),
            _text(655, y, "plain mean", css="s"),
        ]
    return parts


def _text(
    x: float, y: float, words: str, *, css: str = "", anchor: str = "start"
) -> str:
    kind = f' class="{css}"' if css else ""
    at = f'x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}"'
    return f"<text {at}{kind}>{escape(words)}</text>"


def _box(
    x: float,
    y: float,
    width: float,
    height: float,
    *,
    fill: str = "none",
    stroke: str = "none",
) -> str:
    size = f'width="{width:.2f}" height="{height:.2f}"'
    paint = f'fill="{fill}" stroke="{stroke}" stroke-width="1.6"'
    return f'<rect x="{x:.2f}" y="{y:.2f}" {size} {paint}/>'


def _line(
    x0: float, y0: float, x1: float, y1: float, colour: str, width: float = 1.0
) -> str:
    ends = f'x1="{x0:.1f}" y1="{y0:.1f}" x2="{x1:.1f}" y2="{y1:.1f}"'
    return f'<line {ends} stroke="{colour}" stroke-width="{width:g}"/>'
