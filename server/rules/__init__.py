"""Rules: the table in force at the passing time, and the verdict by it."""
