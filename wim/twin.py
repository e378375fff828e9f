"""The signal chain once more, as one writes it with NumPy and SciPy calls.

It is what ``wim.bench`` measures against and what the tests hold the kernels against:
the same method, so the same pulses, but not the same bits, because NumPy sums in an
order of its own. It needs SciPy, which nothing else in ``wim`` does, and whole
recordings; it streams nothing.
"""

from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt
from scipy import ndimage, signal

from wim.baseline import first_baseline
from wim.pulses import Detection
from wim.samples import Strip

__all__ = ["TwinPulse", "find_pulses"]

Floats = npt.NDArray[np.float64]
Counts = npt.NDArray[np.int32]


class TwinPulse(msgspec.Struct, frozen=True, kw_only=True):
    """What the twin tells of a pulse; see ``wim.pulses.Pulse``."""

    strip: int
    start_s: float
    end_s: float
    rise_s: float
    fall_s: float
    centroid_s: float
    area_counts_s: float
    area_sigma_counts_s: float
    peak_counts: float
    noise_counts: float
    closure_counts: float
    last_sample: int


class _Figures:
    """The detector's figures in samples and tiles, one value per strip where so."""

    def __init__(
        self, strips: tuple[Strip, ...], *, rate_hz: float, detection: Detection
    ) -> None:
        self.detection = detection
        self.rate_hz = rate_hz
        self.tile = tile = max(1, round(detection.tile_s * rate_hz))
        per_tile = rate_hz / tile
        self.looks = max(1, round(detection.look_back_s * per_tile)) + 1
        self.least_tail = max(round(detection.least_tail_s * per_tile), 2)
        self.most_tail = max(round(detection.longest_tail_s * per_tile), 2)
        self.below = max(1, round(detection.below_s * per_tile))
        self.linger = round(detection.linger_s * rate_hz)
        self.average = max(1, round(detection.average_s * rate_hz))
        self.least_pulse = max(1, round(detection.least_pulse_s * rate_hz))
        self.share = min(1.0 / max(1, round(detection.offset_time_s * per_tile)), 0.5)
        self.hum_share = min(1.0 / max(1, round(detection.hum_time_s * per_tile)), 0.5)
        self.periods = detection.hum_hz / rate_hz
        if self.periods * tile > 0.4 or self.periods == 0.0:
            self.periods = 0.0
            self.hum_share = 0.0
        self.droop = np.array(
            [
                0.0 if s.time_constant_s is None else 1.0 / s.time_constant_s / rate_hz
                for s in strips
            ]
        )
        self.floor = np.array(
            [max(detection.least_force_n * s.counts_per_newton, 1.5) for s in strips]
        )
        self.hum_gain = 1.0
        if self.periods:
            self.hum_gain = float(
                np.sin(np.pi * tile * self.periods)
                / (tile * np.sin(np.pi * self.periods))
            )


class _Run(msgspec.Struct, kw_only=True):
    """A stretch of one channel between two quiet ones, and what was known then."""

    strip: int
    first: int
    length: int
    look: int
    tail: int
    offset: float
    hum_c: float
    hum_s: float
    undershoot: float
    tile_variance: float
    sample_variance: float


def find_pulses(
    counts: Counts,
    strips: tuple[Strip, ...],
    *,
    sample_rate_hz: float,
    detection: Detection,
) -> list[TwinPulse]:
    """Return the pulses of a whole recording, in the order in which they are known.

    Args:
        counts: samples, shape (n, channels).
        strips: of any kind; plateaus are not looked for.
        sample_rate_hz: of every channel.
        detection: figures of the detector.
    """
    figures = _Figures(strips, rate_hz=sample_rate_hz, detection=detection)
    own = counts[:, [strip.channel for strip in strips]]
    pulses: list[TwinPulse] = []
    for run in _runs(own, figures):
        stretch = own[run.first : run.first + run.length, run.strip]
        shift_s = strips[run.strip].time_offset_s
        pulses += _measured(stretch, run, figures, shift_s)
    return pulses


def _runs(counts: Counts, figures: _Figures) -> list[_Run]:
    """Walk over the tiles, all channels side by side."""
    tile, detection = figures.tile, figures.detection
    tiles = len(counts) // tile
    blocks = counts[: tiles * tile].reshape(tiles, tile, -1)
    sums = blocks.sum(axis=1, dtype=np.int64)
    channels = counts.shape[1]
    phase = 2.0 * np.pi * figures.periods
    middle = phase * (np.arange(tiles) * tile + 0.5 * (tile - 1))
    wave_c, wave_s = np.cos(middle), np.sin(middle)
    start = counts[: round(detection.first_estimate_s * figures.rate_hz)]
    hum = np.stack([wave_c, wave_s], axis=1)
    begun = first_baseline(
        start,
        tile=tile,
        hum=hum if figures.periods else None,
        hum_gain=figures.hum_gain,
        droop=figures.droop,
    )
    offset, noise, v1 = begun.offset, begun.sample_variance, begun.tile_variance
    hum_c, hum_s = begun.hum_cosine, begun.hum_sine
    v2, v4 = 0.5 * v1, 0.25 * v1
    over = detection.over_noise
    high_2 = np.maximum(over * np.sqrt(v2), figures.floor)
    high_4 = np.maximum(over * np.sqrt(v4), figures.floor)
    wave_c *= figures.hum_gain
    wave_s *= figures.hum_gain
    bend = np.minimum(figures.droop * tile, 0.5)
    under = np.zeros(channels)
    r1, r2, r3 = (np.zeros(channels) for _ in range(3))
    state = np.zeros(channels, dtype=np.int64)
    quiet = np.zeros(channels, dtype=np.int64)
    below = np.zeros(channels, dtype=np.int64)
    run_look = np.zeros(channels, dtype=np.int64)
    run_first = np.zeros(channels, dtype=np.int64)
    run_under = np.zeros(channels)
    run_best = np.zeros(channels)
    run_tiles = np.zeros(channels, dtype=np.int64)
    run_tail = np.zeros(channels, dtype=np.int64)
    longest = round(detection.longest_s * figures.rate_hz)
    longest += (figures.looks + 6) * tile
    free = tile - 1.0
    median = (1.0 - 2.0 / (9.0 * free)) ** 3 if tile > 1 else 0.0
    found: list[_Run] = []

    def renew(c: int) -> None:
        offset[c] += under[c] + (r1[c] + r2[c] + r3[c]) / 3.0
        under[c] = r1[c] = r2[c] = r3[c] = 0.0
        state[c] = quiet[c] = below[c] = 0

    for k in range(tiles):
        above = sums[k] / tile - offset
        idle = state == 0
        under -= bend * np.where(idle, under, above)
        r = above - under - (hum_c * wave_c[k] + hum_s * wave_s[k])
        pair = 0.5 * (r + r1)
        old_pair = 0.5 * (r2 + r3)
        quad = 0.5 * (pair + old_pair)
        rises = (pair > high_2) | (quad > high_4)
        sinks = pair < -high_2
        calm = idle & ~rises & ~sinks
        w = np.where(calm & (quiet >= 6), figures.share, 0.0)
        offset += w * r3
        if figures.periods:
            h = 2.0 * figures.hum_share / figures.share * w * r3
            hum_c += h * (wave_c[k - 3] if k >= 3 else 0.0)
            hum_s += h * (wave_s[k - 3] if k >= 3 else 0.0)
        v1 += 0.125 * w * (1.0863 * np.minimum(r3**2, 4.0 * v1) - v1)
        v2 += 0.125 * w * (1.0863 * np.minimum(old_pair**2, 4.0 * v2) - v2)
        v4 += 0.125 * w * (1.0863 * np.minimum(quad**2, 4.0 * v4) - v4)
        white = 0.5 * noise / tile
        high_2 = np.maximum(over * np.sqrt(np.maximum(v2, white)), figures.floor)
        high_4 = np.maximum(over * np.sqrt(np.maximum(v4, 0.5 * white)), figures.floor)
        quiet = np.where(rises | ~idle, quiet, quiet + 1)
        below = np.where(sinks & idle, below + 1, 0)
        r3, r2, r1 = r2, r1, r
        for c in np.flatnonzero(~idle | rises | (below > figures.below)).tolist():
            if state[c] == 0:
                if below[c] > figures.below:
                    renew(c)
                    continue
                look = min(int(quiet[c]), figures.looks - 1)
                before = under[c] / (1.0 - bend[c])
                under[c] = before - bend[c] * (r[c] + under[c])
                run_under[c] = before * (1.0 + bend[c]) ** look
                run_look[c], run_first[c] = look, (k - look) * tile
                run_best[c], run_tiles[c], run_tail[c] = r[c], 1, 0
                state[c], quiet[c] = 1, 0
                continue
            length = k * tile - int(run_first[c])
            run_best[c] = max(run_best[c], r[c])
            lingers = length > figures.linger and run_best[c] < 3.0 * high_2[c]
            if lingers or length + 2 * tile > longest:
                renew(c)
                continue
            length += tile
            if state[c] == 1:
                low = max(detection.hysteresis * high_2[c], 3.0 * np.sqrt(v1[c]))
                goes_on = r[c] > low
            else:
                goes_on = pair[c] > 0.75 * high_2[c]
            if goes_on:
                state[c], run_tail[c] = 1, 0
                run_tiles[c] = length // tile - run_look[c]
                continue
            state[c] = 2
            run_tail[c] += 1
            wanted = int(run_tiles[c] * detection.run_tail_share)
            least, most = figures.least_tail, figures.most_tail
            if run_tail[c] >= min(max(wanted, least), most):
                run = _Run(
                    strip=c,
                    first=int(run_first[c]),
                    length=length,
                    look=int(run_look[c]) * tile,
                    tail=int(run_tail[c]) * tile,
                    offset=float(offset[c]),
                    hum_c=float(hum_c[c]),
                    hum_s=float(hum_s[c]),
                    undershoot=float(run_under[c]),
                    tile_variance=float(v1[c]),
                    sample_variance=float(noise[c]),
                )
                found.append(run)
                state[c], quiet[c] = 0, run_tail[c]
        turn = (k + 1) % 32
        if tile > 1 and turn < channels and state[turn] == 0:
            left = 1.0 - figures.hum_gain**2
            spread = blocks[k, :, turn].var(ddof=1)
            spread -= 0.5 * (hum_c[turn] ** 2 + hum_s[turn] ** 2) * left
            up = spread > median * noise[turn]
            noise[turn] = noise[turn] * 1.04 if up else max(noise[turn] * 0.96, 1 / 12)
    return found


def _measured(
    stretch: Counts, run: _Run, figures: _Figures, shift_s: float
) -> list[TwinPulse]:
    """Measure the pulses of one run."""
    tile, detection, rate = figures.tile, figures.detection, figures.rate_hz
    n = run.length
    phase = 2.0 * np.pi * figures.periods * (run.first + np.arange(n))
    force = stretch - run.offset - run.hum_c * np.cos(phase) - run.hum_s * np.sin(phase)
    droop = float(figures.droop[run.strip])
    if droop:
        # the exact inverse of the high-pass: y + dt/tau * (running sum of y)
        force = signal.lfilter([1.0 + droop, -1.0], [1.0, -1.0], force)
        force -= run.undershoot
    before = run.look - min(3 * tile, run.look // 2)
    after = max(run.tail - tile, 0)
    end = n - after
    level = _levels(force, before, end, run, figures)
    base, bridge, knee, covariance, closure, variance, tile_variance = level
    force = force - np.interp(np.arange(n), [before, knee], [base, base + bridge])
    floor = float(figures.floor[run.strip])

    half = figures.average // 2 + min((n - run.look - run.tail) // 32, 8 * tile)
    lobes: list[tuple[int, int]] = []
    high = floor
    while not lobes and 2 * half < n:
        width = 2 * half + 1
        high = max(detection.over_noise * np.sqrt(variance / width), floor)
        begin = max(run.look - 5 * tile - half, 0) + half
        unheard = run.look < 2 * tile
        lobes = _lobes(
            _average(force, half), begin, n - half, high, detection, unheard=unheard
        )
        if half > 2 * tile:
            break
        if not lobes:
            half = 2 * half + 1
    lobes = _joined(lobes, 2 * tile)

    pulses: list[TwinPulse] = []
    coarse = _average(force, half)
    for k, (i0, i1) in enumerate(lobes):
        left = half if k == 0 else (lobes[k - 1][1] + i0) // 2
        last = k == len(lobes) - 1
        right = n - half if last else (i1 + lobes[k + 1][0]) // 2
        height = coarse[i0:i1].max()
        begin = max(left, i0 - (i1 - i0) - half)
        stop = min(right - 1, i1 + (i1 - i0) + half)
        rise, fall = _edges(coarse, begin, stop, 0.5 * height)
        wide = max(fall - rise, 1.0)
        asked = 144.0 * variance / height**2
        fine = int(0.5 * min(max(asked, 0.1 * wide), 0.33 * wide))
        begin, stop = max(begin, fine), min(stop, n - fine - 1)
        smooth = _average(force, fine)
        inside = smooth[max(int(rise), begin) : min(int(fall) + 1, stop)]
        height = max(float(inside.max(initial=0.0)), 0.0)
        rise, fall = _edges(smooth, begin, stop, 0.5 * height)
        wide = fall - rise
        if wide < figures.least_pulse:
            continue
        share = detection.tail_share * wide
        i = max(int(min(rise - share, i0)), 0 if k == 0 else left)
        j = min(int(max(fall + share, i1)) + 1, n if last else right)
        part = force[i:j]
        area = float(part.sum())
        if area <= 0.0:
            continue
        if wide < 3 * figures.average + 3 and np.sort(part)[-2:].sum() > 0.6 * area:
            continue
        middle = 0.5 * (i + j - 1)
        along = (min(max(middle, before), knee) - before) / (knee - before)
        gradient = np.array([1.0, along])
        resting = float(gradient @ covariance @ gradient) + 0.04 * bridge**2
        resting += (0.1 * high * min(1.0, wide * figures.share / tile)) ** 2
        unknown = 2.0 * figures.hum_share * tile_variance
        unknown += 0.0025 * (run.hum_c**2 + run.hum_s**2)
        swing = min(j - i, 1.0 / np.pi / figures.periods) if figures.periods else j - i
        unsure = (j - i) * variance + (j - i) ** 2 * resting + swing**2 * unknown
        centroid = float((part * np.arange(i, j)).sum()) / area
        at = [run.first + x for x in (i0, i1, rise, fall, centroid)]
        start_s, end_s, rise_s, fall_s, centroid_s = (x / rate + shift_s for x in at)
        pulse = TwinPulse(
            strip=run.strip,
            start_s=start_s,
            end_s=end_s,
            rise_s=rise_s,
            fall_s=fall_s,
            centroid_s=centroid_s,
            area_counts_s=area / rate,
            area_sigma_counts_s=float(np.sqrt(unsure)) / rate,
            peak_counts=height,
            noise_counts=float(np.sqrt(variance)),
            closure_counts=closure,
            last_sample=run.first + n - 1,
        )
        pulses.append(pulse)
    return pulses


def _levels(
    force: Floats, before: int, end: int, run: _Run, figures: _Figures
) -> tuple[float, float, int, npt.NDArray[Any], float, float, float]:
    """Return level, bridge, where it ends, covariance, closure and variances."""
    tile, detection = figures.tile, figures.detection
    after = run.length - end
    variance = run.sample_variance
    if before:
        history = 15.0 * tile
        spread = ((force[:before] - force[:before].mean()) ** 2)[
            : before // 2 * 2
        ].sum()
        variance = (spread + history * variance) / (before + history)
    variance = max(variance, 1.0 / 12.0)
    tile_variance = max(run.tile_variance, variance / tile)
    precision = np.array([before, after]) / (tile * tile_variance)
    pre = force[:before].mean() if before else 0.0
    post = force[end:].mean() if after else 0.0
    undone = figures.droop[run.strip] * abs(force[before:end].sum())
    own = detection.level_doubt * np.sqrt(tile_variance) + 0.05
    doubt = detection.droop_doubt * abs(run.undershoot)
    sigma = np.array([own + doubt, own + doubt + detection.droop_doubt * undone])
    closure = 0.0
    if before and pre**2 > 16.0 * (sigma[0] ** 2 + 1.0 / precision[0]):
        sigma[0] = abs(pre)
    if before and after:
        closure = float(post - pre)
        if closure**2 > 16.0 * (sigma[1] ** 2 + (1.0 / precision).sum()):
            sigma[1] = abs(closure)
    design = np.array([[1.0, 0.0], [1.0, 1.0]])
    normal = design.T @ (design * precision[:, None]) + np.diag(1.0 / sigma**2)
    covariance = np.linalg.inv(normal)
    base, bridge = covariance @ (design.T @ (precision * np.array([pre, post])))
    knee = max(end, before + 1)
    level = (float(base), float(bridge), knee)
    return *level, covariance, closure, float(variance), float(tile_variance)


def _average(force: Floats, half: int) -> Floats:
    """Return the average over ``half`` samples to each side."""
    averaged: Floats = ndimage.uniform_filter1d(force, 2 * half + 1, mode="nearest")
    return averaged


def _lobes(
    mean: Floats,
    begin: int,
    end: int,
    high: float,
    detection: Detection,
    *,
    unheard: bool,
) -> list[tuple[int, int]]:
    """Return where an average stays above its thresholds, label by label."""
    part = mean[begin:end]
    lasting, _ = ndimage.label(part >= detection.hysteresis * high)
    lobes: list[tuple[int, int]] = []
    for place in ndimage.find_objects(lasting):
        (stretch,) = place
        over = np.flatnonzero(part[stretch] > high)
        whole = stretch.stop < len(part) and (stretch.start > 0 or not unheard)
        if len(over) and whole:
            first = int(stretch.start + over[0])
            lobes.append((begin + first, begin + int(stretch.stop)))
    return lobes[:16]


def _joined(lobes: list[tuple[int, int]], least: int) -> list[tuple[int, int]]:
    kept = lobes[:1]
    for i0, i1 in lobes[1:]:
        begin, end = kept[-1]
        if i0 - end < least + min(end - begin, i1 - i0) // 4:
            kept[-1] = (begin, i1)
        else:
            kept.append((i0, i1))
    return kept


def _edges(mean: Floats, begin: int, end: int, level: float) -> tuple[float, float]:
    """Return where an average first rises through a level from either side."""
    above = np.flatnonzero(mean[begin : end + 1] >= level)
    inside: Any = above[above < end - begin]
    outside: Any = above[above > 0]
    rise, fall = float(end), float(begin)
    if len(inside):
        i = begin + int(inside[0])
        rise = float(i)
        if i > begin:
            rise -= (mean[i] - level) / (mean[i] - mean[i - 1])
    if len(outside):
        i = begin + int(outside[-1])
        fall = float(i)
        if i < end:
            fall += (mean[i] - level) / (mean[i] - mean[i + 1])
    return rise, fall
