-- Passages in daily partitions of PostgreSQL itself.

CREATE TABLE passages (LIKE passages_shape INCLUDING ALL)
    PARTITION BY RANGE (passed_at);
DROP TABLE passages_shape;

-- Nothing is lost for want of a partition.
CREATE TABLE passages_elsewhen PARTITION OF passages DEFAULT;

-- Make the partition of one UTC day. Rows of that day that already lie elsewhen stay
-- there, and so will the day.
CREATE FUNCTION luheng_prepare_day(day date) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    partition_name text := 'passages_' || to_char(day, 'YYYYMMDD');
BEGIN
    IF to_regclass(partition_name) IS NOT NULL THEN
        RETURN;
    END IF;
    PERFORM pg_advisory_xact_lock(7219, 1);
    IF to_regclass(partition_name) IS NOT NULL THEN
        RETURN;
    END IF;
    EXECUTE format(
        'CREATE TABLE %I PARTITION OF passages FOR VALUES FROM (%L) TO (%L)',
        partition_name,
        to_char(day, 'YYYY-MM-DD') || ' 00:00:00+00',
        to_char(day + 1, 'YYYY-MM-DD') || ' 00:00:00+00'
    );
EXCEPTION WHEN check_violation THEN
    NULL;
END $$;
