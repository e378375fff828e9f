-- What the axles say of the vehicle's class, how surely, and the evidence of each flag.
-- Passages from before had no measured class: what stood there came with the station's
-- verdict, and stays.
ALTER TABLE passages ADD COLUMN vehicle_class_probability float8;
ALTER TABLE passages ADD COLUMN findings jsonb NOT NULL DEFAULT '[]';
