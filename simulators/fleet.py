"""The fleet: trucks of two to six axles, rigid and articulated, lawful and not.

It knows geometry and masses; how a truck moves, presses on the road or looks is told
elsewhere. The masses here are truth: only the ledger writes them down.
"""

import itertools
from typing import Literal

import msgspec
import numpy as np

from simulators.plates import Plate, random_plate, random_trailer_plate

__all__ = [
    "LONGEST_GROUP_SPACING_M",
    "MODELS",
    "TRAILER_MODELS",
    "Load",
    "Model",
    "Vehicle",
    "draw_any_vehicle",
    "draw_vehicle",
    "group_axles",
    "heavy_vehicle",
]

VehicleClass = Literal["rigid", "articulated", "centre_axle", "full_trailer"]
Load = Literal["empty", "lawful", "overloaded"]
Body = Literal["stake", "tipper", "box", "tank"]
Colour = Literal["red", "blue", "green", "white", "yellow", "orange"]

HEAVY_MASS_KG = 120_000.0
"""The hundred-tonne truck that every plan of the demo contains."""

LONGEST_GROUP_SPACING_M = 1.8
"""Axles further apart are not one group: the rule that stations go by as well."""

_GREATEST_MASS_KG = 130_000.0
_GREATEST_AXLE_KG = 24_400.0
_TANDEM_M = 1.35
_TRAILER_TANDEM_M = 1.31
_BODIES: tuple[Body, ...] = ("stake", "tipper", "box", "tank")
_COLOURS: tuple[Colour, ...] = ("red", "blue", "green", "white", "yellow", "orange")


class Model(msgspec.Struct, frozen=True):
    """One kind of truck.

    ``suspensions`` counts the axles of each from the front; ``gaps_m`` are the least
    and greatest distance between the last axle of one and the first of the next,
    ``inside_m`` the distances inside each. ``empty_kg`` are the axle loads of
    the empty truck. ``kindest_limit_kg`` is the greatest limit that a vehicle with
    this number of axles may have: a truck drawn as overloaded lies above it, one drawn
    as lawful below its own limit, so that the truth is beyond argument.
    """

    name: str
    vehicle_class: VehicleClass
    suspensions: tuple[int, ...]
    gaps_m: tuple[tuple[float, float], ...]
    inside_m: tuple[float, ...]
    empty_kg: tuple[float, ...]
    limit_kg: float
    kindest_limit_kg: float
    share: float
    rear_overhang_m: tuple[float, float]
    hinge_suspension: int | None = None

    @property
    def axle_count(self) -> int:
        """How many axles."""
        return sum(self.suspensions)


MODELS: tuple[Model, ...] = (
    Model(
        name="2-axle rigid",
        vehicle_class="rigid",
        suspensions=(1, 1),
        gaps_m=((4.5, 6.0),),
        inside_m=(0.0, 0.0),
        empty_kg=(3_000.0, 3_200.0),
        limit_kg=18_000.0,
        kindest_limit_kg=18_000.0,
        share=0.18,
        rear_overhang_m=(1.8, 2.5),
    ),
    Model(
        name="3-axle rigid",
        vehicle_class="rigid",
        suspensions=(1, 2),
        gaps_m=((3.6, 4.5),),
        inside_m=(0.0, _TANDEM_M),
        empty_kg=(4_600.0, 2_900.0, 2_900.0),
        limit_kg=25_000.0,
        kindest_limit_kg=27_000.0,
        share=0.14,
        rear_overhang_m=(1.6, 2.2),
    ),
    Model(
        name="4-axle rigid",
        vehicle_class="rigid",
        suspensions=(2, 2),
        gaps_m=((3.5, 4.5),),
        inside_m=(1.9, _TANDEM_M),
        empty_kg=(3_600.0, 3_500.0, 3_000.0, 3_000.0),
        limit_kg=31_000.0,
        kindest_limit_kg=36_000.0,
        share=0.16,
        rear_overhang_m=(1.5, 2.0),
    ),
    Model(
        name="4-axle articulated",
        vehicle_class="articulated",
        suspensions=(1, 1, 2),
        gaps_m=((3.4, 3.8), (6.5, 8.0)),
        inside_m=(0.0, 0.0, _TRAILER_TANDEM_M),
        empty_kg=(4_700.0, 3_000.0, 2_400.0, 2_400.0),
        limit_kg=36_000.0,
        kindest_limit_kg=36_000.0,
        share=0.10,
        rear_overhang_m=(1.8, 2.5),
        hinge_suspension=1,
    ),
    Model(
        name="5-axle articulated",
        vehicle_class="articulated",
        suspensions=(1, 1, 3),
        gaps_m=((3.4, 3.8), (6.0, 7.2)),
        inside_m=(0.0, 0.0, _TRAILER_TANDEM_M),
        empty_kg=(4_800.0, 3_100.0, 2_100.0, 2_100.0, 2_100.0),
        limit_kg=43_000.0,
        kindest_limit_kg=43_000.0,
        share=0.12,
        rear_overhang_m=(1.8, 2.5),
        hinge_suspension=1,
    ),
    Model(
        name="6-axle articulated",
        vehicle_class="articulated",
        suspensions=(1, 2, 3),
        gaps_m=((3.2, 3.4), (6.5, 7.5)),
        inside_m=(0.0, _TANDEM_M, _TRAILER_TANDEM_M),
        empty_kg=(5_000.0, 2_400.0, 2_400.0, 2_100.0, 2_100.0, 2_100.0),
        limit_kg=49_000.0,
        kindest_limit_kg=49_000.0,
        share=0.30,
        rear_overhang_m=(1.8, 2.5),
        hinge_suspension=1,
    ),
)

TRAILER_MODELS: tuple[Model, ...] = (
    Model(
        name="4-axle centre-axle train",
        vehicle_class="centre_axle",
        suspensions=(1, 1, 2),
        gaps_m=((4.4, 5.4), (4.6, 6.0)),
        inside_m=(0.0, 0.0, _TRAILER_TANDEM_M),
        empty_kg=(3_900.0, 3_600.0, 1_900.0, 1_900.0),
        limit_kg=36_000.0,
        kindest_limit_kg=36_000.0,
        share=0.03,
        rear_overhang_m=(2.5, 3.5),
        hinge_suspension=1,
    ),
    Model(
        name="5-axle centre-axle train",
        vehicle_class="centre_axle",
        suspensions=(1, 2, 2),
        gaps_m=((3.8, 4.6), (4.6, 6.0)),
        inside_m=(0.0, _TANDEM_M, _TRAILER_TANDEM_M),
        empty_kg=(4_700.0, 2_900.0, 2_900.0, 1_900.0, 1_900.0),
        limit_kg=43_000.0,
        kindest_limit_kg=43_000.0,
        share=0.03,
        rear_overhang_m=(2.5, 3.5),
        hinge_suspension=1,
    ),
    Model(
        name="4-axle full-trailer train",
        vehicle_class="full_trailer",
        suspensions=(1, 1, 1, 1),
        gaps_m=((4.4, 5.4), (3.6, 4.6), (4.0, 5.4)),
        inside_m=(0.0, 0.0, 0.0, 0.0),
        empty_kg=(3_900.0, 3_600.0, 2_200.0, 2_200.0),
        limit_kg=36_000.0,
        kindest_limit_kg=36_000.0,
        share=0.02,
        rear_overhang_m=(1.4, 2.0),
        hinge_suspension=1,
    ),
    Model(
        name="6-axle full-trailer train",
        vehicle_class="full_trailer",
        suspensions=(1, 2, 1, 2),
        gaps_m=((3.8, 4.6), (3.6, 4.6), (4.0, 5.0)),
        inside_m=(0.0, _TANDEM_M, 0.0, _TRAILER_TANDEM_M),
        empty_kg=(4_800.0, 2_900.0, 2_900.0, 2_200.0, 1_900.0, 1_900.0),
        limit_kg=49_000.0,
        kindest_limit_kg=49_000.0,
        share=0.02,
        rear_overhang_m=(1.4, 2.0),
        hinge_suspension=1,
    ),
)
"""Trains with a centre-axle or a full trailer: rarer, and never before the cameras."""


class Vehicle(msgspec.Struct, frozen=True):
    """One truck with its load, as it truly is.

    ``axle_positions_m`` are metres behind the first axle. ``left_share`` is the part
    of each axle load that the left wheels carry. What is towed hangs on behind
    ``hinge_axle``.

    An axle group (轴组) is a matter of distance alone: axles not further apart than
    ``LONGEST_GROUP_SPACING_M``. Steered pairs 1.9 m apart are two groups.
    """

    model: str
    vehicle_class: VehicleClass
    load: Load
    axle_positions_m: tuple[float, ...]
    axle_loads_kg: tuple[float, ...]
    left_share: float
    front_overhang_m: float
    rear_overhang_m: float
    hinge_axle: int | None
    plate: Plate
    rear_plate: Plate
    body: Body
    colour: Colour
    likeness_seed: int

    def __post_init__(self) -> None:
        """Refuse a truck whose axles and loads do not belong together."""
        axles = len(self.axle_positions_m)
        if len(self.axle_loads_kg) != axles:
            message = f"{len(self.axle_loads_kg)} axle loads for {axles} axles"
            raise ValueError(message)
        if min(self.axle_loads_kg) <= 0.0:
            message = f"axle load {min(self.axle_loads_kg):g} kg"
            raise ValueError(message)

    @property
    def gross_mass_kg(self) -> float:
        """The static mass on all axles."""
        return round(sum(self.axle_loads_kg), 1)

    @property
    def wheelbase_m(self) -> float:
        """First to last axle."""
        return self.axle_positions_m[-1]

    @property
    def axle_spacings_m(self) -> tuple[float, ...]:
        """Distances between one axle and the next."""
        pairs = itertools.pairwise(self.axle_positions_m)
        return tuple(round(b - a, 3) for a, b in pairs)

    @property
    def axle_groups(self) -> tuple[tuple[int, ...], ...]:
        """Axles by their number, in groups."""
        return group_axles(self.axle_spacings_m)

    @property
    def axle_configuration(self) -> str:
        """Axles of each group joined by plus, as ``1+2+3``."""
        return "+".join(str(len(group)) for group in self.axle_groups)

    @property
    def length_m(self) -> float:
        """Bumper to tail."""
        return self.front_overhang_m + self.wheelbase_m + self.rear_overhang_m

    @property
    def loaded(self) -> bool:
        """Whether it carries anything."""
        return self.load != "empty"


def group_axles(spacings_m: tuple[float, ...]) -> tuple[tuple[int, ...], ...]:
    """Return the axles by their number, in groups by distance alone.

    >>> group_axles((3.3, 1.35))
    ((0,), (1, 2))
    """
    groups: list[tuple[int, ...]] = [(0,)]
    for axle, spacing_m in enumerate(spacings_m, start=1):
        if spacing_m <= LONGEST_GROUP_SPACING_M:
            groups[-1] += (axle,)
        else:
            groups.append((axle,))
    return tuple(groups)


def draw_vehicle(
    rng: np.random.Generator,
    overloaded_share: float,
    empty_share: float,
    *,
    models: tuple[Model, ...] = MODELS,
    lawful_part: tuple[float, float] = (0.55, 0.93),
) -> Vehicle:
    """Draw one truck of the mix; a lawful one uses some part of its limit."""
    shares = np.array([model.share for model in models])
    model = models[int(rng.choice(len(models), p=shares / shares.sum()))]
    chance = rng.random()
    load: Load
    if chance < overloaded_share:
        load = "overloaded"
        most = min(
            _GREATEST_MASS_KG,
            2.3 * model.kindest_limit_kg,
            8_000.0 * model.suspensions[0]
            + _GREATEST_AXLE_KG * (model.axle_count - model.suspensions[0]),
        )
        least = 1.15 * model.kindest_limit_kg
        gross_kg = least + (most - least) * rng.beta(1.0, 2.2)
    elif chance < overloaded_share + empty_share:
        load = "empty"
        gross_kg = sum(model.empty_kg) * rng.uniform(0.95, 1.1)
    else:
        load = "lawful"
        gross_kg = model.limit_kg * rng.uniform(*lawful_part)
    return _build(rng, model, load, gross_kg=gross_kg)


def draw_any_vehicle(
    rng: np.random.Generator, *, models: tuple[Model, ...], empty_share: float
) -> Vehicle:
    """Draw a truck of any mass: empty, or evenly from there to what axles bear."""
    shares = np.array([model.share for model in models])
    model = models[int(rng.choice(len(models), p=shares / shares.sum()))]
    tare_kg = sum(model.empty_kg)
    if rng.random() < empty_share:
        return _build(rng, model, "empty", gross_kg=tare_kg * rng.uniform(0.95, 1.1))
    steered = model.suspensions[0]
    rear_kg = _GREATEST_AXLE_KG * (model.axle_count - steered)
    heaviest_kg = min(_GREATEST_MASS_KG, 7_300.0 * steered + rear_kg)
    gross_kg = rng.uniform(tare_kg, heaviest_kg)
    load: Load = "lawful" if gross_kg <= model.limit_kg else "overloaded"
    return _build(rng, model, load, gross_kg=gross_kg)


def heavy_vehicle(rng: np.random.Generator) -> Vehicle:
    """Draw the six-axle articulated truck of 120 t."""
    return _build(rng, MODELS[-1], "overloaded", gross_kg=HEAVY_MASS_KG)


def _build(
    rng: np.random.Generator, model: Model, load: Load, *, gross_kg: float
) -> Vehicle:
    positions, suspensions = _geometry(rng, model)
    plate = random_plate(rng)
    if model.hinge_suspension is None:
        rear_plate = Plate(plate.text, "yellow", 2)
        hinge_axle = None
    else:
        rear_plate = random_trailer_plate(rng)
        hinge_axle = suspensions[model.hinge_suspension][-1]
    return Vehicle(
        model=model.name,
        vehicle_class=model.vehicle_class,
        load=load,
        axle_positions_m=positions,
        axle_loads_kg=_axle_loads(rng, model, gross_kg),
        left_share=float(rng.uniform(0.47, 0.53)),
        front_overhang_m=float(rng.uniform(1.35, 1.5)),
        rear_overhang_m=float(rng.uniform(*model.rear_overhang_m)),
        hinge_axle=hinge_axle,
        plate=plate,
        rear_plate=rear_plate,
        body=_body(rng, load),
        colour=_COLOURS[int(rng.integers(len(_COLOURS)))],
        likeness_seed=int(rng.integers(2**31)),
    )


def _body(rng: np.random.Generator, load: Load) -> Body:
    """Draw a body; what overloads a truck is heaped on an open one."""
    bodies = _BODIES[:2] if load == "overloaded" else _BODIES
    return bodies[int(rng.integers(len(bodies)))]


def _geometry(
    rng: np.random.Generator, model: Model
) -> tuple[tuple[float, ...], tuple[tuple[int, ...], ...]]:
    positions: list[float] = []
    suspensions: list[tuple[int, ...]] = []
    here = 0.0
    for number, count in enumerate(model.suspensions):
        if number > 0:
            here += float(rng.uniform(*model.gaps_m[number - 1]))
        first = len(positions)
        for inside in range(count):
            if inside > 0:
                here += model.inside_m[number]
            positions.append(round(here, 3))
        suspensions.append(tuple(range(first, first + count)))
    return tuple(positions), tuple(suspensions)


def _axle_loads(
    rng: np.random.Generator, model: Model, gross_kg: float
) -> tuple[float, ...]:
    """Spread a mass over the axles: little on the steering axles, the rest behind."""
    empty = np.array(model.empty_kg) * gross_kg / sum(model.empty_kg)
    steered = model.suspensions[0]
    tare_kg = sum(model.empty_kg)
    if gross_kg <= 1.15 * tare_kg:
        loads = empty
    else:
        steer_kg = min(
            model.empty_kg[0] + 0.08 * (gross_kg - tare_kg) / steered,
            rng.uniform(7_300.0, 8_000.0),
        )
        rest = model.axle_count - steered
        rest_kg = gross_kg - steered * steer_kg
        weights = np.ones(rest) + rng.uniform(-0.04, 0.04, rest)
        loads = np.concatenate(
            [np.full(steered, steer_kg), rest_kg * weights / weights.sum()]
        )
    loads *= gross_kg / loads.sum()
    rounded = [round(float(load), 1) for load in loads]
    rounded[-1] = round(round(gross_kg, 1) - sum(rounded[:-1]), 1)
    return tuple(rounded)
