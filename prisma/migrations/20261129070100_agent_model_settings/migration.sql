-- Nothing is sent to a model that nobody set: models refuse a temperature that they do not know. The former default cannot be told from the same
-- value set by somebody. The change of type reaches all rows, past row-level security and audit.
ALTER TABLE agents ALTER COLUMN temperature DROP DEFAULT;
ALTER TABLE agents ALTER COLUMN temperature DROP NOT NULL;
ALTER TABLE agents ALTER COLUMN temperature TYPE double precision USING nullif(temperature, 0.7);

ALTER TABLE agents ADD COLUMN context_tokens integer;
ALTER TABLE agents ADD CONSTRAINT agents_context_tokens_check CHECK (context_tokens BETWEEN 256 AND 10000000);

-- Nothing ever read it.
ALTER TABLE agents DROP COLUMN memory_enabled;
