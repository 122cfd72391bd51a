-- Agents and their published versions.

CREATE TYPE agent_kind AS ENUM ('ASSISTANT', 'BROWSER', 'BACKGROUND');

CREATE TYPE agent_status AS ENUM ('ACTIVE', 'INACTIVE', 'ARCHIVED');

CREATE TABLE agents (
  tenant_id uuid NOT NULL,
  id uuid NOT NULL,
  name varchar(200) NOT NULL,
  slug varchar(63) NOT NULL,
  description text,
  kind agent_kind NOT NULL DEFAULT 'ASSISTANT',
  provider varchar(50) NOT NULL,
  model varchar(100) NOT NULL,
  temperature double precision NOT NULL DEFAULT 0.7,
  max_tokens integer,
  system_prompt text,
  capabilities jsonb NOT NULL DEFAULT '[]',
  tools jsonb NOT NULL DEFAULT '[]',
  timeout_ms integer NOT NULL DEFAULT 120000,
  max_iterations integer NOT NULL DEFAULT 10,
  memory_enabled boolean NOT NULL DEFAULT false,
  status agent_status NOT NULL DEFAULT 'ACTIVE',
  version integer NOT NULL DEFAULT 0,
  tags text[] DEFAULT ARRAY[]::text[],
  config jsonb NOT NULL DEFAULT '{}',
  metadata jsonb NOT NULL DEFAULT '{}',
  created_by_id uuid,
  created_at timestamptz(6) NOT NULL DEFAULT CURRENT_TIMESTAMP,
  updated_at timestamptz(6) NOT NULL DEFAULT CURRENT_TIMESTAMP,
  CONSTRAINT agents_pkey PRIMARY KEY (tenant_id, id)
);
CREATE INDEX agents_tenant_id_created_at_id_idx ON agents(tenant_id, created_at, id);
CREATE INDEX agents_tenant_id_name_id_idx ON agents(tenant_id, name, id);
CREATE INDEX agents_tenant_id_updated_at_id_idx ON agents(tenant_id, updated_at, id);
CREATE INDEX agents_created_by_id_idx ON agents(created_by_id);
CREATE UNIQUE INDEX agents_tenant_id_slug_key ON agents(tenant_id, slug);
ALTER TABLE agents ADD CONSTRAINT agents_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES tenants(id) ON DELETE CASCADE;
ALTER TABLE agents ADD CONSTRAINT agents_created_by_id_fkey FOREIGN KEY (created_by_id) REFERENCES users(id) ON DELETE SET NULL;

CREATE TABLE agent_versions (
  tenant_id uuid NOT NULL,
  id uuid NOT NULL,
  agent_id uuid NOT NULL,
  number integer NOT NULL,
  snapshot jsonb NOT NULL,
  notes text,
  published_by_id uuid,
  created_at timestamptz(6) NOT NULL DEFAULT CURRENT_TIMESTAMP,
  CONSTRAINT agent_versions_pkey PRIMARY KEY (tenant_id, id)
);
CREATE INDEX agent_versions_published_by_id_idx ON agent_versions(published_by_id);
CREATE UNIQUE INDEX agent_versions_tenant_id_agent_id_number_key ON agent_versions(tenant_id, agent_id, number);
ALTER TABLE agent_versions ADD CONSTRAINT agent_versions_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES tenants(id) ON DELETE CASCADE;
ALTER TABLE agent_versions ADD CONSTRAINT agent_versions_tenant_id_agent_id_fkey FOREIGN KEY (tenant_id, agent_id) REFERENCES agents(tenant_id, id) ON DELETE CASCADE;
ALTER TABLE agent_versions ADD CONSTRAINT agent_versions_published_by_id_fkey FOREIGN KEY (published_by_id) REFERENCES users(id) ON DELETE SET NULL;

ALTER TABLE agents
  ADD CONSTRAINT agents_name_check CHECK (length(btrim(name)) > 0),
  ADD CONSTRAINT agents_slug_check CHECK (app.is_slug(slug)),
  ADD CONSTRAINT agents_temperature_check CHECK (temperature BETWEEN 0 AND 2),
  ADD CONSTRAINT agents_max_tokens_check CHECK (max_tokens > 0),
  ADD CONSTRAINT agents_timeout_ms_check CHECK (timeout_ms BETWEEN 1 AND 86400000),
  ADD CONSTRAINT agents_max_iterations_check CHECK (max_iterations BETWEEN 1 AND 1000),
  ADD CONSTRAINT agents_version_check CHECK (version >= 0),
  ADD CONSTRAINT agents_tags_check CHECK (cardinality(tags) <= 50 AND array_position(tags, NULL) IS NULL),
  ADD CONSTRAINT agents_capabilities_check CHECK (jsonb_typeof(capabilities) = 'array'),
  ADD CONSTRAINT agents_tools_check CHECK (jsonb_typeof(tools) = 'array'),
  ADD CONSTRAINT agents_config_check CHECK (jsonb_typeof(config) = 'object'),
  ADD CONSTRAINT agents_metadata_check CHECK (jsonb_typeof(metadata) = 'object');
ALTER TABLE agent_versions
  ADD CONSTRAINT agent_versions_number_check CHECK (number > 0),
  ADD CONSTRAINT agent_versions_snapshot_check CHECK (jsonb_typeof(snapshot) = 'object');

SELECT app.isolate('agents');
SELECT app.isolate('agent_versions');

GRANT SELECT, INSERT, UPDATE ON agents TO agentbase_app;
-- A published version never changes: no UPDATE, no DELETE.
GRANT SELECT, INSERT ON agent_versions TO agentbase_app;

-- Version numbers follow the agent's row, under its lock: 1, 2, 3 … without gaps or repetition.
CREATE FUNCTION app.number_agent_version() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  UPDATE agents SET version = version + 1 WHERE tenant_id = NEW.tenant_id AND id = NEW.agent_id
  RETURNING version INTO NEW.number;
  IF NOT FOUND THEN
    RAISE EXCEPTION 'agent % does not exist', NEW.agent_id USING ERRCODE = 'foreign_key_violation';
  END IF;
  RETURN NEW;
END
$$;
CREATE TRIGGER number_agent_version BEFORE INSERT ON agent_versions FOR EACH ROW EXECUTE FUNCTION app.number_agent_version();
