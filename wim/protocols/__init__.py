"""Wire protocols of sensors, and files of records: sans-IO, bytes in, events out."""
