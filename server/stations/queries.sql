-- name: put_station
INSERT INTO stations (station_id, name, role, public_key, latitude, longitude,
    configured, configured_at)
VALUES (%(station_id)s, %(name)s, %(role)s, %(public_key)s, %(latitude)s,
    %(longitude)s, true, %(now)s)
ON CONFLICT (station_id) DO UPDATE SET name = excluded.name, role = excluded.role,
    public_key = excluded.public_key, latitude = excluded.latitude,
    longitude = excluded.longitude, configured = true,
    configured_at = excluded.configured_at

-- name: forget_others
UPDATE stations SET configured = false
WHERE configured AND station_id <> ALL (%(station_ids)s)

-- name: lock_station
SELECT boot_id, status_sent_at, checked_through FROM stations
WHERE station_id = %(station_id)s FOR UPDATE

-- name: put_boot
INSERT INTO station_boots (station_id, boot_id, seen_at)
VALUES (%(station_id)s, %(boot_id)s, %(now)s)
ON CONFLICT DO NOTHING

-- name: put_status
UPDATE stations SET boot_id = %(boot_id)s, online = %(online)s, status = %(status)s,
    status_sent_at = %(sent_at)s, status_received_at = %(now)s
WHERE station_id = %(station_id)s

-- name: put_last_will
UPDATE stations SET online = false, status_received_at = %(now)s
WHERE station_id = %(station_id)s

-- name: note_gaps
WITH accounted AS (
    SELECT sequence FROM passage_ledger WHERE station_id = %(station_id)s
        AND sequence BETWEEN %(first)s AND %(last)s
    UNION SELECT sequence FROM weighings WHERE station_id = %(station_id)s
        AND sequence BETWEEN %(first)s AND %(last)s
    UNION SELECT sequence FROM quarantine WHERE station_id = %(station_id)s
        AND sequence BETWEEN %(first)s AND %(last)s
), edges AS (
    SELECT sequence, lag(sequence, 1, %(first)s::bigint - 1)
        OVER (ORDER BY sequence) AS previous
    FROM (SELECT sequence FROM accounted
          UNION ALL SELECT %(last)s::bigint + 1) AS bounded
)
INSERT INTO sequence_gaps (station_id, first_sequence, last_sequence, found_at)
SELECT %(station_id)s, previous + 1, sequence - 1, %(now)s FROM edges
WHERE sequence > previous + 1
ON CONFLICT DO NOTHING

-- name: put_checked_through
UPDATE stations SET checked_through = %(last)s WHERE station_id = %(station_id)s

-- name: gaps
SELECT g.station_id, g.first_sequence AS first, g.last_sequence AS last, g.found_at,
    g.last_sequence - g.first_sequence + 1 - (
        SELECT count(*) FROM (
            SELECT sequence FROM passage_ledger AS l WHERE l.station_id = g.station_id
                AND l.sequence BETWEEN g.first_sequence AND g.last_sequence
            UNION SELECT sequence FROM weighings AS w WHERE w.station_id = g.station_id
                AND w.sequence BETWEEN g.first_sequence AND g.last_sequence
            UNION SELECT sequence FROM quarantine AS q
                WHERE q.station_id = g.station_id
                AND q.sequence BETWEEN g.first_sequence AND g.last_sequence
        ) AS since
    ) AS missing
FROM sequence_gaps AS g ORDER BY g.station_id, g.first_sequence

-- name: count_stored
UPDATE stations SET messages_stored = messages_stored + %(stored)s,
    last_message_at = %(now)s,
    last_sequence = greatest(last_sequence, %(last_sequence)s),
    chain_breaks = chain_breaks + %(chain_breaks)s
WHERE station_id = %(station_id)s

-- name: broken_links
WITH chain AS (
    SELECT sequence, payload_sha256, previous_hash FROM passage_ledger
        WHERE station_id = %(station_id)s AND sequence = ANY (%(around)s)
    UNION ALL SELECT sequence, payload_sha256, previous_hash FROM weighings
        WHERE station_id = %(station_id)s AND sequence = ANY (%(around)s)
)
SELECT count(*) AS broken FROM chain AS earlier
JOIN chain AS later ON later.sequence = earlier.sequence + 1
WHERE later.previous_hash <> earlier.payload_sha256
    AND (earlier.sequence = ANY (%(new)s) OR later.sequence = ANY (%(new)s))

-- name: summaries
SELECT s.station_id, s.name, s.role, s.latitude, s.longitude, s.online, s.boot_id, s.status_sent_at,
    s.status_received_at,
    (s.status ->> 'taking')::boolean AS taking,
    s.status ->> 'not_taking_reason' AS not_taking_reason,
    (s.status ->> 'outbox_depth')::bigint AS outbox_depth,
    (s.status ->> 'oldest_unacknowledged_at')::timestamptz AS oldest_unacknowledged_at,
    (s.status ->> 'lowest_unacknowledged_sequence')::bigint
        AS lowest_unacknowledged_sequence,
    coalesce(s.status -> 'devices', '[]') AS devices,
    coalesce(s.status -> 'counters', '{}') AS counters,
    s.messages_stored, s.last_message_at, s.last_sequence, s.chain_breaks,
    (SELECT count(*) FROM quarantine AS q WHERE q.station_id = s.station_id)
        AS quarantined,
    (SELECT coalesce(jsonb_object_agg(r.reason, r.count), '{}')
        FROM evidence_refusals AS r WHERE r.station_id = s.station_id) AS refusals
FROM stations AS s WHERE s.configured ORDER BY s.station_id

-- name: put_quarantined
INSERT INTO quarantine (received_at, last_received_at, topic, station_id, sequence,
    code, reason, payload, payload_sha256)
VALUES (%(now)s, %(now)s, %(topic)s, %(station_id)s, %(sequence)s, %(code)s,
    %(reason)s, %(payload)s, %(payload_sha256)s)
ON CONFLICT (topic, payload_sha256) DO UPDATE
    SET deliveries = quarantine.deliveries + 1,
        last_received_at = excluded.last_received_at
RETURNING quarantine_id

-- name: count_status_again
UPDATE quarantine SET deliveries = deliveries + 1, last_received_at = %(now)s
WHERE quarantine_id = (
    SELECT quarantine_id FROM quarantine
    WHERE topic = %(topic)s AND code = %(code)s AND topic LIKE '%%/status'
    ORDER BY quarantine_id LIMIT 1
)
RETURNING quarantine_id

-- name: quarantine
SELECT quarantine_id, received_at, last_received_at, topic, station_id, code, reason,
    payload_sha256, length(payload) AS size_bytes, deliveries,
    substr(payload, 1, 2000) AS head
FROM quarantine
WHERE quarantine_id < %(before)s
ORDER BY quarantine_id DESC LIMIT %(limit)s

-- name: find_quarantined
SELECT quarantine_id, received_at, last_received_at, topic, station_id, code, reason,
    payload_sha256, length(payload) AS size_bytes, deliveries,
    substr(payload, 1, 2000) AS head
FROM quarantine WHERE quarantine_id = %(quarantine_id)s

-- name: find_payload
SELECT payload FROM quarantine WHERE quarantine_id = %(quarantine_id)s

-- name: quarantined
SELECT quarantine_id, topic, code, payload FROM quarantine
WHERE quarantine_id > %(after)s AND topic NOT LIKE '%%/status'
    AND (%(topics)s::text IS NULL OR topic LIKE %(topics)s)
ORDER BY quarantine_id LIMIT %(limit)s

-- name: release
DELETE FROM quarantine WHERE quarantine_id = %(quarantine_id)s
