"""One station's TOML file into one frozen value, checked before anything starts.

It opens the file and those that it names; it starts nothing, imports nothing heavy and
reads no environment. Paths in the file are relative to the file.
"""

import re
import ssl
import urllib.parse
from pathlib import Path
from typing import Annotated, Literal, NoReturn, TypeAlias

import msgspec

from edge.errors import ConfigError
from wim.errors import WimError
from wim.limits import LimitTable, parse_limit_table
from wim.protocols.hbm import Cof, StatusBits
from wim.protocols.readings import MassUnit
from wim.protocols.registers import RegisterMap
from wim.samples import Site, parse_site
from wim.tables import parse_table

__all__ = [
    "CameraConfig",
    "CameraLane",
    "ClockConfig",
    "HbmConfig",
    "KeysConfig",
    "LineConfig",
    "ModbusConfig",
    "MqttConfig",
    "PlatesConfig",
    "Role",
    "SamplesKept",
    "ScaleConfig",
    "StationConfig",
    "StationTable",
    "StorageConfig",
    "ToledoConfig",
    "UploadConfig",
    "View",
    "WeighingConfig",
    "Xk3190Config",
    "load_config",
]

Role: TypeAlias = Literal["roadside", "source"]
View: TypeAlias = Literal["front", "side", "rear", "gate"]
Seconds: TypeAlias = Annotated[float, msgspec.Meta(gt=0.0, le=3600.0)]
Fraction: TypeAlias = Annotated[float, msgspec.Meta(ge=0.0, le=1.0)]
Name: TypeAlias = Annotated[str, msgspec.Meta(pattern="^[a-z][a-z0-9_-]{0,31}$")]

_VIEWS: dict[Role, tuple[View, ...]] = {
    "roadside": ("front", "side", "rear"),
    "source": ("gate",),
}
SamplesKept: TypeAlias = Literal["overloaded", "all", "none"]
Protocol: TypeAlias = Literal["strip", "xk3190", "toledo", "hbm", "modbus"]

_PROTOCOLS: dict[Role, tuple[Protocol, ...]] = {
    "roadside": ("strip",),
    "source": ("xk3190", "toledo", "hbm", "modbus"),
}
_ONNX = "an ONNX file"
_NEEDS_EIGHT_BITS: tuple[Protocol, ...] = ("strip", "hbm", "modbus")


class _Table(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Root of all tables of the file."""


class StationTable(_Table, frozen=True, kw_only=True):
    """Who this is and where its data live."""

    id: Annotated[str, msgspec.Meta(pattern="^[A-Z0-9][A-Z0-9-]{1,31}$")]
    role: Role
    data_dir: Annotated[str, msgspec.Meta(min_length=1)]


class Xk3190Config(_Table, frozen=True, kw_only=True):
    """What the frames of an XK3190 do not say."""

    unit: MassUnit = "kg"


class ToledoConfig(_Table, frozen=True, kw_only=True):
    """Whether a Toledo indicator ends its frames with a check."""

    checksum: bool = True


class HbmConfig(_Table, frozen=True, kw_only=True):
    """The cells of one scale on an HBM bus, and how they were told to answer."""

    addresses: Annotated[
        tuple[Annotated[int, msgspec.Meta(ge=0, le=89)], ...],
        msgspec.Meta(min_length=1, max_length=32),
    ]
    cof: Cof
    kg_per_digit: Annotated[float, msgspec.Meta(gt=0.0)]
    status: StatusBits = StatusBits()
    poll_interval_s: Annotated[float, msgspec.Meta(ge=0.01, le=5.0)] = 0.1
    answer_timeout_s: Annotated[float, msgspec.Meta(ge=0.02, le=10.0)] = 0.5


class ModbusConfig(RegisterMap, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The registers of a Modbus transmitter, and how often they are read."""

    poll_interval_s: Annotated[float, msgspec.Meta(ge=0.01, le=5.0)] = 0.1
    answer_timeout_s: Annotated[float, msgspec.Meta(ge=0.02, le=10.0)] = 0.5


class LineConfig(_Table, frozen=True, kw_only=True):
    """The sensor line: which driver, which protocol, where.

    A protocol may have a table of its name; hbm and modbus must.
    """

    protocol: Protocol
    device: Annotated[str, msgspec.Meta(min_length=1)]
    driver: Literal["serial", "replay"] = "serial"
    baud: Annotated[int, msgspec.Meta(ge=300, le=12_000_000)] = 9600
    data_bits: Literal[7, 8] = 8
    parity: Literal["none", "even", "odd"] = "none"
    stop_bits: Literal[1, 2] = 1
    silent_after_s: Seconds = 2.0
    xk3190: Xk3190Config | None = None
    toledo: ToledoConfig | None = None
    hbm: HbmConfig | None = None
    modbus: ModbusConfig | None = None


class WeighingConfig(_Table, frozen=True, kw_only=True):
    """Roadside only: the site's geometry, its calibration and the limits in force.

    ``parameters`` is a parameter set of ``luheng-wim calibrate``; without one the site
    file alone counts. ``samples`` says of which passages the samples are kept as
    evidence.
    """

    site: str
    limits: str
    region: Annotated[str, msgspec.Meta(min_length=2)]
    parameters: str | None = None
    pavement_temperature_c: Annotated[float, msgspec.Meta(ge=-60.0, le=90.0)] | None = (
        None
    )
    samples: SamplesKept = "overloaded"


class ScaleConfig(_Table, frozen=True, kw_only=True):
    """Source only: when a load on the static scale counts as one weighing.

    A reading above the maximum is more than the scale can carry, and is no reading.
    """

    name: Name = "scale"
    stable_for_s: Seconds = 3.0
    tolerance_kg: Annotated[float, msgspec.Meta(gt=0.0)] = 40.0
    minimum_mass_kg: Annotated[float, msgspec.Meta(gt=0.0)] = 3000.0
    maximum_mass_kg: Annotated[float, msgspec.Meta(gt=0.0)] = 200_000.0


class CameraLane(_Table, frozen=True, kw_only=True):
    """Where in the picture one lane is: x0, y0, x1, y1 as fractions of the frame."""

    number: Annotated[int, msgspec.Meta(ge=1)]
    region: tuple[Fraction, Fraction, Fraction, Fraction] = (0.0, 0.0, 1.0, 1.0)


class CameraConfig(_Table, frozen=True, kw_only=True):
    """One network camera."""

    name: Name
    view: View
    url: Annotated[str, msgspec.Meta(min_length=1)]
    lanes: tuple[CameraLane, ...]
    driver: Literal["opencv"] = "opencv"
    stale_after_s: Seconds = 3.0
    ring_s: Seconds = 12.0
    ring_mb: Annotated[int, msgspec.Meta(ge=1, le=512)] = 16

    def region(self, lane: int) -> tuple[float, float, float, float] | None:
        """Return where this camera sees a lane, or None if it does not."""
        return next((at.region for at in self.lanes if at.number == lane), None)


class PlatesConfig(_Table, frozen=True, kw_only=True):
    """Weights of the station's own for its plate reader, where not those that ship."""

    reader: str | None = None
    fine_reader: str | None = None
    second_look: str | None = None


class MqttConfig(_Table, frozen=True, kw_only=True):
    """The broker; how long to wait for the centre's receipts."""

    url: str
    ca: str | None = None
    certificate: str | None = None
    key: str | None = None
    username: str | None = None
    password: str | None = None
    window: Annotated[int, msgspec.Meta(ge=1, le=1000)] = 64
    ack_timeout_s: Seconds = 5.0
    heartbeat_s: Seconds = 5.0
    session_expiry_s: Annotated[int, msgspec.Meta(ge=0)] = 7 * 24 * 3600


class UploadConfig(_Table, frozen=True, kw_only=True):
    """Where evidence files go, over HTTP(S)."""

    url: str
    ca: str | None = None
    timeout_s: Seconds = 20.0


class KeysConfig(_Table, frozen=True, kw_only=True):
    """Our own signing key (a file) and the key whose receipts are believed."""

    private_key: str
    server_public_key: Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{64}$")]


class StorageConfig(_Table, frozen=True, kw_only=True):
    """How much room must stay free in the data folder."""

    min_free_mb: Annotated[int, msgspec.Meta(ge=0)] = 200


class ClockConfig(_Table, frozen=True, kw_only=True):
    """How wrong the host's UTC may be; absent when nobody knows."""

    error_bound_s: Annotated[float, msgspec.Meta(ge=0.0)] | None = None


class _File(_Table, frozen=True, kw_only=True):
    """The whole document as written."""

    station: StationTable
    line: LineConfig
    cameras: tuple[CameraConfig, ...] = ()
    plates: PlatesConfig = PlatesConfig()
    mqtt: MqttConfig
    upload: UploadConfig
    keys: KeysConfig
    weighing: WeighingConfig | None = None
    scale: ScaleConfig | None = None
    storage: StorageConfig = StorageConfig()
    clock: ClockConfig = ClockConfig()


class StationConfig(msgspec.Struct, frozen=True, kw_only=True):
    """One station, checked: every path absolute, every table it names read.

    ``site`` and ``limits`` are of the role roadside, ``scale`` of the role source.
    ``parameters`` is the file of a parameter set, ``plates`` names those of weights;
    they are not read yet.
    """

    path: Path
    station: StationTable
    data_dir: Path
    line: LineConfig
    cameras: tuple[CameraConfig, ...]
    plates: PlatesConfig
    mqtt: MqttConfig
    upload: UploadConfig
    keys: KeysConfig
    private_key: Path
    storage: StorageConfig
    clock: ClockConfig
    site: Site | None
    parameters: Path | None
    pavement_temperature_c: float | None
    samples: SamplesKept
    limits: tuple[LimitTable, ...]
    region: str
    scale: ScaleConfig | None


def load_config(path: Path) -> StationConfig:
    """Read and check one station's file and the tables that it names.

    Raises:
        ConfigError: one line with the file, the key and what is allowed there.
    """
    path = path.absolute()
    try:
        file = parse_table(_read(path, key=None), _File, name=str(path))
        return _check(file, path)
    except WimError as error:
        raise ConfigError(str(error)) from error


def _check(file: _File, path: Path) -> StationConfig:
    base, role = path.parent, file.station.role
    _check_line(file.line, role, path)
    site: Site | None = None
    limits: tuple[LimitTable, ...] = ()
    scale: ScaleConfig | None = None
    if role == "roadside":
        if file.weighing is None:
            _refuse(path, "weighing", "missing", "a table with limits, region, site")
        if file.scale is not None:
            _refuse(path, "scale", "not of role 'roadside'", "no such table")
        site = _site(base / file.weighing.site, path)
        if site.station.id != file.station.id:
            text = f"the strips of station '{site.station.id}'"
            _refuse(path, "weighing.site", text, f"a site of '{file.station.id}'")
        limits = _limits(base / file.weighing.limits, path)
        regions = sorted({table.region for table in limits})
        if file.weighing.region not in regions:
            text = f"no table of '{file.weighing.region}' in weighing.limits"
            _refuse(path, "weighing.region", text, ", ".join(regions))
        lanes = {lane.number for lane in site.lanes}
    else:
        if file.weighing is not None:
            _refuse(path, "weighing", "not of role 'source'", "no such table")
        scale = file.scale or ScaleConfig()
        if scale.maximum_mass_kg <= scale.minimum_mass_kg:
            text = f"{scale.maximum_mass_kg:g} is not above scale.minimum_mass_kg"
            allowed = f"more than {scale.minimum_mass_kg:g}"
            _refuse(path, "scale.maximum_mass_kg", text, allowed)
        lanes = {1}
    _check_cameras(file.cameras, role, lanes, path)
    _check_url(file.mqtt.url, ("mqtt", "mqtts"), "mqtt.url", path)
    _check_url(file.upload.url, ("http", "https"), "upload.url", path)
    if (file.mqtt.certificate is None) != (file.mqtt.key is None):
        _refuse(path, "mqtt.certificate", "needs mqtt.key beside it", "both or none")
    if file.mqtt.password is not None and file.mqtt.username is None:
        _refuse(path, "mqtt.password", "needs mqtt.username beside it", "both or none")
    mqtt = msgspec.structs.replace(
        file.mqtt,
        ca=_existing(base, file.mqtt.ca, "mqtt.ca", path),
        certificate=_existing(base, file.mqtt.certificate, "mqtt.certificate", path),
        key=_existing(base, file.mqtt.key, "mqtt.key", path),
    )
    upload = msgspec.structs.replace(
        file.upload, ca=_existing(base, file.upload.ca, "upload.ca", path)
    )
    _check_certificates(mqtt, "mqtt", path)
    _check_certificates(upload, "upload", path)
    plates = PlatesConfig(
        reader=_existing(base, file.plates.reader, "plates.reader", path, _ONNX),
        fine_reader=_existing(
            base, file.plates.fine_reader, "plates.fine_reader", path, _ONNX
        ),
        second_look=_existing(
            base, file.plates.second_look, "plates.second_look", path, _ONNX
        ),
    )
    weighing = file.weighing
    parameters = None if weighing is None else weighing.parameters
    private_key = (base / file.keys.private_key).absolute()
    _check_private_key(private_key, path)
    return StationConfig(
        path=path,
        station=file.station,
        data_dir=(base / file.station.data_dir).absolute(),
        line=file.line,
        cameras=file.cameras,
        plates=plates,
        mqtt=mqtt,
        upload=upload,
        keys=file.keys,
        private_key=private_key,
        storage=file.storage,
        clock=file.clock,
        site=site,
        parameters=None if parameters is None else (base / parameters).absolute(),
        pavement_temperature_c=(
            None if weighing is None else weighing.pavement_temperature_c
        ),
        samples="none" if weighing is None else weighing.samples,
        limits=limits,
        region=weighing.region if weighing is not None else "",
        scale=scale,
    )


def _check_line(line: LineConfig, role: Role, path: Path) -> None:
    """Refuse a protocol that does not fit the role, and tables that do not fit it."""
    protocol = line.protocol
    if protocol not in _PROTOCOLS[role]:
        allowed = ", ".join(f"'{each}'" for each in _PROTOCOLS[role])
        text = f"'{protocol}' does not fit role '{role}'"
        _refuse(path, "line.protocol", text, allowed)
    tables: dict[str, _Table | RegisterMap | None] = {
        "xk3190": line.xk3190,
        "toledo": line.toledo,
        "hbm": line.hbm,
        "modbus": line.modbus,
    }
    for name, table in tables.items():
        if table is not None and name != protocol:
            text = f"not of protocol '{protocol}'"
            _refuse(path, f"line.{name}", text, "no such table")
    if protocol == "hbm" and line.hbm is None:
        allowed = "a table with addresses, cof, kg_per_digit"
        _refuse(path, "line.hbm", "missing", allowed)
    if protocol == "modbus" and line.modbus is None:
        _refuse(path, "line.modbus", "missing", "a table with mass, status, unit")
    if line.hbm is not None and len(set(line.hbm.addresses)) < len(line.hbm.addresses):
        text = f"{list(line.hbm.addresses)} names a cell twice"
        _refuse(path, "line.hbm.addresses", text, "each cell once")
    if line.data_bits == 7 and protocol in _NEEDS_EIGHT_BITS:
        _refuse(path, "line.data_bits", f"7 does not carry '{protocol}'", "8")


def _site(site: Path, path: Path) -> Site:
    text = _read(site, key=f"{path}: key 'weighing.site'")
    return parse_site(text, name=str(site))


def _limits(folder: Path, path: Path) -> tuple[LimitTable, ...]:
    files = sorted(folder.glob("*.toml")) if folder.is_dir() else []
    if not files:
        _refuse(path, "weighing.limits", f"no *.toml in {folder}", "a folder of tables")
    return tuple(
        parse_limit_table(_read(each, key=None), name=str(each)) for each in files
    )


def _check_cameras(
    cameras: tuple[CameraConfig, ...], role: Role, lanes: set[int], path: Path
) -> None:
    names = [camera.name for camera in cameras]
    for index, camera in enumerate(cameras):
        where = f"cameras[{index}]"
        if names.count(camera.name) > 1:
            _refuse(path, f"{where}.name", f"'{camera.name}' twice", "one name each")
        if camera.view not in _VIEWS[role]:
            allowed = ", ".join(f"'{view}'" for view in _VIEWS[role])
            _refuse(path, f"{where}.view", f"'{camera.view}' at a {role}", allowed)
        if not re.match(r"^(file:/)?/", camera.url):
            schemes = ("http", "https", "rtsp", "rtsps")
            _check_url(camera.url, schemes, f"{where}.url", path, "file:// or a device")
        if not camera.lanes:
            _refuse(path, f"{where}.lanes", "empty", "at least one lane")
        for spot, lane in enumerate(camera.lanes):
            at = f"{where}.lanes[{spot}]"
            if lane.number not in lanes:
                allowed = ", ".join(str(number) for number in sorted(lanes))
                _refuse(path, f"{at}.number", f"no lane {lane.number}", allowed)
            x0, y0, x1, y1 = lane.region
            if not (x0 < x1 and y0 < y1):
                _refuse(path, f"{at}.region", f"{list(lane.region)}", "x0<x1, y0<y1")
        seen = [(other.view, lane.number) for other in cameras for lane in other.lanes]
        for lane in camera.lanes:
            if seen.count((camera.view, lane.number)) > 1:
                text = f"lane {lane.number} has two '{camera.view}' cameras"
                _refuse(path, f"{where}.lanes", text, "one camera a view and lane")


def _check_url(
    url: str, schemes: tuple[str, ...], key: str, path: Path, *others: str
) -> None:
    hosts = (f"{scheme}://HOST[:PORT]" for scheme in schemes)
    allowed = " or ".join((*hosts, *others))
    try:
        parts = urllib.parse.urlsplit(url)
        sound = parts.scheme in schemes and parts.hostname and parts.port != 0
    except ValueError:
        sound = False
    if not sound:
        _refuse(path, key, f"'{url}'", allowed)


def _check_private_key(private_key: Path, path: Path) -> None:
    """A key that is there must be one; one that is absent is made at the start."""
    if private_key.exists() and not re.fullmatch(
        r"[0-9a-f]{64}",
        _read(private_key, key=f"{path}: key 'keys.private_key'").strip(),
    ):
        text = f"{private_key} is not an Ed25519 private key"
        _refuse(path, "keys.private_key", text, "a file with 64 hexadecimal digits")


def _existing(
    base: Path, name: str | None, key: str, path: Path, allowed: str = "a PEM file"
) -> str | None:
    if name is None:
        return None
    file = (base / name).absolute()
    if not file.is_file():
        _refuse(path, key, f"no file {file}", allowed)
    return str(file)


def _check_certificates(of: MqttConfig | UploadConfig, table: str, path: Path) -> None:
    """Load what is named, so that a file of something else is said at once."""
    certificate = of.certificate if isinstance(of, MqttConfig) else None
    secure = of.url.startswith(("mqtts:", "https:"))
    for key, file in ((f"{table}.ca", of.ca), (f"{table}.certificate", certificate)):
        if file is not None and not secure:
            _refuse(path, key, f"unused with '{of.url}'", "with mqtts:// or https://")
    try:
        context = ssl.create_default_context(cafile=of.ca)
    except OSError as error:
        text = f"no certificate in {of.ca}: {error}"
        _refuse(path, f"{table}.ca", text, "a PEM file")
    if isinstance(of, MqttConfig) and certificate is not None:
        try:
            context.load_cert_chain(certificate, of.key, password="")
        except OSError as error:
            text = f"no certificate and key in {certificate}, {of.key}: {error}"
            _refuse(path, f"{table}.certificate", text, "PEM files that fit each other")


def _read(path: Path, *, key: str | None) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not UTF-8"
        text = f"{key + ': ' if key else ''}cannot read {path}: {reason}"
        raise ConfigError(text) from error


def _refuse(path: Path, key: str, what: str, allowed: str) -> NoReturn:
    text = f"{path}: key '{key}': {what}; allowed: {allowed}"
    raise ConfigError(text)
