-- name: announce
INSERT INTO evidence_items (subject_id, kind, sha256, station_id, size_bytes,
    media_type, recorder, recorded_at, proves, announced_at, in_manifest)
VALUES (%(subject_id)s, %(kind)s, %(sha256)s, %(station_id)s, %(size_bytes)s,
    %(media_type)s, %(recorder)s, %(recorded_at)s, %(proves)s, %(now)s,
    %(in_manifest)s)
ON CONFLICT (subject_id, kind, sha256) DO UPDATE
    SET in_manifest = evidence_items.in_manifest OR excluded.in_manifest

-- name: manifest
SELECT subject_id, sealed_at, received_at, payload_sha256, missing
FROM evidence_manifests WHERE subject_id = %(subject_id)s

-- name: insert_manifest
INSERT INTO evidence_manifests (subject_id, station_id, subject_hash, sealed_at,
    missing, payload, payload_sha256, received_at)
VALUES (%(subject_id)s, %(station_id)s, %(subject_hash)s, %(sealed_at)s, %(missing)s,
    %(payload)s, %(payload_sha256)s, %(now)s)

-- name: keep_waiting
INSERT INTO waiting_manifests (subject_id, payload_sha256, topic, station_id, payload,
    received_at)
VALUES (%(subject_id)s, %(payload_sha256)s, %(topic)s, %(station_id)s, %(payload)s,
    %(now)s)
ON CONFLICT DO NOTHING

-- name: take_waiting
DELETE FROM waiting_manifests WHERE subject_id = %(subject_id)s
RETURNING topic, payload

-- name: take_overdue
DELETE FROM waiting_manifests WHERE received_at < %(before)s
RETURNING topic, payload

-- name: announced_size
SELECT size_bytes FROM evidence_items
WHERE sha256 = %(sha256)s AND station_id = %(station_id)s
ORDER BY announced_at LIMIT 1

-- name: is_stored
SELECT EXISTS (SELECT FROM evidence_files WHERE sha256 = %(sha256)s) AS found

-- name: mark_stored
INSERT INTO evidence_files (sha256, size_bytes, station_id, stored_at)
VALUES (%(sha256)s, %(size_bytes)s, %(station_id)s, %(now)s)
ON CONFLICT (sha256) DO NOTHING

-- name: records_waiting_for
SELECT DISTINCT record_id FROM evidence_items
JOIN records ON passage_id = subject_id
WHERE sha256 = %(sha256)s

-- name: media_type
SELECT media_type FROM evidence_items JOIN evidence_files USING (sha256)
WHERE sha256 = %(sha256)s ORDER BY announced_at LIMIT 1

-- name: items
SELECT i.subject_id, i.station_id, i.kind, i.sha256, i.size_bytes, i.media_type,
    i.recorder, i.recorded_at, i.proves, i.announced_at, i.in_manifest, f.stored_at
FROM evidence_items AS i LEFT JOIN evidence_files AS f USING (sha256)
WHERE subject_id = %(subject_id)s ORDER BY i.recorded_at, i.kind, i.sha256

-- name: count_refusal
INSERT INTO evidence_refusals (station_id, reason, count, last_at, last_sha256)
VALUES (%(station_id)s, %(reason)s, 1, %(now)s, %(sha256)s)
ON CONFLICT (station_id, reason) DO UPDATE SET count = evidence_refusals.count + 1,
    last_at = excluded.last_at, last_sha256 = excluded.last_sha256

-- name: refusals
SELECT station_id, reason, count, last_at, last_sha256 FROM evidence_refusals
ORDER BY station_id, reason
