-- What version 2 adds to schema.sql.

CREATE INDEX request_made ON node (body ->> 'made') WHERE label = 'Request';
