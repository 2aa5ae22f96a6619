"""How identities come in: login codes, backfills, imports."""
