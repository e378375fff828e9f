-- name: open
INSERT INTO records (passage_id, state, blind, opened_at, changed_at)
VALUES (%(passage_id)s, %(state)s, %(blind)s, %(now)s, %(now)s)
RETURNING record_id

-- name: lock
SELECT record_id, passage_id, state, blind FROM records
WHERE record_id = %(record_id)s FOR UPDATE

-- name: find
SELECT r.record_id, r.passage_id, r.state, r.blind, r.opened_at, r.changed_at,
    c.case_id
FROM records AS r LEFT JOIN cases AS c USING (record_id)
WHERE r.record_id = %(record_id)s

-- name: of_passage
SELECT record_id FROM records WHERE passage_id = %(passage_id)s

-- name: queue
SELECT r.record_id, r.state, r.opened_at, r.changed_at, c.case_id,
    to_jsonb(s) AS passage
FROM records AS r
JOIN passage_summaries AS s USING (passage_id)
LEFT JOIN cases AS c ON c.record_id = r.record_id
WHERE (%(state)s::text IS NULL OR r.state = %(state)s)
    AND (%(before)s::bigint IS NULL OR r.record_id < %(before)s)
ORDER BY r.record_id DESC LIMIT %(limit)s

-- name: steps
SELECT t.step, t.outcome, t.reason, t.remark, t.account_id, a.name AS account_name,
    a.simulated, t.at
FROM review_steps AS t JOIN accounts AS a USING (account_id)
WHERE t.record_id = %(record_id)s
ORDER BY array_position(ARRAY['first_review', 'second_review', 'judgement'], t.step)

-- name: add_step
INSERT INTO review_steps (record_id, step, outcome, reason, remark, account_id, at)
VALUES (%(record_id)s, %(step)s, %(outcome)s, %(reason)s, %(remark)s, %(account_id)s,
    %(now)s)

-- name: move
UPDATE records SET state = %(state)s, changed_at = %(now)s
WHERE record_id = %(record_id)s
