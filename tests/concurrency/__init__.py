"""Many at once, in several processes, some of them killed: what is stored must be what the evidence says, whoever wrote it and when."""
