"""How good weighing is: measured against the truth, by the standards' own formulas."""
