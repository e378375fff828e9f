-- Lists and figures by time; TimescaleDB has made the first of these itself.
CREATE INDEX IF NOT EXISTS passages_passed_at_idx ON passages (passed_at DESC);
CREATE INDEX passage_alerts_by_time ON passage_ledger (passed_at) WHERE alert;
