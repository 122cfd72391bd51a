ALTER TABLE agents ADD COLUMN memory_enabled boolean NOT NULL DEFAULT false;

ALTER TABLE agents DROP COLUMN context_tokens;

ALTER TABLE agents ALTER COLUMN temperature TYPE double precision USING coalesce(temperature, 0.7);
ALTER TABLE agents ALTER COLUMN temperature SET DEFAULT 0.7;
ALTER TABLE agents ALTER COLUMN temperature SET NOT NULL;
