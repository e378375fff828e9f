-- Accounts, sessions, audit, stations, quarantine.

CREATE TABLE accounts (
    account_id      bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name            text NOT NULL UNIQUE CHECK (length(name) BETWEEN 1 AND 64),
    roles           text[] NOT NULL CHECK (
        cardinality(roles) > 0 AND roles <@ ARRAY[
            'alert_desk', 'reviewer', 'decider', 'handler', 'supervisor', 'auditor',
            'admin'
        ]
    ),
    simulated       boolean NOT NULL,
    active          boolean NOT NULL DEFAULT true,
    password_hash   text NOT NULL,
    created_at      timestamptz NOT NULL,
    password_set_at timestamptz NOT NULL
);

-- The key is the SHA-256 of the session id: the table alone opens no session.
CREATE TABLE sessions (
    session_hash bytea PRIMARY KEY,
    account_id   bigint REFERENCES accounts,
    content      bytea NOT NULL,
    expires_at   timestamptz
);
CREATE INDEX sessions_by_account ON sessions (account_id);
CREATE INDEX sessions_by_expiry ON sessions (expires_at);

CREATE FUNCTION luheng_refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% rows are only added, never changed or removed', TG_TABLE_NAME
        USING ERRCODE = 'check_violation';
END $$;

CREATE TABLE audit_log (
    audit_id     bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at           timestamptz NOT NULL,
    account_id   bigint REFERENCES accounts,
    account_name text NOT NULL,
    action       text NOT NULL,
    subject_kind text NOT NULL,
    subject_id   text NOT NULL,
    details      jsonb NOT NULL
);
CREATE INDEX audit_by_subject ON audit_log (subject_kind, subject_id, audit_id);
CREATE TRIGGER audit_only_grows BEFORE UPDATE OR DELETE ON audit_log
    FOR EACH ROW EXECUTE FUNCTION luheng_refuse_change();
CREATE TRIGGER audit_is_not_emptied BEFORE TRUNCATE ON audit_log
    FOR EACH STATEMENT EXECUTE FUNCTION luheng_refuse_change();

CREATE TABLE stations (
    station_id         text PRIMARY KEY,
    name               text NOT NULL,
    role               text NOT NULL CHECK (role IN ('roadside', 'source')),
    public_key         text NOT NULL,
    configured         boolean NOT NULL,
    configured_at      timestamptz NOT NULL,
    boot_id            uuid,
    online             boolean,
    status             jsonb,
    status_sent_at     timestamptz,
    status_received_at timestamptz,
    messages_stored    bigint NOT NULL DEFAULT 0,
    last_message_at    timestamptz,
    last_sequence      bigint,
    checked_through    bigint NOT NULL DEFAULT 0,
    chain_breaks       bigint NOT NULL DEFAULT 0
);

-- Every boot of a station that ever spoke: an earlier one is not believed again.
CREATE TABLE station_boots (
    station_id text NOT NULL REFERENCES stations,
    boot_id    uuid NOT NULL,
    seen_at    timestamptz NOT NULL,
    PRIMARY KEY (station_id, boot_id)
);

CREATE TABLE sequence_gaps (
    station_id     text NOT NULL REFERENCES stations,
    first_sequence bigint NOT NULL,
    last_sequence  bigint NOT NULL CHECK (last_sequence >= first_sequence),
    found_at       timestamptz NOT NULL,
    PRIMARY KEY (station_id, first_sequence)
);

CREATE TABLE enterprises (
    enterprise_id text PRIMARY KEY REFERENCES stations,
    name          text NOT NULL,
    configured_at timestamptz NOT NULL
);

CREATE TABLE quarantine (
    quarantine_id    bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    received_at      timestamptz NOT NULL,
    last_received_at timestamptz NOT NULL,
    topic            text NOT NULL,
    station_id       text,
    sequence         bigint,
    code             text NOT NULL,
    reason           text NOT NULL,
    payload          bytea NOT NULL,
    payload_sha256   text NOT NULL,
    deliveries       bigint NOT NULL DEFAULT 1,
    UNIQUE (topic, payload_sha256)
);
CREATE INDEX quarantine_by_station ON quarantine (station_id, sequence);

-- The shape of passages; 0002 makes the table of it, as the database can.
CREATE TABLE passages_shape (
    station_id                 text NOT NULL,
    passed_at                  timestamptz NOT NULL,
    passage_id                 uuid NOT NULL,
    sequence                   bigint NOT NULL,
    boot_id                    uuid NOT NULL,
    lane                       integer NOT NULL,
    direction                  text NOT NULL,
    speed_mps                  float8 NOT NULL,
    acceleration_mps2          float8,
    axle_count                 integer NOT NULL,
    axle_loads_kg              float8[] NOT NULL,
    axle_load_uncertainties_kg float8[],
    axle_spacings_m            float8[] NOT NULL,
    gross_mass_kg              float8 NOT NULL,
    gross_mass_uncertainty_kg  float8,
    axle_groups                jsonb NOT NULL,
    axle_configuration         text NOT NULL,
    flags                      text[] NOT NULL,
    valid                      boolean NOT NULL,
    samples_lost               bigint NOT NULL,
    clock_error_bound_s        float8,
    wim_version                text NOT NULL,
    parameter_hash             text NOT NULL,
    vehicle_class              text,
    station_verdict            jsonb,
    verdict                    jsonb,
    verdict_problem            text,
    bands                      text[] NOT NULL,
    previous_hash              text NOT NULL,
    payload                    bytea NOT NULL,
    payload_sha256             text NOT NULL,
    received_at                timestamptz NOT NULL,
    PRIMARY KEY (station_id, passed_at, passage_id),
    CHECK ((verdict IS NULL) <> (verdict_problem IS NULL))
);
