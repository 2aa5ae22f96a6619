-- What version 4 changes: claims that were taken back are listed by their keys, which needs no index of its own.

DROP INDEX evidence_mention_loose;
