-- name: take_number
INSERT INTO case_numbers (year, last_number) VALUES (%(year)s, 1)
ON CONFLICT (year) DO UPDATE SET last_number = case_numbers.last_number + 1
RETURNING last_number

-- name: open
INSERT INTO cases (number, record_id, passage_id, state, opened_at, opened_by)
VALUES (%(number)s, %(record_id)s, %(passage_id)s, %(state)s, %(now)s, %(opened_by)s)
RETURNING case_id

-- As the lists of passages: the rows first, then each looked up alone.

-- name: recent
SELECT chosen.case_id, chosen.number, chosen.state, chosen.record_id, chosen.opened_at,
    a.name AS opened_by, a.simulated AS opened_by_simulated, to_jsonb(s) AS passage
FROM (
    SELECT * FROM cases WHERE case_id < %(before)s
    ORDER BY case_id DESC LIMIT %(limit)s
) AS chosen
JOIN accounts AS a ON a.account_id = chosen.opened_by
CROSS JOIN LATERAL (
    SELECT * FROM passage_summaries WHERE passage_id = chosen.passage_id OFFSET 0
) AS s
ORDER BY chosen.case_id DESC

-- name: find
SELECT c.case_id, c.number, c.state, c.record_id, c.opened_at, a.name AS opened_by,
    a.simulated AS opened_by_simulated, to_jsonb(s) AS passage
FROM cases AS c
JOIN accounts AS a ON a.account_id = c.opened_by
JOIN passage_summaries AS s USING (passage_id)
WHERE c.case_id = %(case_id)s
