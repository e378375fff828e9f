"""Source enterprises 货运源头单位 and the weighings of their scales."""
