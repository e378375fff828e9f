import datetime as dt
import re
import resource
import stat
import subprocess
import sys
import tomllib

import pytest
import tomli_w

from edge.config import load_config
from edge.errors import ConfigError
from edge.parameters import load_calibration
from wim.calibration import (
    NO_CALIBRATION,
    Calibration,
    ChannelFactor,
    ParameterSet,
    sealed,
)
from wim.cli.parameter_sets import write_parameter_set


@pytest.fixture
def write(tmp_path, repository):
    """Write the shipped station's file with some values replaced or dropped."""

    def write(name="station", **changes):
        table = tomllib.loads(
            (repository / f"configs/edge/{name}.toml").read_text(encoding="utf-8")
        )
        table["station"]["data_dir"] = "data"
        table["keys"]["private_key"] = "station.key"
        if "weighing" in table:
            table["weighing"]["site"] = str(
                repository / "configs/stations/demo-site.toml"
            )
            table["weighing"]["limits"] = str(repository / "configs/limits")
        for dotted, value in changes.items():
            *path, last = dotted.split("__")
            inner = table
            for step in path:
                inner = inner[int(step) if step.isdigit() else step]
            if value is None:
                del inner[last]
            else:
                inner[last] = value
        path = tmp_path / "station.toml"
        path.write_text(tomli_w.dumps(table), encoding="utf-8")
        return path

    return write


SHIPPED = ["station", "source", "source-toledo", "source-hbm", "source-modbus"]


@pytest.mark.parametrize("name", SHIPPED)
def test_every_shipped_configuration_loads(repository, name):
    config = load_config(repository / f"configs/edge/{name}.toml")
    assert config.cameras
    assert (config.site is None) == name.startswith("source")


def test_no_shipped_configuration_is_left_untested(repository):
    assert {path.stem for path in (repository / "configs/edge").iterdir()} == {*SHIPPED}


def test_a_key_left_out_of_an_optional_table_is_unknown_not_zero(write):
    assert load_config(write()).clock.error_bound_s is None
    bound = load_config(write(clock={"error_bound_s": 0.01})).clock.error_bound_s
    assert bound == 0.01


def test_a_parameter_set_is_optional_and_its_path_is_of_the_file(write, tmp_path):
    plain = load_config(write())
    assert (plain.parameters, plain.pavement_temperature_c) == (None, None)
    assert load_calibration(plain) == NO_CALIBRATION
    told = load_config(
        write(
            weighing__parameters="set.toml",
            weighing__pavement_temperature_c=41.5,
            weighing__samples="all",
        )
    )
    assert told.parameters == tmp_path / "set.toml"
    assert (told.pavement_temperature_c, told.samples) == (41.5, "all")


def a_set(**changes):
    made = ParameterSet(
        **{
            "id": "demo",
            "version": 1,
            "station": "DEMO-001",
            "made_at": dt.datetime(2026, 11, 1, tzinfo=dt.UTC),
            "made_by": "test",
            "basis": "reference trucks",
            "calibration": Calibration(
                strips=(ChannelFactor(channel=0, factor=1.01, uncertainty=0.002),)
            ),
        }
        | changes
    )
    return sealed(made)


def written(path, parameters):
    path.unlink(missing_ok=True)
    write_parameter_set(path, parameters)
    return path


def test_a_stations_own_set_is_taken_whole(write, tmp_path):
    config = load_config(write(weighing__parameters="set.toml"))
    own = a_set()
    written(tmp_path / "set.toml", own)
    assert load_calibration(config) == own.calibration


def test_a_set_that_is_not_this_stations_or_was_edited_is_refused(write, tmp_path):
    config = load_config(write(weighing__parameters="set.toml"))
    path = tmp_path / "set.toml"

    def refusal():
        with pytest.raises(ConfigError) as caught:
            load_calibration(config)
        said = str(caught.value)
        assert said.startswith(f"{config.path}: key 'weighing.parameters': ")
        return said

    assert "cannot read" in refusal()
    written(path, a_set(station="DEMO-002"))
    assert "a set of 'DEMO-001'" in refusal()
    other = Calibration(
        strips=(ChannelFactor(channel=99, factor=1.0, uncertainty=0.002),)
    )
    written(path, a_set(calibration=other))
    assert "channel 99; allowed: 0, 1" in refusal()
    written(path, a_set())
    text = path.read_text("utf-8")
    path.write_text(text.replace("1.01", "1.02"), "utf-8")
    assert "is not that of the content" in refusal()


def test_a_broken_set_stops_the_command_with_one_line_and_exit_two(
    write, tmp_path, repository
):
    config = write(weighing__parameters="set.toml")
    written(tmp_path / "set.toml", a_set(station="DEMO-002"))
    done = subprocess.run(
        [sys.executable, "-m", "edge", str(config)],
        capture_output=True,
        text=True,
        cwd=repository,
        check=False,
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.count("\n") == 1
    assert "weighing.parameters" in done.stderr


FAULTS = [
    ({"weighing__samples": "some"}, "weighing.samples", "'overloaded'"),
    ({"weighing__pavement_temperature_c": 200.0}, "pavement_temperature_c", "≤ 90"),
    ({"weighing__parameters": 5}, "weighing.parameters", "a text"),
    ({"station__colour": "red"}, "station.colour", "data_dir, id, role"),
    ({"station__role": "harbour"}, "station.role", "'roadside'"),
    ({"line__baud": "fast"}, "line.baud", "a whole number"),
    ({"line__baud": 5}, "line.baud", "≥ 300"),
    ({"mqtt__url": None}, "mqtt.url", "a text"),
    ({"upload": None}, "upload", "a table with"),
    ({"weighing": None}, "weighing", "a table with limits, region, site"),
    ({"scale": {}}, "scale", "no such table"),
    ({"line__protocol": "xk3190"}, "line.protocol", "'strip'"),
    ({"weighing__site": "no-site.toml"}, "weighing.site", "No such file"),
    ({"weighing__limits": "nowhere"}, "weighing.limits", "a folder of tables"),
    ({"cameras__0__lanes__0__number": 3}, "cameras[0].lanes[0].number", "1, 2"),
    ({"cameras__0__lanes__0__region": [0.6, 0.0, 0.5, 1.0]}, "region", "x0<x1"),
    ({"cameras__0__lanes__0__region": [0.0, 0.0, 1.5, 1.0]}, "region", "≤ 1"),
    ({"cameras__0__view": "gate"}, "cameras[0].view", "'front', 'side', 'rear'"),
    ({"cameras__1__view": "front"}, "cameras[0].lanes", "one camera a view and lane"),
    ({"cameras__1__name": "front"}, "cameras[0].name", "one name each"),
    ({"cameras__0__url": "front"}, "cameras[0].url", "rtsp://"),
    ({"cameras__0__lanes": []}, "cameras[0].lanes", "at least one lane"),
    ({"mqtt__url": "amqp://host"}, "mqtt.url", "mqtt://HOST[:PORT]"),
    ({"mqtt__ca": "no-ca.pem"}, "mqtt.ca", "a PEM file"),
    ({"mqtt__certificate": "a.pem"}, "mqtt.certificate", "both or none"),
    ({"upload__url": "ftp://host"}, "upload.url", "http://HOST[:PORT]"),
    ({"keys__server_public_key": "abc"}, "keys.server_public_key", "matching"),
    ({"storage__min_free_mb": -1}, "storage.min_free_mb", "≥ 0"),
    ({"station__id": "demo 1"}, "station.id", "matching"),
    ({"station__id": "DEMO-002"}, "weighing.site", "a site of 'DEMO-002'"),
    ({"weighing__region": "ZZ"}, "weighing.region", "allowed: CN"),
    ({"station__data_dir": "da\0ta"}, "station.data_dir", "without"),
    ({"cameras__0__url": "http://"}, "cameras[0].url", "http://HOST[:PORT]"),
    ({"cameras__0__url": "rtsp://h:99999/"}, "cameras[0].url", "rtsp://HOST[:PORT]"),
    ({"plates": {"reader": "no.onnx"}}, "plates.reader", "an ONNX file"),
    ({"plates": {"second_look": "no.onnx"}}, "plates.second_look", "an ONNX file"),
    ({"plates": {"weights": "a.onnx"}}, "plates.weights", "fine_reader, reader"),
    ({"mqtt__password": "secret"}, "mqtt.password", "both or none"),
    ({"mqtt__ca": __file__}, "mqtt.ca", "with mqtts://"),
    (
        {"mqtt__url": "mqtts://host", "mqtt__ca": __file__},
        "mqtt.ca",
        "a PEM file",
    ),
    (
        {
            "mqtt__url": "mqtts://host",
            "mqtt__certificate": __file__,
            "mqtt__key": __file__,
        },
        "mqtt.certificate",
        "PEM files that fit each other",
    ),
    (
        {"upload__url": "https://host", "upload__ca": __file__},
        "upload.ca",
        "a PEM file",
    ),
]


SCALE_FAULTS = [
    ("source", {"line__protocol": "strip"}, "line.protocol", "'toledo', 'hbm'"),
    ("source", {"line__protocol": "avery"}, "line.protocol", "'modbus'"),
    ("source", {"line__protocol": "hbm"}, "line.hbm", "addresses, cof, kg_per_digit"),
    ("source", {"line__protocol": "modbus"}, "line.modbus", "mass, status, unit"),
    ("source", {"line__toledo": {}}, "line.toledo", "no such table"),
    ("source", {"line__xk3190": {"unit": "st"}}, "line.xk3190.unit", "'g', 'kg'"),
    ("source", {"line__data_bits": 6}, "line.data_bits", "7, 8"),
    ("source", {"line__parity": "mark"}, "line.parity", "'even', 'none', 'odd'"),
    ("source", {"scale__maximum_mass_kg": 2000.0}, "scale.maximum_mass_kg", "3000"),
    ("source-hbm", {"line__hbm__cof": 10}, "line.hbm.cof", "8, 9, 11, 12"),
    ("source-hbm", {"line__hbm__kg_per_digit": None}, "kg_per_digit", "a number > 0"),
    ("source-hbm", {"line__hbm__addresses": [1, 1]}, "line.hbm.addresses", "once"),
    ("source-hbm", {"line__hbm__addresses": []}, "line.hbm.addresses", "length ≥ 1"),
    ("source-hbm", {"line__hbm__addresses": [90]}, "line.hbm.addresses", "≤ 89"),
    ("source-hbm", {"line__data_bits": 7}, "line.data_bits", "allowed: 8"),
    (
        "source-hbm",
        {"line__hbm__status": {"standstill": [8]}},
        "line.hbm.status",
        "0 to 7",
    ),
    ("source-modbus", {"line__modbus__unit": 0}, "line.modbus.unit", "≥ 1"),
    ("source-modbus", {"line__modbus__mass__kind": "u64"}, "mass.kind", "'f32'"),
    (
        "source-modbus",
        {"line__modbus__mass__register": 40_000},
        "line.modbus.mass",
        "40001 to 49998",
    ),
    (
        "source-modbus",
        {"line__modbus__status__stable": [16]},
        "line.modbus.status.stable",
        "≤ 15",
    ),
    (
        "source-modbus",
        {"line__modbus__status__steady": [3]},
        "line.modbus.status.steady",
        "moving, negative, out_of_range",
    ),
]


@pytest.mark.parametrize(("name", "changes", "key", "allowed"), SCALE_FAULTS)
def test_a_fault_of_a_scale_is_answered_with_file_key_and_what_is_allowed(
    write, name, changes, key, allowed
):
    path = write(name, **changes)
    with pytest.raises(ConfigError) as caught:
        load_config(path)
    text = str(caught.value)
    assert str(path) in text
    assert key in text
    assert allowed in text
    assert "\n" not in text


@pytest.mark.parametrize(("changes", "key", "allowed"), FAULTS)
def test_a_fault_is_answered_with_file_key_and_what_is_allowed(
    write, changes, key, allowed
):
    path = write(**changes)
    with pytest.raises(ConfigError) as caught:
        load_config(path)
    text = str(caught.value)
    assert str(path) in text
    assert key in text
    assert allowed in text
    assert "\n" not in text


def test_a_file_that_is_no_key_is_refused_before_the_start(write, tmp_path):
    (tmp_path / "station.key").write_text("hunter2")
    with pytest.raises(ConfigError, match="64 hexadecimal digits"):
        load_config(write())


def children_s():
    """Return the processor's time of the processes that were waited for."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


@pytest.mark.parametrize("content", [None, b"[station", b"\xff\xfe"])
def test_the_command_answers_a_bad_file_at_once_with_exit_two(
    tmp_path, repository, content
):
    path = tmp_path / "bad.toml"
    if content is not None:
        path.write_bytes(content)
    began_s = children_s()
    done = subprocess.run(
        [sys.executable, "-m", "edge", str(path), "--json"],
        capture_output=True,
        text=True,
        cwd=repository,
        check=False,
    )
    assert done.returncode == 2
    assert children_s() - began_s < 3.0  # under 1 s on an idle machine
    assert re.fullmatch(r"luheng-edge: .*bad\.toml.*\n", done.stderr)
    assert done.stdout == ""


def test_loading_a_configuration_loads_nothing_heavy(repository):
    program = (
        "import sys, pathlib; from edge.config import load_config; "
        "load_config(pathlib.Path('configs/edge/station.toml')); "
        "print([m for m in ('numba', 'cv2', 'paho', 'httpx') if m in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        cwd=repository,
        check=True,
    )
    assert done.stdout.strip() == "[]"


def test_the_key_made_at_the_first_start_is_for_its_owner_only(tmp_path):
    from edge.station import _private_key  # noqa: PLC0415 -- heavy

    path = tmp_path / "keys" / "station.key"
    key = _private_key(path)
    assert len(key) == 32
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert _private_key(path) == key
