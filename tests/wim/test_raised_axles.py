"""A raised lift axle (提升轴) touches no strip; this is what is recorded then."""

import itertools

import pytest

LOADS = (7000.0, 9000.0, 9000.0, 8000.0, 8000.0, 8000.0)
PLACES = (0.0, 3.3, 4.65, 11.65, 12.96, 14.27)


def recorded(road, raised, *, separator):
    """Weigh a six-axle articulated lorry without one of its axles."""
    down = [k for k in range(6) if k != raised]
    places = [PLACES[k] for k in down]
    truck = road.Truck(
        loads_kg=tuple(LOADS[k] for k in down),
        spacings_m=tuple(b - a for a, b in itertools.pairwise(places)),
        speed_kmh=50.0,
    )
    site = road.site_of(road.site_text(lane_extra="presence_input = 0"))
    counts, inputs = road.drive(site, [truck], seconds=5.0)
    found = road.passages(road.weigh(site, counts, inputs, separator=separator))
    assert sum(each.gross_mass_kg for each in found) == pytest.approx(
        truck.gross_kg, rel=0.005
    )
    return found


@pytest.mark.parametrize(
    ("raised", "configuration", "vehicle_class", "sure"),
    [
        (1, "1+1+3", "centre_axle", False),
        (2, "1+1+3", "articulated", True),
        (3, "1+2+2", "articulated", True),
        (4, "1+2+1+1", "full_trailer", False),
    ],
)
def test_a_raised_axle_leaves_fewer_axles_and_no_flag(
    road, raised, configuration, vehicle_class, sure
):
    """Where the class is another one's, it is not sure enough for a verdict (0.99)."""
    (passage,) = recorded(road, raised, separator=True)
    assert passage.axle_configuration == configuration
    assert passage.vehicle_class == vehicle_class
    assert (passage.vehicle_class_probability >= 0.99) is sure
    assert (passage.flags, passage.valid) == ((), True)


def test_a_raised_middle_axle_looks_like_a_follower_where_nothing_separates(road):
    found = recorded(road, 4, separator=False)
    assert [each.axle_configuration for each in found] == ["1+2", "1+1"]
    assert all(each.flags == ("tailgating",) for each in found)
    assert not any(each.valid for each in found)
