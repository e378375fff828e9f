-- name: put_enterprise
INSERT INTO enterprises (enterprise_id, name, configured_at)
VALUES (%(enterprise_id)s, %(name)s, %(now)s)
ON CONFLICT (enterprise_id) DO UPDATE SET name = excluded.name,
    configured_at = excluded.configured_at

-- name: enter
-- Evidence hangs on the id alone: no weighing takes the id of a passage.
INSERT INTO weighings (weighing_id, station_id, sequence, boot_id, weighed_at,
    clock_error_bound_s, gross_mass_kg, gross_mass_uncertainty_kg, scale,
    previous_hash, payload, payload_sha256, received_at)
SELECT %(weighing_id)s, %(station_id)s, %(sequence)s, %(boot_id)s, %(weighed_at)s,
    %(clock_error_bound_s)s, %(gross_mass_kg)s, %(gross_mass_uncertainty_kg)s,
    %(scale)s, %(previous_hash)s, %(payload)s, %(payload_sha256)s, %(now)s
WHERE NOT EXISTS (SELECT FROM passage_ledger WHERE passage_id = %(weighing_id)s)
ON CONFLICT DO NOTHING

-- name: entered
SELECT weighing_id AS subject_id, station_id, sequence, payload_sha256
FROM weighings WHERE weighing_id = %(weighing_id)s

-- name: add_plate
INSERT INTO weighing_plates (weighing_id, ordinal, text, colour, view, weakest, note)
SELECT %(weighing_id)s, count(*), %(text)s, %(colour)s, %(view)s, %(weakest)s,
    %(note)s
FROM weighing_plates WHERE weighing_id = %(weighing_id)s

-- name: in_window
SELECT w.weighing_id, w.station_id AS enterprise_id, e.name AS enterprise_name,
    w.weighed_at, w.clock_error_bound_s, w.gross_mass_kg, w.gross_mass_uncertainty_kg,
    w.scale, best.text AS plate, best.colour AS plate_colour,
    best.weakest AS plate_confidence, w.received_at,
    (SELECT coalesce(jsonb_agg(note ORDER BY ordinal), '[]') FROM weighing_plates AS n
        WHERE n.weighing_id = w.weighing_id) AS plate_readings
FROM weighings AS w
JOIN enterprises AS e ON e.enterprise_id = w.station_id
LEFT JOIN LATERAL (
    SELECT text, colour, weakest FROM weighing_plates AS b
    WHERE b.weighing_id = w.weighing_id AND text IS NOT NULL
    ORDER BY weakest DESC, ordinal LIMIT 1
) AS best ON true
WHERE w.weighed_at >= %(from_at)s AND w.weighed_at <= %(to_at)s
    AND EXISTS (
        SELECT FROM weighing_plates AS c WHERE c.weighing_id = w.weighing_id
            AND c.text LIKE ANY (%(patterns)s)
    )
ORDER BY w.weighed_at DESC, w.weighing_id
