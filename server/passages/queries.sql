-- name: prepare_day
SELECT luheng_prepare_day(%(day)s)

-- name: lock_subject
SELECT pg_advisory_xact_lock(hashtextextended(%(subject_id)s, 7219))

-- name: enter
-- Evidence hangs on the id alone: no passage takes the id of a weighing.
INSERT INTO passage_ledger (passage_id, station_id, sequence, passed_at,
    payload_sha256, previous_hash, alert, received_at)
SELECT %(passage_id)s, %(station_id)s, %(sequence)s, %(passed_at)s,
    %(payload_sha256)s, %(previous_hash)s, %(alert)s, %(now)s
WHERE NOT EXISTS (SELECT FROM weighings WHERE weighing_id = %(passage_id)s)
ON CONFLICT DO NOTHING

-- name: entered
SELECT passage_id AS subject_id, station_id, sequence, payload_sha256
FROM passage_ledger WHERE passage_id = %(passage_id)s

-- name: insert
INSERT INTO passages (station_id, passed_at, passage_id, sequence, boot_id, lane,
    direction, speed_mps, acceleration_mps2, axle_count, axle_loads_kg,
    axle_load_uncertainties_kg, axle_spacings_m, gross_mass_kg,
    gross_mass_uncertainty_kg, axle_groups, axle_configuration, flags, valid,
    samples_lost, clock_error_bound_s, wim_version, parameter_hash, vehicle_class,
    vehicle_class_probability, findings, station_verdict, verdict, verdict_problem, bands, previous_hash, payload,
    payload_sha256, received_at)
VALUES (%(station_id)s, %(passed_at)s, %(passage_id)s, %(sequence)s, %(boot_id)s,
    %(lane)s, %(direction)s, %(speed_mps)s, %(acceleration_mps2)s, %(axle_count)s,
    %(axle_loads_kg)s, %(axle_load_uncertainties_kg)s, %(axle_spacings_m)s,
    %(gross_mass_kg)s, %(gross_mass_uncertainty_kg)s, %(axle_groups)s,
    %(axle_configuration)s, %(flags)s, %(valid)s, %(samples_lost)s,
    %(clock_error_bound_s)s, %(wim_version)s, %(parameter_hash)s, %(vehicle_class)s,
    %(vehicle_class_probability)s, %(findings)s, %(station_verdict)s, %(verdict)s, %(verdict_problem)s, %(bands)s,
    %(previous_hash)s, %(payload)s, %(payload_sha256)s, %(now)s)

-- name: add_plate
INSERT INTO passage_plates (passage_id, ordinal, text, colour, view, weakest, note)
SELECT %(passage_id)s, count(*), %(text)s, %(colour)s, %(view)s, %(weakest)s, %(note)s
FROM passage_plates WHERE passage_id = %(passage_id)s

-- Lists choose their rows first and look each up alone (OFFSET 0 keeps it so): what the
-- planner guesses of a join over all partitions would have it read every passage.

-- name: recent
SELECT s.* FROM (
    SELECT passage_id FROM passage_ledger WHERE arrival < %(before)s
    ORDER BY arrival DESC LIMIT %(limit)s
) AS chosen
CROSS JOIN LATERAL (
    SELECT * FROM passage_summaries WHERE passage_id = chosen.passage_id OFFSET 0
) AS s
ORDER BY s.arrival DESC

-- name: recent_after
SELECT s.* FROM (
    SELECT passage_id FROM passage_ledger WHERE arrival > %(after)s AND arrival < %(before)s
    ORDER BY arrival LIMIT %(limit)s
) AS chosen
CROSS JOIN LATERAL (
    SELECT * FROM passage_summaries WHERE passage_id = chosen.passage_id OFFSET 0
) AS s
ORDER BY s.arrival DESC

-- name: recent_alerts
SELECT s.* FROM (
    SELECT passage_id FROM passage_ledger WHERE alert AND arrival < %(before)s
    ORDER BY arrival DESC LIMIT %(limit)s
) AS chosen
CROSS JOIN LATERAL (
    SELECT * FROM passage_summaries WHERE passage_id = chosen.passage_id OFFSET 0
) AS s
ORDER BY s.arrival DESC

-- name: recent_alerts_after
SELECT s.* FROM (
    SELECT passage_id FROM passage_ledger WHERE alert AND arrival > %(after)s AND arrival < %(before)s
    ORDER BY arrival LIMIT %(limit)s
) AS chosen
CROSS JOIN LATERAL (
    SELECT * FROM passage_summaries WHERE passage_id = chosen.passage_id OFFSET 0
) AS s
ORDER BY s.arrival DESC

-- name: find_summary
SELECT * FROM passage_summaries WHERE passage_id = %(passage_id)s

-- name: find_passage
SELECT to_jsonb(s) AS summary, p.sequence, p.boot_id, p.direction, p.acceleration_mps2,
    p.axle_loads_kg, p.axle_load_uncertainties_kg, p.axle_spacings_m,
    p.gross_mass_uncertainty_kg, p.axle_groups, p.vehicle_class,
    p.vehicle_class_probability, p.findings, p.samples_lost,
    p.clock_error_bound_s, p.wim_version, p.parameter_hash, p.payload_sha256,
    p.station_verdict, p.verdict, p.verdict_problem,
    (SELECT coalesce(jsonb_agg(note ORDER BY ordinal), '[]') FROM passage_plates
        WHERE passage_id = s.passage_id) AS plate_readings
FROM passage_summaries AS s
JOIN passages AS p ON p.station_id = s.station_id AND p.passed_at = s.passed_at
    AND p.passage_id = s.passage_id
WHERE s.passage_id = %(passage_id)s
