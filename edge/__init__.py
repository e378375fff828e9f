"""The roadside daemon: devices above, a durable outbox below, MQTT out."""
