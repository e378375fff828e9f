-- name: insert
INSERT INTO audit_log (at, account_id, account_name, action, subject_kind, subject_id,
    details)
VALUES (%(at)s, %(account_id)s, %(account_name)s, %(action)s, %(subject_kind)s,
    %(subject_id)s, %(details)s)

-- name: trail
SELECT audit_id, at, account_id, account_name, action, subject_kind, subject_id,
    details
FROM audit_log
WHERE subject_kind = %(subject_kind)s AND subject_id = %(subject_id)s
ORDER BY audit_id
