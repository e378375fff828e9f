-- Where a station stands, in degrees of WGS-84; unknown until the configuration says.
ALTER TABLE stations
    ADD COLUMN latitude  float8 CHECK (latitude BETWEEN -90 AND 90),
    ADD COLUMN longitude float8 CHECK (longitude BETWEEN -180 AND 180),
    ADD CONSTRAINT place_is_whole CHECK ((latitude IS NULL) = (longitude IS NULL));
