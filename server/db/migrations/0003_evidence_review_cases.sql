-- The ledger of passages, weighings, evidence, records, cases.

-- Uniqueness over all time, which a partitioned table cannot give.
CREATE TABLE passage_ledger (
    passage_id     uuid PRIMARY KEY,
    arrival        bigint GENERATED ALWAYS AS IDENTITY UNIQUE,
    station_id     text NOT NULL REFERENCES stations,
    sequence       bigint NOT NULL,
    passed_at      timestamptz NOT NULL,
    payload_sha256 text NOT NULL,
    previous_hash  text NOT NULL,
    alert          boolean NOT NULL,
    received_at    timestamptz NOT NULL,
    UNIQUE (station_id, sequence)
);
CREATE INDEX passage_alerts ON passage_ledger (arrival) WHERE alert;

CREATE TABLE passage_plates (
    passage_id uuid NOT NULL REFERENCES passage_ledger,
    ordinal    integer NOT NULL,
    text       text,
    colour     text,
    view       text NOT NULL,
    weakest    float8,
    note       jsonb NOT NULL,
    PRIMARY KEY (passage_id, ordinal)
);
CREATE INDEX passage_plates_by_text ON passage_plates (text);

CREATE TABLE weighings (
    weighing_id               uuid PRIMARY KEY,
    station_id                text NOT NULL REFERENCES stations,
    sequence                  bigint NOT NULL,
    boot_id                   uuid NOT NULL,
    weighed_at                timestamptz NOT NULL,
    clock_error_bound_s       float8,
    gross_mass_kg             float8 NOT NULL,
    gross_mass_uncertainty_kg float8,
    scale                     text NOT NULL,
    previous_hash             text NOT NULL,
    payload                   bytea NOT NULL,
    payload_sha256            text NOT NULL,
    received_at               timestamptz NOT NULL,
    UNIQUE (station_id, sequence)
);
CREATE INDEX weighings_by_time ON weighings (weighed_at);

CREATE TABLE weighing_plates (
    weighing_id uuid NOT NULL REFERENCES weighings,
    ordinal     integer NOT NULL,
    text        text,
    colour      text,
    view        text NOT NULL,
    weakest     float8,
    note        jsonb NOT NULL,
    PRIMARY KEY (weighing_id, ordinal)
);
CREATE INDEX weighing_plates_by_text ON weighing_plates (text);

CREATE TABLE evidence_items (
    subject_id   uuid NOT NULL,
    kind         text NOT NULL,
    sha256       text NOT NULL,
    station_id   text NOT NULL REFERENCES stations,
    size_bytes   bigint NOT NULL,
    media_type   text NOT NULL,
    recorder     text NOT NULL,
    recorded_at  timestamptz NOT NULL,
    proves       text NOT NULL,
    announced_at timestamptz NOT NULL,
    in_manifest  boolean NOT NULL,
    PRIMARY KEY (subject_id, kind, sha256)
);
CREATE INDEX evidence_items_by_file ON evidence_items (sha256);

CREATE TABLE evidence_files (
    sha256     text PRIMARY KEY,
    size_bytes bigint NOT NULL,
    station_id text NOT NULL REFERENCES stations,
    stored_at  timestamptz NOT NULL
);

CREATE TABLE evidence_manifests (
    subject_id     uuid PRIMARY KEY,
    station_id     text NOT NULL REFERENCES stations,
    subject_hash   text NOT NULL,
    sealed_at      timestamptz NOT NULL,
    missing        text[] NOT NULL,
    payload        bytea NOT NULL,
    payload_sha256 text NOT NULL,
    received_at    timestamptz NOT NULL
);

-- Manifests that came before their passage or weighing.
CREATE TABLE waiting_manifests (
    subject_id     uuid NOT NULL,
    payload_sha256 text NOT NULL,
    topic          text NOT NULL,
    station_id     text NOT NULL REFERENCES stations,
    payload        bytea NOT NULL,
    received_at    timestamptz NOT NULL,
    PRIMARY KEY (subject_id, payload_sha256)
);

CREATE TABLE evidence_refusals (
    station_id  text NOT NULL,
    reason      text NOT NULL,
    count       bigint NOT NULL,
    last_at     timestamptz NOT NULL,
    last_sha256 text NOT NULL,
    PRIMARY KEY (station_id, reason)
);

-- Records 初审 → 审核 → 判定.
CREATE TABLE records (
    record_id  bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    passage_id uuid NOT NULL UNIQUE REFERENCES passage_ledger,
    state      text NOT NULL,
    blind      boolean NOT NULL,
    opened_at  timestamptz NOT NULL,
    changed_at timestamptz NOT NULL
);
CREATE INDEX records_by_state ON records (state, record_id);

-- The law of the steps: which step is taken in which state, by whom, and where to.
CREATE TABLE review_law (
    step       text NOT NULL,
    outcome    text NOT NULL,
    from_state text NOT NULL,
    to_state   text NOT NULL,
    role       text NOT NULL,
    PRIMARY KEY (step, outcome)
);
INSERT INTO review_law (step, outcome, from_state, to_state, role) VALUES
    ('first_review', 'pass', 'awaiting_first_review', 'awaiting_second_review',
     'reviewer'),
    ('first_review', 'reject', 'awaiting_first_review', 'first_review_rejected',
     'reviewer'),
    ('second_review', 'pass', 'awaiting_second_review', 'awaiting_judgement',
     'reviewer'),
    ('second_review', 'reject', 'awaiting_second_review', 'second_review_rejected',
     'reviewer'),
    ('judgement', 'file', 'awaiting_judgement', 'filed', 'decider'),
    ('judgement', 'not_pursued', 'awaiting_judgement', 'not_pursued', 'decider');

CREATE TABLE review_steps (
    record_id    bigint NOT NULL REFERENCES records,
    step         text NOT NULL,
    outcome      text NOT NULL,
    reason       text,
    remark       text NOT NULL,
    account_id   bigint NOT NULL REFERENCES accounts,
    at           timestamptz NOT NULL,
    PRIMARY KEY (record_id, step),
    CONSTRAINT three_different_people UNIQUE (record_id, account_id),
    FOREIGN KEY (step, outcome) REFERENCES review_law,
    CHECK ((reason IS NULL) = (outcome IN ('pass', 'file')))
);

CREATE FUNCTION luheng_check_step() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    law     review_law;
    present records;
BEGIN
    SELECT * INTO law FROM review_law
        WHERE step = NEW.step AND outcome = NEW.outcome;
    SELECT * INTO present FROM records WHERE record_id = NEW.record_id FOR UPDATE;
    IF present.state IS DISTINCT FROM law.from_state THEN
        RAISE EXCEPTION 'record % is %, not %', NEW.record_id, present.state,
            law.from_state USING ERRCODE = 'check_violation';
    END IF;
    IF NOT EXISTS (
        SELECT FROM accounts WHERE account_id = NEW.account_id
            AND active AND law.role = ANY (roles)
    ) THEN
        RAISE EXCEPTION 'account % is no %', NEW.account_id, law.role
            USING ERRCODE = 'check_violation';
    END IF;
    IF NEW.outcome = 'file' AND (
        NOT EXISTS (
            SELECT FROM evidence_manifests WHERE subject_id = present.passage_id
        ) OR EXISTS (
            SELECT FROM evidence_items
            LEFT JOIN evidence_files USING (sha256)
            WHERE subject_id = present.passage_id AND stored_at IS NULL
        )
    ) THEN
        RAISE EXCEPTION 'record % lacks its manifest or a file', NEW.record_id
            USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER step_follows_law BEFORE INSERT ON review_steps
    FOR EACH ROW EXECUTE FUNCTION luheng_check_step();
CREATE TRIGGER steps_only_grow BEFORE UPDATE OR DELETE ON review_steps
    FOR EACH ROW EXECUTE FUNCTION luheng_refuse_change();
CREATE TRIGGER steps_are_not_emptied BEFORE TRUNCATE ON review_steps
    FOR EACH STATEMENT EXECUTE FUNCTION luheng_refuse_change();

CREATE FUNCTION luheng_check_record() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        IF NEW.state <> 'awaiting_first_review' THEN
            RAISE EXCEPTION 'a record begins in awaiting_first_review'
                USING ERRCODE = 'check_violation';
        END IF;
        RETURN NEW;
    END IF;
    IF (NEW.record_id, NEW.passage_id, NEW.blind, NEW.opened_at)
        IS DISTINCT FROM (OLD.record_id, OLD.passage_id, OLD.blind, OLD.opened_at) THEN
        RAISE EXCEPTION 'of a record only its state changes'
            USING ERRCODE = 'check_violation';
    END IF;
    IF NEW.state <> OLD.state AND NOT EXISTS (
        SELECT FROM review_steps JOIN review_law USING (step, outcome)
        WHERE record_id = NEW.record_id
            AND from_state = OLD.state AND to_state = NEW.state
    ) THEN
        RAISE EXCEPTION 'record % has no step from % to %', NEW.record_id, OLD.state,
            NEW.state USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER record_follows_steps BEFORE INSERT OR UPDATE ON records
    FOR EACH ROW EXECUTE FUNCTION luheng_check_record();
CREATE TRIGGER records_stay BEFORE DELETE ON records
    FOR EACH ROW EXECUTE FUNCTION luheng_refuse_change();

CREATE TABLE case_numbers (
    year        integer PRIMARY KEY,
    last_number integer NOT NULL
);

CREATE TABLE cases (
    case_id    bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    number     text NOT NULL UNIQUE,
    record_id  bigint NOT NULL UNIQUE REFERENCES records,
    passage_id uuid NOT NULL UNIQUE REFERENCES passage_ledger,
    state      text NOT NULL,
    opened_at  timestamptz NOT NULL,
    opened_by  bigint NOT NULL REFERENCES accounts
);

CREATE FUNCTION luheng_check_case() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (
        SELECT FROM records WHERE record_id = NEW.record_id
            AND passage_id = NEW.passage_id AND state = 'filed'
    ) THEN
        RAISE EXCEPTION 'record % is not filed on passage %', NEW.record_id,
            NEW.passage_id USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER case_needs_filed_record BEFORE INSERT OR UPDATE ON cases
    FOR EACH ROW EXECUTE FUNCTION luheng_check_case();
CREATE TRIGGER cases_stay BEFORE DELETE ON cases
    FOR EACH ROW EXECUTE FUNCTION luheng_refuse_change();

-- One line of the alert wall, as lists, queues and cases show it.
CREATE VIEW passage_summaries AS
SELECT
    l.arrival,
    l.passage_id,
    l.station_id,
    s.name AS station_name,
    p.lane,
    l.passed_at,
    p.gross_mass_kg,
    p.axle_count,
    p.axle_configuration,
    p.speed_mps,
    best.text AS plate,
    best.colour AS plate_colour,
    best.weakest AS plate_confidence,
    trailer.text AS trailer_plate,
    p.valid,
    p.flags,
    (p.verdict ->> 'overloaded')::boolean AS overloaded,
    (p.verdict ->> 'limit_kg')::float8 AS limit_kg,
    (p.verdict ->> 'limit_certain')::boolean AS limit_certain,
    (p.verdict ->> 'excess_kg')::float8 AS excess_kg,
    (p.verdict ->> 'overload_ratio')::float8 AS overload_ratio,
    'hundred_tonne' = ANY (p.bands) AS hundred_tonne,
    r.record_id,
    l.received_at,
    CASE WHEN current_setting('track_commit_timestamp')::boolean
        THEN pg_xact_commit_timestamp(l.xmin) END AS committed_at,
    l.alert
FROM passage_ledger AS l
JOIN stations AS s USING (station_id)
JOIN passages AS p
    ON p.station_id = l.station_id AND p.passed_at = l.passed_at
    AND p.passage_id = l.passage_id
LEFT JOIN records AS r ON r.passage_id = l.passage_id
LEFT JOIN LATERAL (
    SELECT plates.text, plates.colour, plates.weakest
    FROM passage_plates AS plates
    WHERE plates.passage_id = l.passage_id AND plates.text NOT LIKE '%挂'
    ORDER BY (plates.view = 'front') DESC, plates.weakest DESC, plates.ordinal
    LIMIT 1
) AS best ON true
-- a trailer has a plate of its own, 挂 at its end, and it is not the tractor's
LEFT JOIN LATERAL (
    SELECT plates.text FROM passage_plates AS plates
    WHERE plates.passage_id = l.passage_id AND plates.text LIKE '%挂'
    ORDER BY plates.weakest DESC, plates.ordinal
    LIMIT 1
) AS trailer ON true;
