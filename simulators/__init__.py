"""The hardware simulator: trucks, strips, cameras and scales with known truth."""
