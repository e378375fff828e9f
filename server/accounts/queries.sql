-- name: with_hash
SELECT account_id, name, roles, simulated, active, created_at, password_hash
FROM accounts WHERE name = %(name)s

-- name: find
SELECT account_id, name, roles, simulated, active, created_at
FROM accounts WHERE account_id = %(account_id)s

-- name: any_exists
SELECT EXISTS (SELECT FROM accounts) AS found

-- name: put
INSERT INTO accounts (name, roles, simulated, password_hash, created_at,
    password_set_at)
VALUES (%(name)s, %(roles)s, %(simulated)s, %(hashed)s, %(now)s, %(now)s)
ON CONFLICT (name) DO UPDATE SET roles = excluded.roles,
    simulated = excluded.simulated, password_hash = excluded.password_hash,
    password_set_at = excluded.password_set_at, active = true
RETURNING account_id, name, roles, simulated, active, created_at

-- name: end_sessions
DELETE FROM sessions WHERE account_id = %(account_id)s

-- name: session_get
SELECT content FROM sessions
WHERE session_hash = %(key)s AND (expires_at IS NULL OR expires_at > %(now)s)

-- name: session_renew
UPDATE sessions SET expires_at = %(expires_at)s WHERE session_hash = %(key)s

-- name: session_set
INSERT INTO sessions (session_hash, account_id, content, expires_at)
VALUES (%(key)s,
    (SELECT account_id FROM accounts WHERE account_id = %(account_id)s),
    %(content)s, %(expires_at)s)
ON CONFLICT (session_hash) DO UPDATE SET account_id = excluded.account_id,
    content = excluded.content, expires_at = excluded.expires_at

-- name: session_delete
DELETE FROM sessions WHERE session_hash = %(key)s

-- name: sessions_delete_all
DELETE FROM sessions

-- name: sessions_delete_expired
DELETE FROM sessions WHERE expires_at <= %(now)s

-- name: session_expiry
SELECT expires_at FROM sessions
WHERE session_hash = %(key)s AND (expires_at IS NULL OR expires_at > %(now)s)
