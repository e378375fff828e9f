import datetime as dt

import msgspec
import numpy as np
import pytest
import tomli_w

from wim.calibration import (
    NO_CALIBRATION,
    Calibration,
    ChannelFactor,
    ClassFactor,
    Curve,
    ParameterSet,
    calibrated,
    mass_kg,
    parse_parameter_set,
    sealed,
)
from wim.errors import TableError
from wim.passage import Weigher
from wim.samples import Lane, Site, StationName, Strip

STRIP = Strip(
    channel=3,
    row=0,
    side="left",
    position_m=0.0,
    width_m=0.05,
    counts_per_newton=0.2,
    gain_uncertainty=0.004,
)
OTHER = msgspec.structs.replace(STRIP, channel=4, row=1, position_m=3.0)
CURVES = Calibration(
    strips=(ChannelFactor(channel=3, factor=1.02, uncertainty=0.002),),
    speed=Curve(at=(5.0, 25.0), factor=(1.0, 1.04), uncertainty=(0.001, 0.003)),
    temperature=Curve(at=(0.0, 40.0), factor=(0.98, 1.02), uncertainty=(0.0, 0.0)),
    vehicle_classes=(
        ClassFactor(vehicle_class="rigid", factor=0.99, uncertainty=0.001),
    ),
    reference_uncertainty=0.0005,
)
SET = ParameterSet(
    id="site-a",
    version=2,
    station="TEST-001",
    made_at=dt.datetime(2026, 3, 1, 8, tzinfo=dt.UTC),
    made_by="somebody",
    basis="12 runs of two reference trucks",
    calibration=CURVES,
)


def document(parameters):
    built = msgspec.to_builtins(parameters, builtin_types=(dt.datetime,))

    def present(value):
        if isinstance(value, dict):
            return {k: present(v) for k, v in value.items() if v is not None}
        return [present(v) for v in value] if isinstance(value, list | tuple) else value

    return tomli_w.dumps(present(built))


def test_the_strip_alone_tells_the_mass():
    newtons = 40.0 * 15.0 / (0.2 * 0.05)
    found = mass_kg(STRIP, area_counts_s=40.0, speed_mps=15.0)
    assert found == newtons / 9.80665


def test_every_known_factor_multiplies_the_mass_once():
    site = Site(
        station=StationName(id="TEST-001"),
        lanes=(Lane(number=1, speed_range_kmh=(1.0, 100.0), strips=(STRIP, OTHER)),),
    )
    strip = calibrated(site, CURVES).lanes[0].strips[0]
    plain = mass_kg(STRIP, area_counts_s=40.0, speed_mps=15.0)
    found = mass_kg(strip, area_counts_s=40.0, speed_mps=15.0)
    assert found == pytest.approx(plain * 1.02)
    assert strip.gain_uncertainty == 0.002
    common = {"speed_mps": 15.0, "temperature_c": None, "vehicle_class": None}
    assert CURVES.common_factor(**common) == pytest.approx(1.02)
    full = {**common, "temperature_c": 30.0, "vehicle_class": "rigid"}
    assert CURVES.common_factor(**full) == pytest.approx(1.02 * 1.01 * 0.99)
    other = {**full, "vehicle_class": "articulated"}
    assert CURVES.common_factor(**other) == pytest.approx(1.02 * 1.01)


def test_the_factor_for_so_many_axles_goes_before_that_of_the_class():
    of_two = ClassFactor(vehicle_class="rigid", factor=1.03, uncertainty=0.004, axles=2)
    known = msgspec.structs.replace(
        CURVES, vehicle_classes=(*CURVES.vehicle_classes, of_two)
    )
    told = {"speed_mps": 15.0, "temperature_c": None, "vehicle_class": "rigid"}
    assert known.common_factor(**told, axles=2) == pytest.approx(1.02 * 1.03)
    for axles in (3, None):
        assert known.common_factor(**told, axles=axles) == pytest.approx(1.02 * 0.99)
    sigmas = [
        known.common_uncertainty(
            speed_mps=15.0, vehicle_class="rigid", axles=axles, uncalibrated=0.5
        )
        for axles in (2, 3)
    ]
    assert sigmas[0] > sigmas[1]
    with pytest.raises(ValueError, match=r"classes \['rigid', 'rigid 2', 'rigid 2'\]"):
        msgspec.convert(
            {"vehicle_classes": (*known.vehicle_classes, of_two)},
            Calibration,
            from_attributes=True,
        )


def test_a_set_that_was_sealed_before_axles_had_factors_keeps_its_hash():
    assert SET.content_hash == (
        "a3cb011254438e73b039d14d5a4b9c3b5594510caffd44ff8420e38bd84475cc"
    )


def test_a_site_without_reference_trucks_is_not_taken_for_calibrated():
    never = {"speed_mps": 15.0, "vehicle_class": "rigid"}
    assert NO_CALIBRATION.common_uncertainty(**never, uncalibrated=0.004) == 0.004
    weighed = Calibration(reference_uncertainty=0.001)
    assert weighed.common_uncertainty(**never, uncalibrated=0.004) == 0.001


def test_what_is_not_known_makes_the_uncertainty_larger_and_never_zero():
    known = CURVES.common_uncertainty(
        speed_mps=15.0, vehicle_class="rigid", uncalibrated=0.5
    )
    assert known == pytest.approx((0.002**2 + 0.001**2 + 0.0005**2) ** 0.5)
    for worse in (
        {"speed_mps": 45.0, "vehicle_class": "rigid"},
        {"speed_mps": 15.0, "vehicle_class": None},
    ):
        assert CURVES.common_uncertainty(**worse, uncalibrated=0.5) > 2.0 * known
    assert CURVES.temperature_uncertainty(20.0) == 0.0
    assert CURVES.temperature_uncertainty(60.0) == pytest.approx(0.02)
    assert CURVES.temperature_uncertainty(None) == pytest.approx(0.02)
    assert NO_CALIBRATION.temperature_uncertainty(None) == 0.0


def test_a_sealed_set_comes_back_from_its_file_to_the_bit():
    written = sealed(SET)
    read = parse_parameter_set(document(written), name="set.toml")
    assert read == written
    assert read.hash == SET.content_hash


def test_a_set_that_was_sealed_before_ranges_were_kept_keeps_its_hash():
    """The hash is what version 0.1 made of the same set."""
    old = "a3cb011254438e73b039d14d5a4b9c3b5594510caffd44ff8420e38bd84475cc"
    assert SET.content_hash == old
    text = document(msgspec.structs.replace(SET, hash=old))
    assert "temperature_range_c" not in text
    read = parse_parameter_set(text, name="set.toml")
    assert read.calibration.temperature_range_c is None


def in_a_set(from_c, to_c):
    calibration = msgspec.structs.replace(CURVES, temperature_range_c=(from_c, to_c))
    return msgspec.structs.replace(SET, calibration=calibration)


def test_the_range_of_temperatures_is_sealed_with_the_set():
    written = sealed(in_a_set(18.5, 24.0))
    assert written.hash != SET.content_hash
    assert parse_parameter_set(document(written), name="set.toml") == written
    with pytest.raises(TableError, match="key 'hash'"):
        parse_parameter_set(document(written).replace("18.5", "-18.5"), name="a")
    with pytest.raises(ValueError, match=r"temperature_range_c: 30.0 to 20.0"):
        msgspec.convert(
            {"temperature_range_c": (30.0, 20.0)}, Calibration, from_attributes=True
        )


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("factor = 1.02", "factor = 1.0200001", "key 'hash'"),
        ("version = 2", "version = 3", "key 'hash'"),
        ("version = 2", "version = 0", "key 'version'"),
        (
            "channel = 3",
            "channel = 3, colour = 1",
            "unknown key 'calibration.strips",
        ),
        ("factor = 1.02", "factor = 7.0", "≤ 2"),
        ("    5.0,\n    25.0", "    25.0,\n    5.0", "must be finite and grow"),
        ("    5.0,\n    25.0", "    5.0,\n    7.0,\n    25.0", "3 places"),
    ],
)
def test_an_edited_set_is_refused_by_name(old, new, says):
    text = document(sealed(SET))
    assert old in text
    with pytest.raises(TableError) as caught:
        parse_parameter_set(text.replace(old, new, 1), name="set.toml")
    assert str(caught.value).startswith("set.toml: ")
    assert says in str(caught.value)


def test_two_factors_for_one_strip_are_refused():
    twice = (ChannelFactor(channel=1, factor=1.0, uncertainty=0.0),) * 2
    with pytest.raises(ValueError, match="must differ"):
        Calibration(strips=twice)


@pytest.mark.parametrize(("axles", "times"), [(2, 1.05), (3, 1.0)])
def test_a_factor_for_so_many_axles_weighs_vehicles_that_have_them(road, axles, times):
    """And no others; its uncertainty goes into theirs alone."""
    site = road.site_of(road.site_text())
    truck = road.Truck((6000.0, 10_000.0), (5.0,), 60.0)
    counts, _ = road.drive(site, [truck], seconds=3.0)
    entries = (
        ClassFactor(vehicle_class="rigid", factor=1.0, uncertainty=0.002),
        ClassFactor(vehicle_class="rigid", factor=1.05, uncertainty=0.03, axles=axles),
    )
    told = []
    for chosen in (entries[:1], entries):
        weigher = Weigher(
            site,
            sample_rate_hz=4000.0,
            calibration=msgspec.structs.replace(
                NO_CALIBRATION, vehicle_classes=chosen, reference_uncertainty=0.001
            ),
        )
        events = weigher.receive(np.ascontiguousarray(counts)) + weigher.flush()
        (passage,) = road.passages(events)
        told.append(passage)
    before, after = told
    assert after.gross_mass_kg == pytest.approx(times * before.gross_mass_kg, rel=1e-3)
    more = after.gross_mass_uncertainty_kg / before.gross_mass_uncertainty_kg
    assert (more > 1.5) == (axles == 2)
