"""Who is in memory now, and who may use it: a synchronous core, and a thin shell around it."""
