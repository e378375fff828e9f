"""Cases 案件: opened by a judgement, at most one on a passage."""
