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

-- As the lists of passages: the rows first, then each looked up alone.

-- name: queue
SELECT chosen.record_id, chosen.state, chosen.opened_at, chosen.changed_at, c.case_id,
    to_jsonb(s) AS passage
FROM (
    SELECT * FROM records WHERE record_id < %(before)s
    ORDER BY record_id DESC LIMIT %(limit)s
) AS chosen
CROSS JOIN LATERAL (
    SELECT * FROM passage_summaries WHERE passage_id = chosen.passage_id OFFSET 0
) AS s
LEFT JOIN cases AS c ON c.record_id = chosen.record_id
ORDER BY chosen.record_id DESC

-- name: queue_in_state
SELECT chosen.record_id, chosen.state, chosen.opened_at, chosen.changed_at, c.case_id,
    to_jsonb(s) AS passage
FROM (
    SELECT * FROM records WHERE state = %(state)s AND record_id < %(before)s
    ORDER BY record_id DESC LIMIT %(limit)s
) AS chosen
CROSS JOIN LATERAL (
    SELECT * FROM passage_summaries WHERE passage_id = chosen.passage_id OFFSET 0
) AS s
LEFT JOIN cases AS c ON c.record_id = chosen.record_id
ORDER BY chosen.record_id DESC

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
