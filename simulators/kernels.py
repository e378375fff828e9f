"""The loops of the simulators: a truck on a road, wheels on strips, amplifiers.

Arrays and numbers in, arrays filled in place; no object, string, unit or exception,
and nothing taken from the estimators.
"""

import numpy as np
from numpy.typing import NDArray

from simulators._jit import njit

__all__ = [
    "electronics",
    "mean_forces",
    "modal_truck",
    "planar_truck",
    "press",
    "roll",
    "speed_up",
    "wander",
]

Floats = NDArray[np.float64]
Numbers = NDArray[np.int64]


@njit
def speed_up(
    push: Floats, smooth_steps: int, start_mps: float, step_s: float, speed: Floats
) -> float:
    """Fill in the speed under accelerations that a foot smooths.

    Args:
        push: what the driver wants [m/s²], shape (steps,).
        smooth_steps: over so many steps before it is averaged.
        start_mps: speed before.
        step_s: length of a step.
        speed: filled, shape (steps,).

    Returns:
        the sum of all speeds.
    """
    steps = push.shape[0]
    wanted = np.empty(steps)
    total = 0.0
    for n in range(steps):
        total += push[n]
        wanted[n] = total
    gained, gone = 0.0, 0.0
    for n in range(steps):
        before = wanted[n - smooth_steps] if n >= smooth_steps else 0.0
        gained += (wanted[n] - before) / smooth_steps
        speed[n] = start_mps + step_s * gained
        gone += speed[n]
    return gone


@njit
def roll(
    speed: Floats, first_m: float, step_s: float, place: Floats, acceleration: Floats
) -> None:
    """Fill in place and acceleration of a drive, all shapes (steps,).

    Args:
        speed: at each step.
        first_m: place half a step before the first.
        step_s: length of a step.
        place: filled.
        acceleration: filled; the first is 0.
    """
    gone = 0.0
    for n in range(speed.shape[0]):
        gone += speed[n]
        place[n] = first_m + step_s * (gone - 0.5 * speed[n])
        acceleration[n] = (speed[n] - speed[n - 1]) / step_s if n > 0 else 0.0


@njit
def wander(
    now: Floats,
    fresh: Floats,
    keep: Floats,
    offset: Floats,
    drift: Floats,
    flicker: Floats,
    first: int,
    knots: Floats,
) -> None:
    """Fill in what a strip reads under no load, at knots in equal steps of time.

    Args:
        now: state of the flicker at the first knot, shape (times, strips); left at
            that of the last one.
        fresh: standard normal, shape (knots - 1, times, strips).
        keep: part of the state that is left at the next knot, shape (times,).
        offset: shape (strips,).
        drift: a knot, shape (strips,).
        flicker: standard deviation of a part, shape (strips,).
        first: number of the first knot.
        knots: filled, shape (strips, knots).
    """
    for k in range(knots.shape[1]):
        for s in range(knots.shape[0]):
            total = 0.0
            for i in range(keep.shape[0]):
                if k > 0:
                    now[i, s] = (
                        keep[i] * now[i, s]
                        + np.sqrt(1.0 - keep[i] ** 2) * fresh[k - 1, i, s]
                    )
                total += now[i, s]
            knots[s, k] = offset[s] + drift[s] * (first + k) + flicker[s] * total


@njit
def planar_truck(
    step_s: float,
    place_m: Floats,
    acceleration: Floats,
    heave: Floats,
    road: Floats,
    road_first_m: float,
    road_step_m: float,
    axle_m: Floats,
    axle_body: Numbers,
    axle_figures: Floats,
    body_figures: Floats,
    hinge: Floats,
    left_share: float,
    first_kept: int,
    forces: Floats,
) -> None:
    """Drive a truck of rigid bodies, unsprung axles and tyres along two tracks.

    Displacements are upward and relative to the truck at rest, so that the static
    loads are exact by construction. Semi-implicit Euler steps.

    Args:
        step_s: length of a step.
        place_m: first axle at each step, shape (steps,).
        acceleration: of the truck along the road [m/s²], shape (steps,).
        heave: vertical acceleration that the driver forces on the bodies [m/s²].
        road: heights of left and right track, shape (2, points) [m].
        road_first_m: place of the first point of the road.
        road_step_m: distance of its points.
        axle_m: distance behind the first axle, shape (axles,).
        axle_body: which body each axle carries.
        axle_figures: shape (axles, 9): static load [N], unsprung mass, spring rate,
            damping, tyre rate, tyre damping, friction [N], way over which friction
            turns [m], share of the spring rate that resists roll.
        body_figures: shape (bodies, 6): mass, pitch inertia, centre behind the first
            axle, roll mass, moment per acceleration when gaining and when losing
            speed [N·m per m/s²].
        hinge: shape (3,): place behind the first axle, stiffness, damping; no
            stiffness: no hinge.
        left_share: part of each axle load on its left wheels.
        first_kept: step from which forces are kept.
        forces: filled, shape (axles, 2, steps - first_kept) [N].
    """
    axles = axle_m.shape[0]
    bodies = body_figures.shape[0]
    points = road.shape[1]
    body_z = np.zeros(bodies)
    body_vz = np.zeros(bodies)
    pitch = np.zeros(bodies)
    pitch_v = np.zeros(bodies)
    roll = np.zeros(bodies)
    roll_v = np.zeros(bodies)
    axle_z = np.zeros(axles)
    axle_vz = np.zeros(axles)
    axle_w = np.zeros(axles)
    axle_vw = np.zeros(axles)
    friction = np.zeros(axles)
    before_left = np.zeros(axles)
    before_right = np.zeros(axles)
    lift = np.zeros(bodies)
    moment = np.zeros(bodies)
    roll_push = np.zeros(bodies)

    for i in range(axles):
        at = (place_m[0] - axle_m[i] - road_first_m) / road_step_m
        k = min(max(int(at), 0), points - 2)
        before_left[i] = road[0, k]
        before_right[i] = road[1, k]
        axle_z[i] = 0.5 * (road[0, k] + road[1, k])
        axle_w[i] = 0.5 * (road[0, k] - road[1, k])
    for b in range(bodies):
        seen = 0
        for i in range(axles):
            if axle_body[i] == b:
                body_z[b] += axle_z[i]
                seen += 1
        if seen > 0:
            body_z[b] /= seen

    for step in range(place_m.shape[0]):
        for b in range(bodies):
            lift[b] = body_figures[b, 0] * heave[step]
            a = acceleration[step]
            moment[b] = a * (body_figures[b, 4] if a > 0.0 else body_figures[b, 5])
            roll_push[b] = 0.0
        if hinge[1] > 0.0:
            arm0 = hinge[0] - body_figures[0, 2]
            arm1 = hinge[0] - body_figures[1, 2]
            gap = body_z[0] - pitch[0] * arm0 - body_z[1] + pitch[1] * arm1
            gap_v = body_vz[0] - pitch_v[0] * arm0 - body_vz[1] + pitch_v[1] * arm1
            pull = hinge[1] * gap + hinge[2] * gap_v
            lift[0] -= pull
            moment[0] += pull * arm0
            lift[1] += pull
            moment[1] -= pull * arm1
        for i in range(axles):
            at = (place_m[step] - axle_m[i] - road_first_m) / road_step_m
            k = min(max(int(at), 0), points - 2)
            u = at - k
            left_m = road[0, k] + u * (road[0, k + 1] - road[0, k])
            right_m = road[1, k] + u * (road[1, k + 1] - road[1, k])
            left_v = (left_m - before_left[i]) / step_s
            right_v = (right_m - before_right[i]) / step_s
            before_left[i] = left_m
            before_right[i] = right_m

            static_n = axle_figures[i, 0]
            half_rate = 0.5 * axle_figures[i, 4]
            half_damping = 0.5 * axle_figures[i, 5]
            left_n = (
                left_share * static_n
                + half_rate * (left_m - axle_z[i] - axle_w[i])
                + half_damping * (left_v - axle_vz[i] - axle_vw[i])
            )
            right_n = (
                (1.0 - left_share) * static_n
                + half_rate * (right_m - axle_z[i] + axle_w[i])
                + half_damping * (right_v - axle_vz[i] + axle_vw[i])
            )
            left_n = max(left_n, 0.0)
            right_n = max(right_n, 0.0)
            if step >= first_kept:
                forces[i, 0, step - first_kept] = left_n
                forces[i, 1, step - first_kept] = right_n

            b = axle_body[i]
            arm = axle_m[i] - body_figures[b, 2]
            squeeze = axle_z[i] - body_z[b] + pitch[b] * arm
            squeeze_v = axle_vz[i] - body_vz[b] + pitch_v[b] * arm
            spring_n = axle_figures[i, 2] * squeeze + axle_figures[i, 3] * squeeze_v
            most_n = axle_figures[i, 6]
            if most_n > 0.0:
                way = squeeze_v * step_s
                towards = most_n if way > 0.0 else -most_n
                part = abs(way) / axle_figures[i, 7]
                friction[i] = (friction[i] + part * towards) / (1.0 + part)
                spring_n += friction[i]
            lift[b] += spring_n
            moment[b] -= arm * spring_n
            push_n = left_n + right_n - static_n - spring_n
            axle_vz[i] += step_s * push_n / axle_figures[i, 1]

            share = axle_figures[i, 8]
            twist = axle_w[i] - roll[b]
            twist_v = axle_vw[i] - roll_v[b]
            # dampers stand farther out than springs
            twist_n = share * (
                axle_figures[i, 2] * twist + 2.0 * axle_figures[i, 3] * twist_v
            )
            roll_push[b] += twist_n
            over_n = left_n - right_n - (2.0 * left_share - 1.0) * static_n
            axle_vw[i] += step_s * (over_n - twist_n) / (0.55 * axle_figures[i, 1])
        for b in range(bodies):
            body_vz[b] += step_s * lift[b] / body_figures[b, 0]
            pitch_v[b] += step_s * moment[b] / body_figures[b, 1]
            roll_v[b] += step_s * roll_push[b] / body_figures[b, 3]
            body_z[b] += step_s * body_vz[b]
            pitch[b] += step_s * pitch_v[b]
            roll[b] += step_s * roll_v[b]
        for i in range(axles):
            axle_z[i] += step_s * axle_vz[i]
            axle_w[i] += step_s * axle_vw[i]


@njit
def _pressed(edge_m: float, footprint_m: float, shape: float) -> float:
    """Return the share of a wheel's force before an edge.

    The pressure along the footprint is a parabola mixed with an even one; ``shape``
    is the parabola's part.
    """
    u = min(max(2.0 * edge_m / footprint_m, -1.0), 1.0)
    parabola = 0.75 * u - 0.25 * u * u * u
    return 0.5 + shape * parabola + (1.0 - shape) * 0.5 * u


@njit
def press(
    field: Floats,
    field_first: int,
    sample_s: float,
    begins_s: float,
    step_s: float,
    place_m: Floats,
    axle_m: Floats,
    footprint_m: Floats,
    footprint_shape: float,
    forces: Floats,
    fastest_mps: float,
    strip_m: Floats,
    strip_width_m: Floats,
    strip_late_s: Floats,
    gains: Floats,
    ahead_m: Floats,
    pace: Floats,
) -> None:
    """Add the counts of one vehicle's wheels on all strips.

    Args:
        field: counts, shape (strips, samples), added to.
        field_first: number of the sample in its first column.
        sample_s: true time between two samples.
        begins_s: time of the first step of ``place_m``.
        step_s: time between its steps.
        place_m: first axle at each step, shape (steps,).
        axle_m: behind the first axle, shape (axles,).
        footprint_m: lengths, shape (axles,).
        footprint_shape: 1: parabola, 0: even pressure.
        forces: shape (axles, 2, steps) [N].
        fastest_mps: no step is faster.
        strip_m: centres of the strips along the road.
        strip_width_m: their widths.
        strip_late_s: how much later than sample 0's channel each is sampled.
        gains: counts per newton of left and right wheels, shape (axles, 2, strips).
        ahead_m: how far the middle of an axle is beyond the strip's centre when its
            left or right wheel is over it, shape (axles, 2, strips).
        pace: along the road, a wheel's speed there over its axle's, same shape.
    """
    steps = place_m.shape[0]
    samples = field.shape[1]
    stride = fastest_mps * step_s
    for i in range(axle_m.shape[0]):
        for s in range(strip_m.shape[0]):
            together = (
                ahead_m[i, 0, s] == ahead_m[i, 1, s] and pace[i, 0, s] == pace[i, 1, s]
            )
            for side in range(1 if together else 2):
                left = gains[i, 0, s] if together or side == 0 else 0.0
                right = gains[i, 1, s] if together or side == 1 else 0.0
                if left == 0.0 and right == 0.0:
                    continue
                width = strip_width_m[s]
                own_pace = pace[i, side, s]
                reach = 0.5 * (width + footprint_m[i]) / own_pace
                target = strip_m[s] + axle_m[i] + ahead_m[i, side, s]
                k = 0
                while k < steps - 1:
                    away = abs(place_m[k] - target) - reach
                    if away > stride:
                        k += max(1, int(away / stride))
                        continue
                    # samples whose moment lies between this step and the next; both
                    # ends by one formula, so that none falls between two steps
                    begun_s = begins_s - strip_late_s[s]
                    here_s = begun_s + k * step_s
                    n = int(np.ceil(here_s / sample_s))
                    end = int(np.ceil((begun_s + (k + 1) * step_s) / sample_s))
                    while n < end:
                        column = n - field_first
                        if 0 <= column < samples:
                            u = (n * sample_s - here_s) / step_s
                            x = place_m[k] + u * (place_m[k + 1] - place_m[k])
                            d = (target - x) * own_pace
                            share = _pressed(
                                d + 0.5 * width, footprint_m[i], footprint_shape
                            ) - _pressed(
                                d - 0.5 * width, footprint_m[i], footprint_shape
                            )
                            force = left * (
                                forces[i, 0, k]
                                + u * (forces[i, 0, k + 1] - forces[i, 0, k])
                            ) + right * (
                                forces[i, 1, k]
                                + u * (forces[i, 1, k + 1] - forces[i, 1, k])
                            )
                            field[s, column] += share * force
                        n += 1
                    k += 1


@njit
def mean_forces(
    place_m: Floats,
    speed_mps: Floats,
    forces: Floats,
    axle_m: Floats,
    footprint_m: Floats,
    footprint_shape: float,
    strip_m: Floats,
    strip_width_m: Floats,
    means: Floats,
) -> None:
    """Average each axle's forces over its first way across each strip.

    The weight is the part of the footprint that rests on the strip, over the way: the
    mean is what the area of the pulse holds.

    Args:
        place_m: first axle at each step, shape (steps,).
        speed_mps: shape (steps,).
        forces: left and right, shape (axles, 2, steps).
        axle_m: behind the first axle, shape (axles,).
        footprint_m: shape (axles,).
        footprint_shape: 1: parabola, 0: even pressure.
        strip_m: centres of the strips along the road.
        strip_width_m: their widths.
        means: filled, shape (axles, strips, 4): left and right mean force, the step
            over the centre and the speed there.
    """
    steps = place_m.shape[0]
    for i in range(axle_m.shape[0]):
        for s in range(strip_m.shape[0]):
            target = strip_m[s] + axle_m[i]
            forward = place_m[0] < target
            k = 1
            while k < steps - 1 and (place_m[k] < target) == forward:
                k += 1
            u = (target - place_m[k - 1]) / (place_m[k] - place_m[k - 1])
            means[i, s, 2] = k - 1 + u
            means[i, s, 3] = speed_mps[k - 1] + u * (speed_mps[k] - speed_mps[k - 1])
            half = 0.5 * strip_width_m[s]
            reach = half + 0.5 * footprint_m[i]
            first, last = k, k
            while first > 0 and abs(place_m[first] - target) < reach:
                first -= 1
            while last < steps - 1 and abs(place_m[last] - target) < reach:
                last += 1
            left, right, all_weight = 0.0, 0.0, 0.0
            for n in range(first, last + 1):
                d = target - place_m[n]
                weight = abs(speed_mps[n]) * (
                    _pressed(d + half, footprint_m[i], footprint_shape)
                    - _pressed(d - half, footprint_m[i], footprint_shape)
                )
                left += weight * forces[i, 0, n]
                right += weight * forces[i, 1, n]
                all_weight += weight
            means[i, s, 0] = left / all_weight
            means[i, s, 1] = right / all_weight


@njit
def electronics(
    field: Floats,
    noise: NDArray[np.float32],
    hum: Floats,
    state: Floats,
    figures: Floats,
    slow: Floats,
    knot_samples: int,
    channel: Numbers,
    counts: NDArray[np.int32],
) -> None:
    """Turn linear counts into what is sent: every error of strip and amplifier.

    Args:
        field: counts of an ideal strip, shape (strips, samples).
        noise: standard normal, same shape.
        hum: sine and cosine of the mains, shape (2, samples).
        state: per strip, kept from block to block: input and output of the
            amplifier at the last sample, shape (strips, 2).
        figures: per strip, shape (strips, 10): gain, relative departure from a line
            per full scale, full scale, what the amplifier keeps over a sample (1: no
            droop), its gain for a change, noise, hum's sine and cosine part, step of
            quantisation, least difference from the offset that is not clipped away.
        slow: offset and drift at knots, shape (strips, knots).
        knot_samples: samples between two knots.
        channel: column of each strip.
        counts: filled, shape (samples, channels).
    """
    samples = field.shape[1]
    outputs = np.empty(knot_samples)
    for s in range(field.shape[0]):
        gain, bend, scale = figures[s, 0], figures[s, 1], figures[s, 2]
        keep, change = figures[s, 3], figures[s, 4]
        noise_counts = figures[s, 5]
        sine, cosine, quantum = figures[s, 6], figures[s, 7], figures[s, 8]
        ceiling = figures[s, 9]
        before, output = state[s, 0], state[s, 1]
        column = channel[s]
        for knot in range(slow.shape[1] - 1):
            first = knot * knot_samples
            count = min(knot_samples, samples - first)
            for k in range(count):
                force = gain * field[s, first + k]
                if force != 0.0:
                    force += force * bend * (abs(force) / scale - 0.25)
                output = keep * output + change * (force - before)
                before = force
                outputs[k] = output
            # apart from what each sample owes the one before: many at once
            here, rise = slow[s, knot], slow[s, knot + 1] - slow[s, knot]
            for k in range(count):
                n = first + k
                value = (
                    outputs[k]
                    + here
                    + k / knot_samples * rise
                    + sine * hum[0, n]
                    + cosine * hum[1, n]
                    + noise_counts * noise[s, n]
                )
                value = quantum * np.rint(value / quantum)
                counts[n, column] = np.int32(min(max(value, -scale), ceiling))
        state[s, 0], state[s, 1] = before, output


@njit
def modal_truck(
    step_s: float,
    place_m: Floats,
    acceleration: Floats,
    heave: Floats,
    road: Floats,
    road_first_m: float,
    road_step_m: float,
    axle_m: Floats,
    static_n: Floats,
    modes: Floats,
    heard: Floats,
    pressed: Floats,
    shift: Floats,
    lag_s: float,
    first_kept: int,
    forces: Floats,
) -> None:
    """Drive a truck of independent modes; Newmark steps of average acceleration.

    Args:
        step_s: length of a step.
        place_m: first axle at each step, shape (steps,).
        acceleration: of the truck along the road, shape (steps,).
        heave: vertical acceleration that the driver forces on bodies, shape (steps,).
        road: heights of left and right track, shape (2, points) [m].
        road_first_m: place of the first point of the road.
        road_step_m: distance of its points.
        axle_m: distance behind the first axle, shape (axles,).
        static_n: force at rest of left and right wheels, shape (axles, 2).
        modes: shape (modes, 4): angular frequency, part of critical damping, mass,
            part of the heave that it takes.
        heard: weight of each height in a mode's input, shape (modes, axles, 2).
        pressed: share of a mode's force under each wheel, shape (modes, axles, 2).
        shift: load that an axle gains per acceleration, shape (axles,) [N per m/s²].
        lag_s: time constant of that.
        first_kept: step from which forces are kept.
        forces: filled, shape (axles, 2, steps - first_kept) [N].
    """
    axles, count, points = axle_m.shape[0], modes.shape[0], road.shape[1]
    height = np.zeros((axles, 2))
    before = np.zeros((axles, 2))
    y = np.zeros(count)
    v = np.zeros(count)
    a = np.zeros(count)
    pushed = np.zeros(count)
    felt = 0.0
    keep = 1.0 - step_s / lag_s
    for step in range(place_m.shape[0]):
        for i in range(axles):
            at = (place_m[step] - axle_m[i] - road_first_m) / road_step_m
            k = min(max(int(at), 0), points - 2)
            u = at - k
            for side in range(2):
                before[i, side] = height[i, side]
                height[i, side] = road[side, k] + u * (
                    road[side, k + 1] - road[side, k]
                )
        felt = keep * felt + (1.0 - keep) * acceleration[step]
        for m in range(count):
            e, e_before = 0.0, 0.0
            for i in range(axles):
                for side in range(2):
                    e += heard[m, i, side] * height[i, side]
                    e_before += heard[m, i, side] * before[i, side]
            if step == 0:
                e_before = e
                y[m] = e
            rate, damping = modes[m, 0] * modes[m, 0], 2.0 * modes[m, 0] * modes[m, 1]
            e_v = (e - e_before) / step_s
            drive = rate * e + damping * e_v + modes[m, 3] * heave[step]
            y[m] += step_s * v[m] + 0.25 * step_s * step_s * a[m]
            v[m] += 0.5 * step_s * a[m]
            a[m] = (drive - damping * v[m] - rate * y[m]) / (
                1.0 + 0.5 * step_s * damping + 0.25 * step_s * step_s * rate
            )
            y[m] += 0.25 * step_s * step_s * a[m]
            v[m] += 0.5 * step_s * a[m]
            pushed[m] = modes[m, 2] * (rate * (e - y[m]) + damping * (e_v - v[m]))
        if step < first_kept:
            continue
        for i in range(axles):
            for side in range(2):
                force = static_n[i, side] + 0.5 * shift[i] * felt
                for m in range(count):
                    force += pressed[m, i, side] * pushed[m]
                forces[i, side, step - first_kept] = max(force, 0.0)
