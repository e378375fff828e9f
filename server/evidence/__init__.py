"""Evidence 证据: files under their SHA-256, announced before they are taken."""
