"""The server's configuration: one TOML file, checked once, at the start.

It opens no connection. Every fault is one line: file, key, what is allowed.
"""

import re
from pathlib import Path
from typing import Annotated, Literal, TypeAlias

import msgspec

from server.errors import ConfigError
from wim.errors import TableError
from wim.tables import parse_table

__all__ = [
    "EMBEDDED",
    "DatabaseSettings",
    "EnterpriseSettings",
    "KeySettings",
    "LoadedConfig",
    "MqttSettings",
    "RuleSettings",
    "ServerConfig",
    "ServerSettings",
    "StationSettings",
    "load_config",
    "read_private_key",
]

EMBEDDED = "embedded"
"""As a URL: the server runs that part itself."""

Name: TypeAlias = Annotated[str, msgspec.Meta(min_length=1, max_length=64)]
StationId: TypeAlias = Annotated[str, msgspec.Meta(pattern="^[A-Z0-9][A-Z0-9-]{1,31}$")]
Key: TypeAlias = Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{64}$")]
DatabaseUrl: TypeAlias = Annotated[
    str, msgspec.Meta(pattern="^(embedded|postgres(ql)?://.+)$")
]
MqttUrl: TypeAlias = Annotated[
    str, msgspec.Meta(pattern=r"^(embedded|mqtts?://[^/@\s]+(:\d+)?/?)$")
]
Latitude: TypeAlias = Annotated[float, msgspec.Meta(ge=-90.0, le=90.0)]
Longitude: TypeAlias = Annotated[float, msgspec.Meta(ge=-180.0, le=180.0)]
_KEY = re.compile(r"^[0-9a-f]{64}$")


class _Table(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A table that refuses what it does not know."""


class ServerSettings(_Table, frozen=True, kw_only=True):
    """``[server]``: where the page stands and where the files lie.

    ``data_dir`` is relative to the configuration file. ``secret_file`` keeps the
    secret of the CSRF cookies; by default ``secret`` in the data folder, made on the
    first start.
    """

    host: Annotated[str, msgspec.Meta(min_length=1)] = "127.0.0.1"
    port: Annotated[int, msgspec.Meta(ge=1, le=65535)] = 8080
    data_dir: Annotated[str, msgspec.Meta(min_length=1)]
    secret_file: str | None = None
    secure_cookies: bool = False
    max_evidence_mb: Annotated[int, msgspec.Meta(ge=1, le=4096)] = 64
    min_free_mb: Annotated[int, msgspec.Meta(ge=0)] = 200


class DatabaseSettings(_Table, frozen=True, kw_only=True):
    """``[database]``: ``embedded`` or ``postgresql://…``."""

    url: DatabaseUrl = EMBEDDED
    pool: Annotated[int, msgspec.Meta(ge=2, le=100)] = 10


class MqttSettings(_Table, frozen=True, kw_only=True):
    """``[mqtt]``: ``embedded``, ``mqtt://host:port`` or ``mqtts://host:port``."""

    url: MqttUrl = EMBEDDED
    ca: str | None = None
    certificate: str | None = None
    key: str | None = None
    workers: Annotated[int, msgspec.Meta(ge=1, le=16)] = 1


class RuleSettings(_Table, frozen=True, kw_only=True):
    """``[rules]``: the folder of dated limit tables, and whose tables hold here."""

    limits: Annotated[str, msgspec.Meta(min_length=1)]
    region: Annotated[str, msgspec.Meta(min_length=1)]


class KeySettings(_Table, frozen=True, kw_only=True):
    """``[keys]``: the file with the server's private key, made on the first start."""

    private_key: Annotated[str, msgspec.Meta(min_length=1)]


class StationSettings(_Table, frozen=True, kw_only=True):
    """``[[stations]]``: who may send, under which key, and where it stands.

    ``latitude`` and ``longitude`` are degrees of WGS-84, north and east positive;
    without them the station is on no map.
    """

    id: StationId
    name: Name
    role: Literal["roadside", "source"]
    public_key: Key
    latitude: Latitude | None = None
    longitude: Longitude | None = None


class EnterpriseSettings(_Table, frozen=True, kw_only=True):
    """``[[enterprises]]``: the source enterprise behind a station of role source."""

    id: StationId
    name: Name


class ServerConfig(_Table, frozen=True, kw_only=True):
    """The whole file. Paths in it are relative to the file; see :meth:`path`."""

    server: ServerSettings
    database: DatabaseSettings = DatabaseSettings()
    mqtt: MqttSettings = MqttSettings()
    rules: RuleSettings
    keys: KeySettings
    stations: tuple[StationSettings, ...] = ()
    enterprises: tuple[EnterpriseSettings, ...] = ()


class LoadedConfig(msgspec.Struct, frozen=True, kw_only=True):
    """A checked configuration and the folder that its paths are relative to."""

    table: ServerConfig
    folder: Path

    def path(self, written: str) -> Path:
        """Return the real path of a path written in the file."""
        return (self.folder / Path(written).expanduser()).resolve()

    @property
    def data_dir(self) -> Path:
        """The folder of everything that this server keeps in files."""
        return self.path(self.table.server.data_dir)

    @property
    def secret_file(self) -> Path:
        """The file with the secret of the CSRF cookies."""
        written = self.table.server.secret_file
        return self.path(written) if written else self.data_dir / "secret"


def load_config(file: Path) -> LoadedConfig:
    """Read and check one configuration file.

    Raises:
        ConfigError: it cannot be read, or something in it is unknown, missing,
            impossible or contradictory; one line.
    """
    try:
        text = file.read_text("utf-8")
    except OSError as error:
        message = f"{file}: cannot be read: {error.strerror}"
        raise ConfigError(message) from error
    except UnicodeDecodeError as error:
        message = f"{file}: not UTF-8 at byte {error.start}; save it as UTF-8"
        raise ConfigError(message) from error
    try:
        table = parse_table(text, ServerConfig, name=str(file))
    except TableError as error:
        raise ConfigError(str(error)) from error
    _cross_check(table, str(file))
    return LoadedConfig(table=table, folder=file.absolute().parent)


def read_private_key(file: Path) -> bytes:
    """Return the 32 bytes of a private key written as 64 hex characters.

    Raises:
        ConfigError: the file cannot be read or holds something else.
    """
    try:
        text = file.read_text("ascii").strip()
    except (OSError, UnicodeDecodeError) as error:
        message = f"{file}: the private key cannot be read: {error}"
        raise ConfigError(message) from error
    if not _KEY.match(text):
        message = f"{file}: not a private key; expected 64 lower-case hex characters"
        raise ConfigError(message)
    return bytes.fromhex(text)


def _cross_check(table: ServerConfig, name: str) -> None:
    for key, ids in (
        ("stations", [station.id for station in table.stations]),
        ("enterprises", [enterprise.id for enterprise in table.enterprises]),
    ):
        for index, one in enumerate(ids):
            if one in ids[:index]:
                message = f"{name}: key '{key}[{index}].id': {one!r} stands there twice"
                raise ConfigError(message)
    sources = [s.id for s in table.stations if s.role == "source"]
    for index, enterprise in enumerate(table.enterprises):
        if enterprise.id not in sources:
            message = (
                f"{name}: key 'enterprises[{index}].id': {enterprise.id!r} is no "
                f"station of role source; allowed here: {', '.join(sources) or 'none'}"
            )
            raise ConfigError(message)
    named = {enterprise.id for enterprise in table.enterprises}
    for index, station in enumerate(table.stations):
        if station.role == "source" and station.id not in named:
            message = (
                f"{name}: key 'stations[{index}]': the source {station.id!r} needs an "
                "[[enterprises]] entry with its id and name"
            )
            raise ConfigError(message)
    for index, station in enumerate(table.stations):
        if (station.latitude is None) != (station.longitude is None):
            message = (
                f"{name}: keys 'stations[{index}].latitude' and "
                f"'stations[{index}].longitude' go together; give both or none"
            )
            raise ConfigError(message)
    mqtt = table.mqtt
    if (mqtt.certificate is None) != (mqtt.key is None):
        message = f"{name}: keys 'mqtt.certificate' and 'mqtt.key' go together"
        raise ConfigError(message)
    if mqtt.ca and not mqtt.url.startswith("mqtts://"):
        message = f"{name}: key 'mqtt.ca' needs an mqtts:// address in 'mqtt.url'"
        raise ConfigError(message)
