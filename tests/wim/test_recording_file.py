import io
import tracemalloc
import zipfile

import numpy as np
import pytest

from wim.cli.__main__ import main
from wim.cli.errors import WrongUseError
from wim.cli.recording import Recording

RATE = np.float64(4000.0)
SITE = """
[station]
id = "TEST-001"
[[lanes]]
number = 1
speed_range_kmh = [0.5, 120.0]
"""
STRIP = """
[[lanes.strips]]
channel = {0}
row = {0}
side = "full"
position_m = {0}.0
width_m = 0.05
counts_per_newton = 0.2
"""


def counts_of(samples=20_000, channels=3):
    rng = np.random.default_rng(1)
    return rng.integers(-1000, 1000, (samples, channels)).astype(np.int32)


def read(path):
    with Recording(path) as recording:
        return np.concatenate(list(recording.blocks()))


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("byteorder", ["<i4", ">i4"])
def test_counts_come_back_however_they_were_saved(tmp_path, save, order, byteorder):
    counts = counts_of()
    stored = np.asarray(counts, dtype=byteorder, order=order)
    save(tmp_path / "r.npz", counts=stored, sample_rate_hz=RATE)
    found = read(tmp_path / "r.npz")
    assert found.dtype == np.int32
    assert found.flags["C_CONTIGUOUS"]
    assert np.array_equal(found, counts)


def test_a_recording_is_never_held_whole(tmp_path):
    counts = np.zeros((2_000_000, 8), np.int32)
    np.savez_compressed(tmp_path / "long.npz", counts=counts, sample_rate_hz=RATE)
    size = counts.nbytes
    del counts
    tracemalloc.start()
    with Recording(tmp_path / "long.npz") as recording:
        total = sum(len(block) for block in recording.blocks())
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert total == 2_000_000
    assert peak < size / 20


def test_time_and_temperature_are_read_where_they_are_given(tmp_path):
    path = tmp_path / "r.npz"
    np.savez(path, counts=counts_of(10), sample_rate_hz=np.int64(2000))
    with Recording(path) as plain:
        assert (plain.start_time_s, plain.temperature_c) == (None, None)
        assert (plain.samples, plain.channels) == (10, 3)
        assert plain.sample_rate_hz == 2000.0
    more = {"start_time_s": np.float64(1.7e9), "temperature_c": np.float32(21.5)}
    np.savez(path, counts=counts_of(10), sample_rate_hz=RATE, **more)
    with Recording(path) as told:
        assert (told.start_time_s, told.temperature_c) == (1.7e9, 21.5)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"sample_rate_hz": np.float64(-1.0)}, "'sample_rate_hz' is -1.0"),
        ({"sample_rate_hz": np.float64(np.nan)}, "'sample_rate_hz' is nan"),
        (
            {"sample_rate_hz": np.full(3, 4000.0)},
            "'sample_rate_hz' is float64 of shape",
        ),
        ({"sample_rate_hz": np.bool_(1)}, "'sample_rate_hz' is bool"),
        ({"sample_rate_hz": np.array("4000")}, "'sample_rate_hz' is <U4"),
        ({"temperature_c": np.float64(np.inf)}, "'temperature_c' is inf"),
        ({"temperature_c": np.zeros(4)}, "'temperature_c' is float64 of shape (4,)"),
        ({"start_time_s": np.float64(np.nan)}, "'start_time_s' is nan"),
        ({"start_time_s": np.float64(1.7e12)}, "from 0 to 1e+11"),  # milliseconds
        ({"temperature_c": np.float64(294.0)}, "from -100 to 100"),  # kelvin
        ({"sample_rate_hz": np.float64(np.inf)}, "expected one number from 100 to"),
        ({"sample_rate_hz": np.float64(4e6)}, "expected one number from 100 to 1e+06"),
        ({"blocks": np.array([[9, 0, 2**62]])}, "'blocks' holds 4611686018427387904"),
        ({"blocks": np.array([[9, -1, 0]])}, "'blocks' holds -1"),
        ({"strip_runs": np.array([[2**40, 0]])}, "'strip_runs' holds 1099511627776"),
        ({"counts": np.zeros((9, 3), np.int64)}, "'counts' is int64"),
        ({"counts": np.zeros((9, 3), np.uint32)}, "'counts' is uint32"),
        ({"counts": np.full((9, 3), np.nan)}, "'counts' is float64"),
        ({"counts": np.zeros((0, 3), np.int32)}, "holds no sample"),
        ({"counts": np.zeros((9, 3, 1), np.int32)}, "shape (9, 3, 1)"),
    ],
)
def test_an_array_that_is_not_what_it_must_be_is_named(tmp_path, change, says):
    path = tmp_path / "bad.npz"
    np.savez(path, **({"counts": counts_of(9), "sample_rate_hz": RATE} | change))
    with pytest.raises(WrongUseError) as caught:
        Recording(path)
    assert str(caught.value).startswith(f"{path}: array")
    assert says in str(caught.value)


def member(array):
    buffer = io.BytesIO()
    np.save(buffer, array)
    return buffer.getvalue()


@pytest.mark.parametrize(
    "counts",
    [
        b"",
        b"\x93NUMPY",
        member(counts_of(9))[:-4],
        member(counts_of(9)) + b"1234",
        member(counts_of(9)).replace(b"(9, 3)", b"(8, 3)"),
        member(counts_of(9)).replace(b"'descr'", b"'desc!'"),
        member(counts_of(9)).replace(b"{", b"(((", 1),
        member(counts_of(9)).replace(b"\x01\x00", b"\x07\x00", 1),
    ],
)
def test_a_member_that_is_spoiled_gives_one_line(tmp_path, counts):
    path = tmp_path / "bad.npz"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("counts.npy", counts)
        archive.writestr("sample_rate_hz.npy", member(RATE))
    with pytest.raises(WrongUseError) as caught:
        read(path)
    assert "cannot be read as a recording" in str(caught.value)
    assert "\n" not in str(caught.value)


class Bomb:
    """Its unpickling would write a file."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return type(self.path).write_text, (self.path, "unpickled")


@pytest.mark.parametrize(
    "name",
    [
        "counts",
        "sample_rate_hz",
        "temperature_c",
        "blocks",
        "strip_runs",
        "drift",
        "usual_scatters",
    ],
)
def test_a_pickled_array_is_refused_and_never_unpickled(tmp_path, name):
    sign = tmp_path / "sign"
    pickled = np.array([[Bomb(sign)] * 3], dtype=object)
    arrays = {"counts": counts_of(9), "sample_rate_hz": RATE, name: pickled}
    np.savez(tmp_path / "bad.npz", **arrays)
    with pytest.raises(WrongUseError, match=f"array '{name}' is object"):
        Recording(tmp_path / "bad.npz")
    assert not sign.exists()
    with np.load(tmp_path / "bad.npz", allow_pickle=True) as trusting:
        trusting[name]
    assert sign.exists(), "the bomb is one"


def archive_of(path, *members):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members:
            archive.writestr(f"{name}.npy", content)


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_an_array_that_stands_twice_is_refused(tmp_path):
    path = tmp_path / "twice.npz"
    counts = ("counts", member(counts_of(9)))
    archive_of(path, counts, ("sample_rate_hz", member(RATE)), counts)
    with pytest.raises(WrongUseError, match="'counts' stands in the archive more than"):
        Recording(path)


def test_no_array_but_the_counts_fills_the_memory(tmp_path):
    path = tmp_path / "bomb.npz"
    drift = member(np.zeros(1 << 27, np.uint8))
    arrays = [("counts", member(counts_of(9))), ("sample_rate_hz", member(RATE))]
    archive_of(path, *arrays, ("drift", drift))
    assert path.stat().st_size < 1 << 20
    tracemalloc.start()
    with pytest.raises(WrongUseError, match="array 'drift' has 134217856 bytes"):
        Recording(path)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 1 << 23


def test_a_header_that_python_2_wrote_is_read_without_a_warning(tmp_path, recwarn):
    old = member(counts_of(9)).replace(b"(9, 3), }  ", b"(9L, 3L), }")
    archive_of(tmp_path / "old.npz", ("counts", old), ("sample_rate_hz", member(RATE)))
    assert np.array_equal(read(tmp_path / "old.npz"), counts_of(9))
    assert not recwarn.list


def test_a_recording_cut_at_any_place_gives_one_line(tmp_path):
    path = tmp_path / "r.npz"
    np.savez_compressed(path, counts=counts_of(3000), sample_rate_hz=RATE)
    whole = path.read_bytes()
    for length in range(0, len(whole), 997):
        path.write_bytes(whole[:length])
        with pytest.raises(WrongUseError):
            read(path)
    for at in range(0, len(whole), 499):
        spoiled = bytearray(whole)
        spoiled[at] ^= 0x55
        path.write_bytes(bytes(spoiled))
        try:
            found = read(path)
        except WrongUseError:
            continue
        assert np.array_equal(found, counts_of(3000))  # a byte that says nothing


def test_a_site_of_other_channels_is_refused_with_both_files_named(tmp_path, capsys):
    path = tmp_path / "r.npz"
    np.savez(path, counts=counts_of(9, 2), sample_rate_hz=RATE)
    site = tmp_path / "site.toml"
    text = SITE + "".join(STRIP.format(k) for k in range(3))
    site.write_text(text, encoding="utf-8")
    assert main(["process", str(path), "--site", str(site)]) == 2
    complaint = capsys.readouterr().err
    assert "site.toml: key 'lanes[0].strips[2].channel': 2" in complaint
    assert "r.npz has 2 channels (0 to 1)" in complaint
    assert complaint.count("\n") == 1
