-- The server sends a temperature only if the agent sets one: some models reject the parameter. The former default 0.7 becomes null, as does an explicit
-- 0.7, which is indistinguishable. ALTER TYPE rewrites all rows without row-level security and audit rows.
ALTER TABLE agents ALTER COLUMN temperature DROP DEFAULT;
ALTER TABLE agents ALTER COLUMN temperature DROP NOT NULL;
ALTER TABLE agents ALTER COLUMN temperature TYPE double precision USING nullif(temperature, 0.7);

ALTER TABLE agents ADD COLUMN context_tokens integer;
ALTER TABLE agents ADD CONSTRAINT agents_context_tokens_check CHECK (context_tokens BETWEEN 256 AND 10000000);

-- No code reads it.
ALTER TABLE agents DROP COLUMN memory_enabled;
