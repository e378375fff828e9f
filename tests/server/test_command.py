"""``luheng-server``: its configuration, its commands, and its words when wrong."""

import json
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest
import tomli_w

import wim.messages
from server.__main__ import _secret, _tellable
from server.app import broker_address
from server.config import load_config, read_private_key
from server.errors import ConfigError
from server.ingest.link import MqttLink
from server.rules.book import RuleBook
from wim.seal import public_key

ROOT = Path(__file__).parents[2]

GOOD = {
    "server": {"data_dir": "data"},
    "rules": {"limits": str(ROOT / "configs" / "limits"), "region": "CN"},
    "keys": {"private_key": "server.key"},
    "stations": [
        {"id": "DEMO-001", "name": "一", "role": "roadside", "public_key": "a" * 64},
        {"id": "SRC-001", "name": "二", "role": "source", "public_key": "b" * 64},
    ],
    "enterprises": [{"id": "SRC-001", "name": "石料厂"}],
}


@pytest.fixture
def write(tmp_path):
    def write(**changes):
        file = tmp_path / "server.toml"
        merged = {
            name: value | changes.get(name, {})
            if isinstance(value, dict)
            else changes.get(name, value)
            for name, value in GOOD.items()
        }
        extra = {name: v for name, v in changes.items() if name not in GOOD}
        file.write_text(tomli_w.dumps(merged | extra), "utf-8")
        return file

    return write


def test_the_shipped_configuration_loads():
    config = load_config(ROOT / "configs" / "server.toml")
    assert config.table.database.url == "embedded"
    RuleBook.load(config.path(config.table.rules.limits), region="CN")


STATION = GOOD["stations"][0]

FAULTS = {
    "unknown key": ({"server": {"prot": 1}}, "unknown key 'server.prot'; allowed"),
    "wrong type": ({"server": {"port": "80"}}, "key 'server.port'.*expected a whole"),
    "out of range": ({"server": {"port": 0}}, "key 'server.port'.*1"),
    "database url": ({"database": {"url": "mysql://x"}}, "key 'database.url'"),
    "broker url": ({"mqtt": {"url": "tcp://x"}}, "key 'mqtt.url'"),
    "station id": ({"stations": [STATION | {"id": "a b"}]}, r"stations\[.*\].id"),
    "station key": ({"stations": [STATION | {"public_key": "x"}]}, "public_key"),
    "station role": ({"stations": [STATION | {"role": "x"}]}, "'roadside', 'source'"),
    "latitude": (
        {"stations": [STATION | {"latitude": 90.1, "longitude": 0}]},
        r"stations\[.*\].latitude'.*90",
    ),
    "longitude": (
        {"stations": [STATION | {"latitude": 0, "longitude": float("nan")}]},
        r"stations\[.*\].longitude'.*180",
    ),
    "half a place": (
        {"stations": [STATION | {"latitude": 1}, GOOD["stations"][1]]},
        "both or none",
    ),
    "twice": ({"stations": [STATION, STATION]}, "stands there twice"),
    "no such source": (
        {"enterprises": [{"id": "X-1", "name": "x"}]},
        "allowed here: SRC",
    ),
    "nameless source": ({"enterprises": []}, "needs an .*enterprises"),
    "half a certificate": ({"mqtt": {"certificate": "a"}}, "go together"),
    "ca without tls": ({"mqtt": {"ca": "a", "url": "mqtt://x"}}, "mqtts://"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_faulty_configuration_is_one_line_that_names_the_key(write, fault):
    changes, words = FAULTS[fault]
    file = write(**changes)
    with pytest.raises(ConfigError, match=words) as error:
        load_config(file)
    assert "\n" not in str(error.value)
    assert str(file) in str(error.value)


def test_a_configuration_that_cannot_be_read_is_one_line(tmp_path):
    with pytest.raises(ConfigError, match="cannot be read"):
        load_config(tmp_path / "absent.toml")
    binary = tmp_path / "binary.toml"
    binary.write_bytes(b"\xff\xfe")
    with pytest.raises(ConfigError, match="not UTF-8"):
        load_config(binary)
    binary.write_text("[server", "utf-8")
    with pytest.raises(ConfigError, match="not a TOML document"):
        load_config(binary)


def test_a_wrong_private_key_file_is_one_line(tmp_path):
    file = tmp_path / "key"
    with pytest.raises(ConfigError, match="cannot be read"):
        read_private_key(file)
    file.write_text("secret")
    with pytest.raises(ConfigError, match="64 lower-case hex"):
        read_private_key(file)


def test_a_folder_of_faulty_limits_is_one_line(tmp_path):
    with pytest.raises(ConfigError, match="cannot be read"):
        RuleBook.load(tmp_path / "absent", region="CN")
    with pytest.raises(ConfigError, match="no limit table of region 'CN'"):
        RuleBook.load(tmp_path, region="CN")
    (tmp_path / "a.toml").write_text("id = 1")
    with pytest.raises(ConfigError, match=r"a\.toml: "):
        RuleBook.load(tmp_path, region="CN")


def run(*arguments, **more):
    return subprocess.run(
        [sys.executable, "-m", "server", *map(str, arguments)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        **more,
    )


def test_wrong_use_ends_with_two_and_one_line(write):
    done = run("serve", write(server={"prot": 1}))
    assert (done.returncode, done.stdout) == (2, "")
    assert len(done.stderr.splitlines()) == 1
    assert "unknown key 'server.prot'" in done.stderr
    embedded = run("ingest", write())
    assert embedded.returncode == 2
    assert "embedded ones live inside 'serve'" in embedded.stderr.splitlines()[-1]
    short = run(
        "account",
        write(),
        "li",
        *("--role", "reviewer", "--password-stdin"),
        input="short\n",
    )
    assert short.returncode == 2
    assert "at least 8 characters" in short.stderr.splitlines()[-1]


def test_serve_says_where_it_is_and_a_second_start_finds_the_first_data(
    write, data_folder
):
    with socket.socket() as busy:
        busy.bind(("127.0.0.1", 0))
        busy.listen()
        port = busy.getsockname()[1]
        file = write(server={"port": port, "data_dir": str(data_folder)})
        first = serve_once(file)
    ready, account = first["ready"], first["account"]
    assert account["name"] == "admin"
    assert account["password"]
    assert ready["page"] != f"http://127.0.0.1:{port}/"
    assert first["health"] == 200
    assert first["memory_mb"] < 400
    key = read_private_key(file.parent / "server.key")
    assert ready["public_key"] == public_key(key)
    assert (file.parent / "server.key").stat().st_mode & 0o777 == 0o600
    second = serve_once(file)
    assert "account" not in second


@pytest.mark.anyio
async def test_account_and_migrate_work_on_a_database_that_runs(write, database_url):
    file = write(database={"url": database_url})
    made = run("account", file, "li", "--role", "reviewer", "--simulated", "--json")
    said = json.loads(made.stdout)
    assert (said["name"], said["roles"], said["simulated"]) == (
        "li",
        ["reviewer"],
        True,
    )
    assert said["password"]
    given = run(
        *("account", file, "li", "--role", "decider", "--password-stdin"),
        input="long enough\n",
    )
    assert given.stdout == "account li (decider)\n"
    again = run("migrate", file, "--json")
    assert json.loads(again.stdout) == {"event": "migrated", "applied": []}


def one_line(done):
    assert done.returncode == 2
    (line,) = done.stderr.splitlines()
    assert "Traceback" not in line
    return line


@pytest.mark.parametrize("name", ["", "x" * 65, "a\nb"])
def test_a_name_that_is_none_is_refused_before_a_hash_is_made(write, name):
    line = one_line(run("account", write(), name, "--role", "admin"))
    assert "NAME" in line
    assert "argon2" not in line


def test_a_password_in_another_encoding_is_one_line(write):
    done = subprocess.run(
        [
            *(sys.executable, "-m", "server", "account", write(), "li"),
            *("--role", "reviewer", "--password-stdin"),
        ],
        cwd=ROOT,
        input="密码密码密码密码\n".encode("gb18030"),
        capture_output=True,
        check=False,
    )
    assert done.returncode == 2
    assert done.stderr.count(b"\n") == 1
    assert b"not UTF-8" in done.stderr


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://u:s3cret@[::1]x/luheng",
        "postgresql://u:s3cret%zz@h/luheng",
    ],
)
def test_the_password_of_a_database_is_in_no_message(write, url):
    line = one_line(run("migrate", write(database={"url": url})))
    assert "database.url" in line
    assert "s3cret" not in line


def test_what_is_told_of_a_database_of_the_operators_has_no_password(write):
    url = "postgresql://li:s3cret@db.example:5433/luheng?password=s3cret"
    config = load_config(write(database={"url": url}))
    assert _tellable(config, url) == "postgresql://li@db.example:5433/luheng"


def test_a_secret_that_is_none_is_refused(tmp_path):
    file = tmp_path / "secret"
    assert len(_secret(file)) >= 32
    for bad in ("", "short", "密" * 40):
        file.write_text(bad, "utf-8")
        with pytest.raises(ConfigError, match="at least 32"):
            _secret(file)


def test_a_missing_certificate_is_named(write, tmp_path):
    config = load_config(write(mqtt={"url": "mqtts://broker.example", "ca": "ca.pem"}))
    with pytest.raises(ConfigError, match=r"mqtt\.ca.*ca\.pem"):
        broker_address(config, "mqtts://broker.example")
    (tmp_path / "ca.pem").write_text("nothing")
    address = broker_address(config, "mqtts://broker.example")
    with pytest.raises(ConfigError, match=r"mqtt\.ca"):
        MqttLink(
            address,
            client_id="x",
            topics=(),
            most_unacknowledged=1,
            on_delivery=lambda _: None,
        )


@pytest.mark.anyio
async def test_requeue_says_what_became_of_the_quarantine(write, database_url):
    file = write(database={"url": database_url})
    assert json.loads(run("requeue", file, "--json").stdout) == {
        "event": "requeued",
        "stored": 0,
        "duplicate": 0,
        "left": {},
    }
    people = run("requeue", file, "--station", "DEMO-001").stdout
    assert people.endswith("still in the quarantine: none\n")
    refused = one_line(run("requeue", file, "--station", "DEMO-404"))
    assert "allowed here: DEMO-001, SRC-001" in refused


def serve_once(file):
    """Start the server, ask for its health, end it; return what it said."""
    process = subprocess.Popen(
        [sys.executable, "-m", "server", "serve", str(file), "--json"],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    said = {}
    try:
        for line in process.stdout:
            event = json.loads(line)
            said[event["event"]] = event
            if "ready" in said:
                break
        else:
            pytest.fail(process.stderr.read())
        with urllib.request.urlopen(said["ready"]["page"] + "health") as answer:
            said["health"] = answer.status
        status = Path(f"/proc/{process.pid}/status").read_text()
        rss = next(x for x in status.splitlines() if x.startswith("VmRSS"))
        said["memory_mb"] = int(rss.split()[1]) / 1000
    finally:
        started = time.monotonic()
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=30)
    assert process.returncode == 0
    assert time.monotonic() - started < 15
    return said


def test_the_server_brings_no_kernels_into_memory():
    code = (
        "import sys, server.__main__; "
        "sys.exit(any(m.split('.')[0] in {'numba', 'cv2', 'numpy'} or m in "
        "{'wim.kernels', 'wim.passage'} for m in sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False)
    assert done.returncode == 0


def test_the_published_schema_is_of_these_messages():
    file = ROOT / "docs" / "luheng-messages.schema.json"
    assert json.loads(file.read_text("utf-8")) == wim.messages.json_schema()
