"""Ingest: from the broker into the database, and only then the receipt."""
