"""A report as tables for people: rows of plain text or of Markdown.

Every figure stands with its 95 % interval; "?" is not known. It computes nothing.
"""

import msgspec

from wim.accuracy.figures import ErrorFigures, Interval, Share, share_of
from wim.accuracy.report import SHIPPED, AccuracyReport

__all__ = ["Table", "as_markdown", "as_text", "tables"]

_UNKNOWN = "?"


class Table(msgspec.Struct, frozen=True, kw_only=True):
    """One table: its name, its heads and its rows of finished words."""

    name: str
    title: str
    heads: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


def tables(report: AccuracyReport) -> tuple[Table, ...]:
    """Return the tables of a report that have anything to say."""
    found = [_summary(report), _estimators(report)]
    found += [_slices(report, kind) for kind in report.slices]
    found += [_cost(report), _in_service(report)]
    found.append(_normal_flags(report))
    if report.manoeuvres:
        found.append(_manoeuvres(report))
    if report.lawful is not None:
        found.append(_lawful(report))
    return tuple(table for table in found if table.rows)


def as_text(table: Table) -> str:
    """Return a table in columns of equal width."""
    rows = [table.heads, *table.rows]
    widths = [max(len(row[k]) for row in rows) for k in range(len(table.heads))]
    lines = [table.title]
    for row in rows:
        cells = [row[0].ljust(widths[0])]
        cells += [
            cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True)
        ]
        lines.append(("  " + "  ".join(cells)).rstrip())
    return "\n".join(lines)


def as_markdown(table: Table) -> str:
    """Return a table in Markdown."""
    lines = [
        "| " + " | ".join(table.heads) + " |",
        "|---" + "|---:" * (len(table.heads) - 1) + "|",
    ]
    lines += ["| " + " | ".join(row) + " |" for row in table.rows]
    return "\n".join(lines)


def _summary(report: AccuracyReport) -> Table:
    rows: list[tuple[str, str, str]] = []

    def share(name: str, found: Share) -> None:
        rows.append((name, _percent(found), _span(found.interval, 100.0, 2, " %")))

    def bound(name: str, found: ErrorFigures | None, unit: str, places: int) -> None:
        if found is not None:
            rows.append(
                (
                    name,
                    f"±{found.p95:.{places}f} {unit}",
                    _span(found.p95_interval, 1.0, places, f" {unit}"),
                )
            )

    rows.append(("vehicles / passages", f"{report.vehicles} / {report.passages}", ""))
    rows.append(("passages that are no vehicle's", str(report.extra), ""))
    share("captured, normal driving", report.normal_captured)
    share("normal driving declared invalid", report.normal_invalid)
    share("normal driving with a manoeuvre's flag", report.false_alarms)
    rows.append(("valid passages judged", str(report.judged), ""))
    bound("gross mass: 95 % within", report.gross, "%", 2)
    if report.gross is not None:
        gross = report.gross
        sd_span = _span(gross.sd_interval, 1.0, 3, " %")
        bias_span = _span(gross.bias_interval, 1.0, 3, " %")
        rows.append(("gross mass: bias", f"{gross.bias:+.3f} %", bias_span))
        rows.append(("gross mass: SD", _number(gross.sd, 3, " %"), sd_span))
        rows.append(("gross mass: largest error", f"{gross.largest:+.2f} %", ""))
    bound("axle group: 95 % within", report.group, "%", 2)
    bound("axle (every one): 95 % within", report.axle, "%", 2)
    bound("axle standing alone: 95 % within", report.single_axle, "%", 2)
    stated = _number(report.median_uncertainty, 2, " %")
    rows.append(("median stated uncertainty (k = 2)", stated, ""))
    share("true gross masses inside it", report.covered)
    share("true axle loads inside theirs", report.axle_covered)
    share("axle count right", report.axle_count_right)
    bound("speed: 95 % within", report.speed, "%", 2)
    bound("axle spacing: 95 % within", report.spacing, "m", 3)
    shipped = next((e for e in report.estimators if e.name == SHIPPED), None)
    if shipped is not None and shipped.gross_gain is not None:
        rows.append(
            (
                "gross mass RMS below the plain mean's",
                f"{100.0 * shipped.gross_gain:.1f} %",
                _span(shipped.gross_gain_interval, 100.0, 1, " %"),
            )
        )
    return Table(
        name="summary",
        title="All together",
        heads=("figure", "value", "95 % interval"),
        rows=tuple(rows),
    )


def _estimators(report: AccuracyReport) -> Table:
    return Table(
        name="estimators",
        title="Estimators on the same passages (errors in %)",
        heads=(
            "estimator",
            "gross bias",
            "gross SD",
            "gross RMS",
            "gross P95",
            "interval",
            "RMS gain",
            "axle SD",
            "axle P95",
        ),
        rows=tuple(
            (
                each.name,
                f"{each.gross.bias:+.2f}",
                _number(each.gross.sd, 2),
                f"{each.gross.rms:.2f}",
                f"{each.gross.p95:.2f}",
                _span(each.gross.p95_interval, 1.0, 2),
                _UNKNOWN
                if each.gross_gain is None
                else f"{100.0 * each.gross_gain:+.1f} %",
                _UNKNOWN if each.axle is None else _number(each.axle.sd, 2),
                _UNKNOWN if each.axle is None else f"{each.axle.p95:.2f}",
            )
            for each in report.estimators
        ),
    )


def _slices(report: AccuracyReport, kind: str) -> Table:
    return Table(
        name=kind,
        title=f"Gross mass by {kind.replace('_', ' ')} (errors in %)",
        heads=(
            kind.replace("_", " "),
            "n",
            "bias",
            "SD",
            "RMS",
            "P95",
            "interval",
            "largest",
            "median U",
            "inside U",
            "interval",
            "plain mean P95",
        ),
        rows=tuple(
            (
                each.name.strip(),
                str(each.gross.count),
                f"{each.gross.bias:+.2f}",
                _number(each.gross.sd, 2),
                f"{each.gross.rms:.2f}",
                f"{each.gross.p95:.2f}",
                _span(each.gross.p95_interval, 1.0, 2),
                f"{each.gross.largest:+.2f}",
                _number(each.median_uncertainty, 2),
                _percent(each.covered, 1),
                _span(each.covered.interval, 100.0, 1),
                _UNKNOWN if each.baseline is None else f"{each.baseline.p95:.2f}",
            )
            for each in report.slices[kind]
        ),
    )


def _cost(report: AccuracyReport) -> Table:
    cost = report.cost323
    worst = cost.name or "not judged: fewer than ten values"
    return Table(
        name="cost323",
        title=(
            f"COST 323 ({cost.repeatability}, environment {cost.environment}): {worst}"
        ),
        heads=("criterion", "n", "mean", "SD", "required", "least δ", "K", "class"),
        rows=tuple(
            (
                each.criterion.replace("_", " "),
                str(each.count),
                f"{each.mean:+.2f}",
                f"{each.deviation:.2f}",
                f"{each.required:.1f} %",
                f"{each.least_delta:.2f} %",
                f"{each.class_number:.2f}",
                each.name,
            )
            for each in cost.criteria
        ),
    )


def _in_service(report: AccuracyReport) -> Table:
    checks = [("all", report.in_service)]
    checks += [(name, each) for name, each in report.in_service_by_regime.items()]
    rows = [
        (
            name,
            f"{one.accuracy_class:g}",
            str(each.count),
            f"±{one.limit:g} %",
            str(one.outside),
            f"≤ {100.0 * one.share_outside_upper:.3f} %",
            "yes" if one.passed else "no",
        )
        for name, each in checks
        for one in each.classes
        if one.accuracy_class >= 1.0
    ]
    return Table(
        name="in_service",
        title="OIML R134-1 / GB/T 21296, total mass in service: every run inside",
        heads=(
            "speed regime",
            "class",
            "runs",
            "allowed",
            "outside",
            "share outside (95 %)",
            "held",
        ),
        rows=tuple(rows),
    )


def _normal_flags(report: AccuracyReport) -> Table:
    of = report.normal_invalid.of
    return Table(
        name="normal_flags",
        title="Flags on vehicles that drove normally",
        heads=("flag", "passages", "share", "95 % interval"),
        rows=tuple(
            (
                flag,
                str(count),
                _percent(share_of(count, of)),
                _span(share_of(count, of).interval, 100.0, 2, " %"),
            )
            for flag, count in sorted(report.normal_flags.items())
        ),
    )


def _manoeuvres(report: AccuracyReport) -> Table:
    return Table(
        name="manoeuvres",
        title="Manoeuvres",
        heads=(
            "manoeuvre",
            "n",
            "found",
            "interval",
            "no record",
            "valid and unseen",
            "largest error of a valid record",
        ),
        rows=tuple(
            (
                each.name,
                str(each.found.of),
                _percent(each.found, 1),
                _span(each.found.interval, 100.0, 1, " %"),
                str(each.unrecorded),
                str(each.valid_unseen),
                "none valid"
                if each.largest_valid_error is None
                else f"{each.largest_valid_error:+.1f} %",
            )
            for each in report.manoeuvres
        ),
    )


def _lawful(report: AccuracyReport) -> Table:
    lawful = report.lawful
    rows: tuple[tuple[str, ...], ...] = ()
    if lawful is not None and lawful.vehicles:
        bound = "" if lawful.upper_bound is None else f"{1e4 * lawful.upper_bound:.2f}"
        rows = (
            ("lawful vehicles", str(lawful.vehicles), ""),
            (
                "called overloaded after deducting U",
                str(lawful.after_uncertainty.count),
                f"at most {bound} in 10 000",
            ),
            (
                "called overloaded after the table's deduction",
                str(lawful.after_table.count),
                "",
            ),
            (
                "measured above the limit, nothing deducted",
                str(lawful.undeducted.count),
                "",
            ),
        )
    return Table(
        name="lawful",
        title="Lawful vehicles called overloaded",
        heads=("figure", "count", "95 % upper bound"),
        rows=rows,
    )


def _percent(share: Share, places: int = 2) -> str:
    return _UNKNOWN if share.share is None else f"{100.0 * share.share:.{places}f} %"


def _number(value: float | None, places: int, unit: str = "") -> str:
    return _UNKNOWN if value is None else f"{value:.{places}f}{unit}"


def _span(interval: Interval, scale: float, places: int, unit: str = "") -> str:
    low, high = interval
    if low is None and high is None:
        return _UNKNOWN
    ends = [
        _UNKNOWN if end is None else f"{scale * end:.{places}f}" for end in (low, high)
    ]
    return f"{ends[0]} to {ends[1]}{unit}"
