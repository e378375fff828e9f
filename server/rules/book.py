"""The book of rules: dated limit tables, and the verdict by the one in force.

The verdict at the roadside is a first opinion; this one, by the table in force at the
passing time, is the one that counts. It invents no limit: without a table, or without
a row for so many axles, there is no verdict and the reason is said.
"""

from pathlib import Path

import msgspec

from server.errors import ConfigError
from wim.errors import TableError
from wim.limits import LimitTable, parse_limit_table, table_in_force
from wim.messages import AssessmentFields, PassageMessage
from wim.overload import assess, bands_reached, class_to_judge_by

__all__ = ["Finding", "RuleBook"]


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """The centre's verdict on one passage; exactly one of the first two is set.

    ``alert`` is true for a valid passage that is overloaded: then a record is opened.
    """

    verdict: AssessmentFields | None
    problem: str | None
    bands: tuple[str, ...]
    alert: bool


class RuleBook:
    """The tables of one region."""

    def __init__(self, tables: tuple[LimitTable, ...], *, region: str) -> None:
        self._tables = tables
        self._region = region

    @classmethod
    def load(cls, folder: Path, *, region: str) -> "RuleBook":
        """Read every ``*.toml`` of a folder.

        Raises:
            ConfigError: the folder cannot be read, a table is faulty, two have the
                same id, or none is of this region; one line.
        """
        try:
            texts = {file: file.read_text("utf-8") for file in _files(folder)}
        except (OSError, UnicodeDecodeError) as error:
            message = f"{folder}: the limit tables cannot be read: {error}"
            raise ConfigError(message) from error
        try:
            tables = tuple(
                parse_limit_table(text, name=str(file)) for file, text in texts.items()
            )
        except TableError as error:
            raise ConfigError(str(error)) from error
        ids = [table.id for table in tables]
        for index, one in enumerate(ids):
            if one in ids[:index]:
                message = f"{folder}: two limit tables have the id {one!r}"
                raise ConfigError(message)
        if region not in {table.region for table in tables}:
            known = ", ".join(sorted({table.region for table in tables})) or "none"
            message = (
                f"{folder}: no limit table of region {region!r}; regions there: {known}"
            )
            raise ConfigError(message)
        return cls(tables, region=region)

    def find(self, rule_id: str) -> LimitTable | None:
        """Return the table that a verdict names, None when it is no longer kept."""
        return next((table for table in self._tables if table.id == rule_id), None)

    def judge(self, passage: PassageMessage) -> Finding:
        """Return the verdict by the table in force when the vehicle passed."""
        try:
            table = table_in_force(self._tables, passage.passed_at, self._region)
        except TableError as error:
            return _no_verdict(str(error))
        found = assess(
            gross_mass_kg=passage.gross_mass_kg,
            axle_count=len(passage.axle_loads_kg),
            vehicle_class=class_to_judge_by(
                passage.vehicle_class, passage.vehicle_class_probability
            ),
            table=table,
            axle_configuration=passage.axle_configuration,
            gross_mass_uncertainty_kg=passage.gross_mass_uncertainty_kg,
        )
        ratio = found.overload_ratio if found else None
        bands = bands_reached(
            gross_mass_kg=passage.gross_mass_kg, overload_ratio=ratio, table=table
        )
        if found is None:
            count = len(passage.axle_loads_kg)
            problem = f"table {table.id} knows no limit for {count} axles"
            return _no_verdict(problem, bands=bands)
        names = AssessmentFields.__struct_fields__
        verdict = AssessmentFields(**{name: getattr(found, name) for name in names})
        return Finding(
            verdict=verdict,
            problem=None,
            bands=bands,
            alert=passage.valid and verdict.overloaded,
        )


def _files(folder: Path) -> list[Path]:
    return sorted(file for file in folder.iterdir() if file.suffix == ".toml")


def _no_verdict(problem: str, *, bands: tuple[str, ...] = ()) -> Finding:
    return Finding(verdict=None, problem=problem, bands=bands, alert=False)
