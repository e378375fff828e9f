"""Wire protocols of sensors: sans-IO, bytes in, events out, and back."""
