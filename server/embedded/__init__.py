"""PostgreSQL and an MQTT broker as children of the server, for one box and the demo."""
