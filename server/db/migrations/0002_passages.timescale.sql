-- Passages in a TimescaleDB hypertable with daily chunks.

CREATE TABLE passages (LIKE passages_shape INCLUDING ALL);
DROP TABLE passages_shape;
SELECT create_hypertable('passages', by_range('passed_at', INTERVAL '1 day'));

-- Chunks make themselves.
CREATE FUNCTION luheng_prepare_day(day date) RETURNS void LANGUAGE sql AS '';
