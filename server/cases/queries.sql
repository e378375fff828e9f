-- name: take_number
INSERT INTO case_numbers (year, last_number) VALUES (%(year)s, 1)
ON CONFLICT (year) DO UPDATE SET last_number = case_numbers.last_number + 1
RETURNING last_number

-- name: open
INSERT INTO cases (number, record_id, passage_id, state, opened_at, opened_by)
VALUES (%(number)s, %(record_id)s, %(passage_id)s, %(state)s, %(now)s, %(opened_by)s)
RETURNING case_id

-- name: recent
SELECT c.case_id, c.number, c.state, c.record_id, c.opened_at, a.name AS opened_by,
    a.simulated AS opened_by_simulated, to_jsonb(s) AS passage
FROM cases AS c
JOIN accounts AS a ON a.account_id = c.opened_by
JOIN passage_summaries AS s USING (passage_id)
WHERE %(before)s::bigint IS NULL OR c.case_id < %(before)s
ORDER BY c.case_id DESC LIMIT %(limit)s

-- name: find
SELECT c.case_id, c.number, c.state, c.record_id, c.opened_at, a.name AS opened_by,
    a.simulated AS opened_by_simulated, to_jsonb(s) AS passage
FROM cases AS c
JOIN accounts AS a ON a.account_id = c.opened_by
JOIN passage_summaries AS s USING (passage_id)
WHERE c.case_id = %(case_id)s
