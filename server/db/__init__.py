"""The database: pool, migrations, named SQL, events."""
