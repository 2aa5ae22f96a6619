-- What version 4 changes: claims that hold nobody together are found by their keys, those of generic identifiers among them.

DROP INDEX evidence_mention_loose;
