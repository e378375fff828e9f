-- name: hours
SELECT date_trunc('hour', passed_at) AS begins_at,
    count(*) AS passages,
    count(*) FILTER (WHERE valid AND verdict IS NOT NULL) AS judged,
    count(*) FILTER (WHERE valid AND (verdict ->> 'overloaded')::boolean)
        AS overloaded,
    count(*) FILTER (WHERE valid AND (verdict ->> 'overloaded')::boolean
        AND 'hundred_tonne' = ANY (bands)) AS hundred_tonne
FROM passages
WHERE passed_at >= %(begins)s AND passed_at < %(ends)s
GROUP BY 1 ORDER BY 1

-- name: day
SELECT (SELECT count(*) FROM records WHERE state IN ('awaiting_first_review',
        'awaiting_second_review', 'awaiting_judgement')) AS records_open,
    (SELECT count(*) FROM cases WHERE opened_at >= %(begins)s
        AND opened_at < %(ends)s) AS cases

-- name: record_states
SELECT state, count(*) AS count FROM records GROUP BY state

-- name: hundred_tonne
SELECT * FROM passage_summaries
WHERE alert AND hundred_tonne AND passed_at >= %(since)s
ORDER BY arrival DESC LIMIT %(limit)s

-- name: front_photos
SELECT DISTINCT ON (subject_id) subject_id, sha256
FROM evidence_items JOIN evidence_files USING (sha256)
WHERE subject_id = ANY (%(passage_ids)s::uuid[]) AND kind = 'photo_front'
ORDER BY subject_id, in_manifest DESC, recorded_at

-- name: summaries
SELECT * FROM passage_summaries WHERE passage_id = ANY (%(passage_ids)s::uuid[])
ORDER BY arrival DESC

-- name: masses
-- As the lists of passages: the rows first, then each looked up alone.
SELECT s.passage_id, s.station_id, s.lane, s.passed_at, s.gross_mass_kg, s.plate,
    s.trailer_plate, s.valid, s.overloaded, s.hundred_tonne, s.record_id
FROM (
    SELECT passage_id FROM passages
    WHERE passed_at >= %(since)s
        AND (%(station_id)s::text IS NULL OR station_id = %(station_id)s)
    ORDER BY passed_at DESC LIMIT %(limit)s
) AS chosen
CROSS JOIN LATERAL (
    SELECT * FROM passage_summaries WHERE passage_id = chosen.passage_id OFFSET 0
) AS s
ORDER BY s.passed_at DESC, s.arrival DESC

-- name: simulated_accounts
SELECT EXISTS (SELECT FROM accounts WHERE simulated) AS found
