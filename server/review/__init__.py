"""Review 初审、审核、判定: one record, three different people."""
