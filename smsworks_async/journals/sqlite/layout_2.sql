-- From layout 1 to layout 2.
ALTER TABLE chunk ADD COLUMN lease_seconds REAL NOT NULL DEFAULT 0;
ALTER TABLE chunk ADD COLUMN ahead REAL;
ALTER TABLE chunk ADD COLUMN restored INTEGER NOT NULL DEFAULT 0;
ALTER TABLE campaign ADD COLUMN restored INTEGER NOT NULL DEFAULT 0;
ALTER TABLE chunk ADD COLUMN doubles TEXT;
CREATE INDEX chunk_with_doubles ON chunk (doubles) WHERE doubles IS NOT NULL;
UPDATE chunk SET doubles = (
    SELECT json_group_array(detail) FROM event
    WHERE (event.campaign, event.number) = (chunk.campaign, chunk.number)
        AND what = 'accepted a second time'
) WHERE (campaign, number) IN (
    SELECT campaign, number FROM event WHERE what = 'accepted a second time'
);
ALTER TABLE seen ADD COLUMN owner TEXT;
ALTER TABLE seen ADD COLUMN lease REAL;
