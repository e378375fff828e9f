-- A crossing does not always show how fast a vehicle was and how its axles stand. What
-- is not known is null; passages from before keep what they came with.
ALTER TABLE passages
    ALTER COLUMN speed_mps DROP NOT NULL,
    ALTER COLUMN axle_spacings_m DROP NOT NULL,
    ALTER COLUMN axle_groups DROP NOT NULL,
    ALTER COLUMN axle_configuration DROP NOT NULL;
