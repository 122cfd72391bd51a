-- MCP: the registry of servers, what tenants configure of them, what they offer, and what was called.

CREATE TYPE mcp_transport AS ENUM ('STDIO', 'SSE', 'STREAMABLE_HTTP');

CREATE TYPE mcp_server_category AS ENUM ('SYSTEM', 'INTEGRATION', 'DATA', 'DEVELOPMENT', 'COMMUNICATION', 'OTHER');

CREATE TYPE mcp_server_status AS ENUM ('ACTIVE', 'DEPRECATED', 'DISABLED');

-- Whether the current person runs the platform. An API key never does.
CREATE FUNCTION app.is_platform_admin() RETURNS boolean LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
  SELECT app.current_api_key_id() IS NULL AND EXISTS (
    SELECT FROM public.users u WHERE u.id = app.current_user_id() AND u.is_platform_admin AND u.status = 'ACTIVE'
  );
END;
GRANT EXECUTE ON FUNCTION app.is_platform_admin() TO agentbase_app;

CREATE TABLE mcp_servers (
  id uuid NOT NULL,
  tenant_id uuid,
  name varchar(200) NOT NULL,
  slug varchar(63) NOT NULL,
  description text,
  version varchar(50),
  category mcp_server_category NOT NULL DEFAULT 'INTEGRATION',
  transport mcp_transport NOT NULL,
  command varchar(500),
  args text[] NOT NULL DEFAULT '{}',
  url varchar(2048),
  config_schema jsonb NOT NULL DEFAULT '{}',
  status mcp_server_status NOT NULL DEFAULT 'ACTIVE',
  is_public boolean NOT NULL DEFAULT false,
  documentation_url varchar(2048),
  repository_url varchar(2048),
  metadata jsonb NOT NULL DEFAULT '{}',
  created_by_id uuid,
  created_at timestamptz(6) NOT NULL DEFAULT CURRENT_TIMESTAMP,
  updated_at timestamptz(6) NOT NULL DEFAULT CURRENT_TIMESTAMP,
  CONSTRAINT mcp_servers_pkey PRIMARY KEY (id)
);
-- The platform's names are unique among themselves as well.
CREATE UNIQUE INDEX mcp_servers_tenant_id_slug_key ON mcp_servers(tenant_id, slug) NULLS NOT DISTINCT;
CREATE INDEX mcp_servers_name_id_idx ON mcp_servers(name, id);
CREATE INDEX mcp_servers_created_at_id_idx ON mcp_servers(created_at, id);
CREATE INDEX mcp_servers_created_by_id_idx ON mcp_servers(created_by_id);
ALTER TABLE mcp_servers ADD CONSTRAINT mcp_servers_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES tenants(id) ON DELETE CASCADE;
ALTER TABLE mcp_servers ADD CONSTRAINT mcp_servers_created_by_id_fkey FOREIGN KEY (created_by_id) REFERENCES users(id) ON DELETE SET NULL;

CREATE TABLE mcp_server_configs (
  tenant_id uuid NOT NULL,
  id uuid NOT NULL,
  server_id uuid NOT NULL,
  enabled boolean NOT NULL DEFAULT true,
  config jsonb NOT NULL DEFAULT '{}',
  secrets text,
  secret_names text[] NOT NULL DEFAULT '{}',
  env text,
  env_names text[] NOT NULL DEFAULT '{}',
  oauth jsonb,
  oauth_secret text,
  sealed_with varchar(100),
  limits jsonb NOT NULL DEFAULT '{}',
  allowed_user_ids uuid[] NOT NULL DEFAULT '{}',
  revision integer NOT NULL DEFAULT 1,
  refreshed_at timestamptz(6),
  refresh_error varchar(2000),
  created_by_id uuid,
  created_at timestamptz(6) NOT NULL DEFAULT CURRENT_TIMESTAMP,
  updated_at timestamptz(6) NOT NULL DEFAULT CURRENT_TIMESTAMP,
  CONSTRAINT mcp_server_configs_pkey PRIMARY KEY (tenant_id, id)
);
CREATE UNIQUE INDEX mcp_server_configs_tenant_id_server_id_key ON mcp_server_configs(tenant_id, server_id);
CREATE INDEX mcp_server_configs_server_id_idx ON mcp_server_configs(server_id);
CREATE INDEX mcp_server_configs_created_by_id_idx ON mcp_server_configs(created_by_id);
ALTER TABLE mcp_server_configs ADD CONSTRAINT mcp_server_configs_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES tenants(id) ON DELETE CASCADE;
ALTER TABLE mcp_server_configs ADD CONSTRAINT mcp_server_configs_server_id_fkey FOREIGN KEY (server_id) REFERENCES mcp_servers(id) ON DELETE CASCADE;
ALTER TABLE mcp_server_configs ADD CONSTRAINT mcp_server_configs_created_by_id_fkey FOREIGN KEY (created_by_id) REFERENCES users(id) ON DELETE SET NULL;

CREATE TABLE mcp_tools (
  tenant_id uuid NOT NULL,
  id uuid NOT NULL,
  config_id uuid NOT NULL,
  name varchar(200) NOT NULL,
  title varchar(500),
  description text,
  input_schema jsonb NOT NULL DEFAULT '{"type":"object"}',
  output_schema jsonb,
  annotations jsonb NOT NULL DEFAULT '{}',
  definition_hash char(64) NOT NULL,
  approved_hash char(64),
  approved_at timestamptz(6),
  approved_by_id uuid,
  requires_approval boolean NOT NULL DEFAULT false,
  enabled boolean NOT NULL DEFAULT true,
  offered boolean NOT NULL DEFAULT true,
  created_at timestamptz(6) NOT NULL DEFAULT CURRENT_TIMESTAMP,
  updated_at timestamptz(6) NOT NULL DEFAULT CURRENT_TIMESTAMP,
  CONSTRAINT mcp_tools_pkey PRIMARY KEY (tenant_id, id)
);
CREATE UNIQUE INDEX mcp_tools_tenant_id_config_id_name_key ON mcp_tools(tenant_id, config_id, name);
CREATE INDEX mcp_tools_tenant_id_name_id_idx ON mcp_tools(tenant_id, name, id);
CREATE INDEX mcp_tools_approved_by_id_idx ON mcp_tools(approved_by_id);
ALTER TABLE mcp_tools ADD CONSTRAINT mcp_tools_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES tenants(id) ON DELETE CASCADE;
ALTER TABLE mcp_tools ADD CONSTRAINT mcp_tools_tenant_id_config_id_fkey FOREIGN KEY (tenant_id, config_id) REFERENCES mcp_server_configs(tenant_id, id) ON DELETE CASCADE;
ALTER TABLE mcp_tools ADD CONSTRAINT mcp_tools_approved_by_id_fkey FOREIGN KEY (approved_by_id) REFERENCES users(id) ON DELETE SET NULL;

CREATE TABLE mcp_resources (
  tenant_id uuid NOT NULL,
  id uuid NOT NULL,
  config_id uuid NOT NULL,
  uri varchar(2048) NOT NULL,
  name varchar(500) NOT NULL,
  title varchar(500),
  description text,
  mime_type varchar(200),
  offered boolean NOT NULL DEFAULT true,
  created_at timestamptz(6) NOT NULL DEFAULT CURRENT_TIMESTAMP,
  updated_at timestamptz(6) NOT NULL DEFAULT CURRENT_TIMESTAMP,
  CONSTRAINT mcp_resources_pkey PRIMARY KEY (tenant_id, id)
);
CREATE UNIQUE INDEX mcp_resources_tenant_id_config_id_uri_key ON mcp_resources(tenant_id, config_id, uri);
ALTER TABLE mcp_resources ADD CONSTRAINT mcp_resources_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES tenants(id) ON DELETE CASCADE;
ALTER TABLE mcp_resources ADD CONSTRAINT mcp_resources_tenant_id_config_id_fkey FOREIGN KEY (tenant_id, config_id) REFERENCES mcp_server_configs(tenant_id, id) ON DELETE CASCADE;

CREATE TABLE mcp_tool_executions (
  tenant_id uuid NOT NULL,
  id uuid NOT NULL,
  config_id uuid NOT NULL,
  agent_id uuid,
  conversation_id uuid,
  message_id uuid,
  user_id uuid,
  tool_name varchar(200) NOT NULL,
  parameters jsonb NOT NULL DEFAULT '{}',
  result jsonb,
  status execution_status NOT NULL,
  error_code varchar(50),
  error_message text,
  duration_ms integer NOT NULL DEFAULT 0,
  server_instance varchar(200),
  started_at timestamptz(6) NOT NULL DEFAULT CURRENT_TIMESTAMP,
  completed_at timestamptz(6) NOT NULL DEFAULT CURRENT_TIMESTAMP,
  metadata jsonb NOT NULL DEFAULT '{}',
  created_at timestamptz(6) NOT NULL DEFAULT CURRENT_TIMESTAMP,
  CONSTRAINT mcp_tool_executions_pkey PRIMARY KEY (tenant_id, id)
) PARTITION BY RANGE (id);
CREATE INDEX mcp_tool_executions_tenant_id_config_id_id_idx ON mcp_tool_executions(tenant_id, config_id, id);
CREATE INDEX mcp_tool_executions_tenant_id_agent_id_id_idx ON mcp_tool_executions(tenant_id, agent_id, id);
CREATE INDEX mcp_tool_executions_tenant_id_conversation_id_id_idx ON mcp_tool_executions(tenant_id, conversation_id, id);
CREATE INDEX mcp_tool_executions_tenant_id_message_id_id_idx ON mcp_tool_executions(tenant_id, message_id, id);
CREATE INDEX mcp_tool_executions_tenant_id_tool_name_id_idx ON mcp_tool_executions(tenant_id, tool_name, id);
CREATE INDEX mcp_tool_executions_user_id_idx ON mcp_tool_executions(user_id);
ALTER TABLE mcp_tool_executions ADD CONSTRAINT mcp_tool_executions_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES tenants(id) ON DELETE CASCADE;
ALTER TABLE mcp_tool_executions ADD CONSTRAINT mcp_tool_executions_tenant_id_config_id_fkey FOREIGN KEY (tenant_id, config_id) REFERENCES mcp_server_configs(tenant_id, id) ON DELETE CASCADE;
ALTER TABLE mcp_tool_executions ADD CONSTRAINT mcp_tool_executions_tenant_id_agent_id_fkey FOREIGN KEY (tenant_id, agent_id) REFERENCES agents(tenant_id, id) ON DELETE SET NULL (agent_id);
ALTER TABLE mcp_tool_executions ADD CONSTRAINT mcp_tool_executions_tenant_id_conversation_id_fkey FOREIGN KEY (tenant_id, conversation_id) REFERENCES conversations(tenant_id, id) ON DELETE CASCADE;
ALTER TABLE mcp_tool_executions ADD CONSTRAINT mcp_tool_executions_tenant_id_message_id_fkey FOREIGN KEY (tenant_id, message_id) REFERENCES messages(tenant_id, id) ON DELETE SET NULL (message_id);
ALTER TABLE mcp_tool_executions ADD CONSTRAINT mcp_tool_executions_user_id_fkey FOREIGN KEY (user_id) REFERENCES users(id) ON DELETE SET NULL;

ALTER TABLE mcp_servers
  ADD CONSTRAINT mcp_servers_name_check CHECK (length(btrim(name)) > 0),
  ADD CONSTRAINT mcp_servers_slug_check CHECK (app.is_slug(slug)),
  -- A command runs on the platform's machines: only the platform may say which.
  ADD CONSTRAINT mcp_servers_tenant_check CHECK (tenant_id IS NULL OR (transport <> 'STDIO' AND NOT is_public)),
  ADD CONSTRAINT mcp_servers_stdio_check CHECK ((transport = 'STDIO') = (command IS NOT NULL)),
  ADD CONSTRAINT mcp_servers_remote_check CHECK ((transport = 'STDIO') = (url IS NULL) AND (transport = 'STDIO' OR cardinality(args) = 0)),
  ADD CONSTRAINT mcp_servers_args_check CHECK (cardinality(args) <= 100 AND array_position(args, NULL) IS NULL),
  ADD CONSTRAINT mcp_servers_url_check CHECK (url ~ '^https?://'),
  ADD CONSTRAINT mcp_servers_links_check CHECK (documentation_url ~ '^https?://' AND repository_url ~ '^https?://'),
  ADD CONSTRAINT mcp_servers_config_schema_check CHECK (jsonb_typeof(config_schema) = 'object'),
  ADD CONSTRAINT mcp_servers_metadata_check CHECK (jsonb_typeof(metadata) = 'object');
ALTER TABLE mcp_server_configs
  ADD CONSTRAINT mcp_server_configs_config_check CHECK (jsonb_typeof(config) = 'object'),
  ADD CONSTRAINT mcp_server_configs_limits_check CHECK (jsonb_typeof(limits) = 'object'),
  -- Compact JWE: five parts. Nothing in the clear fits in here.
  ADD CONSTRAINT mcp_server_configs_secrets_check CHECK (secrets ~ '^[\w-]+(\.[\w-]*){4}$' AND (secrets IS NULL) = (cardinality(secret_names) = 0)),
  ADD CONSTRAINT mcp_server_configs_env_check CHECK (env ~ '^[\w-]+(\.[\w-]*){4}$' AND (env IS NULL) = (cardinality(env_names) = 0)),
  ADD CONSTRAINT mcp_server_configs_sealed_with_check CHECK ((sealed_with IS NULL) = (secrets IS NULL AND env IS NULL AND oauth_secret IS NULL)),
  ADD CONSTRAINT mcp_server_configs_oauth_check CHECK (oauth IS NULL OR coalesce(
    jsonb_typeof(oauth) = 'object' AND oauth ->> 'issuer' ~ '^https?://' AND length(oauth ->> 'clientId') > 0, false)),
  ADD CONSTRAINT mcp_server_configs_oauth_secret_check CHECK (oauth_secret ~ '^[\w-]+(\.[\w-]*){4}$' AND (oauth IS NULL) = (oauth_secret IS NULL)),
  ADD CONSTRAINT mcp_server_configs_allowed_user_ids_check CHECK (cardinality(allowed_user_ids) <= 1000 AND array_position(allowed_user_ids, NULL) IS NULL),
  ADD CONSTRAINT mcp_server_configs_revision_check CHECK (revision > 0);
ALTER TABLE mcp_tools
  ADD CONSTRAINT mcp_tools_name_check CHECK (length(btrim(name)) > 0),
  ADD CONSTRAINT mcp_tools_input_schema_check CHECK (jsonb_typeof(input_schema) = 'object'),
  ADD CONSTRAINT mcp_tools_output_schema_check CHECK (jsonb_typeof(output_schema) = 'object'),
  ADD CONSTRAINT mcp_tools_annotations_check CHECK (jsonb_typeof(annotations) = 'object'),
  ADD CONSTRAINT mcp_tools_definition_hash_check CHECK (definition_hash ~ '^[0-9a-f]{64}$'),
  ADD CONSTRAINT mcp_tools_approved_check CHECK (approved_hash ~ '^[0-9a-f]{64}$' AND (approved_hash IS NULL) = (approved_at IS NULL));
ALTER TABLE mcp_resources
  ADD CONSTRAINT mcp_resources_uri_check CHECK (length(uri) > 0 AND octet_length(uri) <= 2048);
ALTER TABLE mcp_tool_executions
  ADD CONSTRAINT mcp_tool_executions_tool_name_check CHECK (length(btrim(tool_name)) > 0),
  ADD CONSTRAINT mcp_tool_executions_parameters_check CHECK (jsonb_typeof(parameters) = 'object'),
  ADD CONSTRAINT mcp_tool_executions_error_check CHECK ((status = 'SUCCESS') = (error_code IS NULL) AND (error_code IS NULL) = (error_message IS NULL)),
  ADD CONSTRAINT mcp_tool_executions_duration_ms_check CHECK (duration_ms >= 0),
  ADD CONSTRAINT mcp_tool_executions_completed_at_check CHECK (completed_at >= started_at),
  ADD CONSTRAINT mcp_tool_executions_metadata_check CHECK (jsonb_typeof(metadata) = 'object');

-- Row security -----------------------------------------------------------------------------------------------------------
-- A tenant sees its own servers and those the platform shows to all; only the platform's people see and change the platform's.

ALTER TABLE mcp_servers ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY visible ON mcp_servers FOR SELECT TO agentbase_app USING (
  tenant_id = (SELECT app.current_tenant_id())
  OR (tenant_id IS NULL AND (SELECT app.current_tenant_id()) IS NOT NULL AND (is_public OR (SELECT app.is_platform_admin()))));
CREATE POLICY add_own ON mcp_servers FOR INSERT TO agentbase_app WITH CHECK (
  tenant_id = (SELECT app.current_tenant_id()) OR (tenant_id IS NULL AND (SELECT app.is_platform_admin())));
CREATE POLICY change_own ON mcp_servers FOR UPDATE TO agentbase_app
  USING (tenant_id = (SELECT app.current_tenant_id()) OR (tenant_id IS NULL AND (SELECT app.is_platform_admin())))
  WITH CHECK (tenant_id = (SELECT app.current_tenant_id()) OR (tenant_id IS NULL AND (SELECT app.is_platform_admin())));
CREATE TRIGGER touch_updated_at BEFORE UPDATE ON mcp_servers FOR EACH ROW EXECUTE FUNCTION app.touch_updated_at();

SELECT app.isolate('mcp_server_configs');
SELECT app.isolate('mcp_tools');
SELECT app.isolate('mcp_resources');
SELECT app.isolate('mcp_tool_executions');

SELECT app.partition_by_month('mcp_tool_executions');

GRANT SELECT, INSERT ON mcp_servers TO agentbase_app;
GRANT UPDATE (name, slug, description, version, category, transport, command, args, url, config_schema, status, is_public,
  documentation_url, repository_url, metadata, updated_at) ON mcp_servers TO agentbase_app;
GRANT SELECT, INSERT ON mcp_server_configs TO agentbase_app;
GRANT UPDATE (enabled, config, secrets, secret_names, env, env_names, oauth, oauth_secret, sealed_with, limits, allowed_user_ids, revision,
  refreshed_at, refresh_error, updated_at) ON mcp_server_configs TO agentbase_app;
GRANT SELECT, INSERT ON mcp_tools, mcp_resources TO agentbase_app;
GRANT UPDATE (title, description, input_schema, output_schema, annotations, definition_hash, approved_hash, approved_at, approved_by_id,
  requires_approval, enabled, offered, updated_at) ON mcp_tools TO agentbase_app;
GRANT UPDATE (name, title, description, mime_type, offered, updated_at) ON mcp_resources TO agentbase_app;
-- What was called stays as it was.
GRANT SELECT, INSERT ON mcp_tool_executions TO agentbase_app;

-- The key to a server is its id alone, so a foreign key cannot tell whose it is. This does, whoever writes.
CREATE FUNCTION app.require_reachable_mcp_server() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF NOT EXISTS (SELECT FROM mcp_servers s WHERE s.id = NEW.server_id AND (s.tenant_id IS NULL OR s.tenant_id = NEW.tenant_id)) THEN
    RAISE EXCEPTION 'MCP server % does not exist', NEW.server_id USING ERRCODE = 'foreign_key_violation';
  END IF;
  RETURN NEW;
END
$$;
CREATE TRIGGER require_reachable_mcp_server BEFORE INSERT OR UPDATE OF server_id ON mcp_server_configs
  FOR EACH ROW EXECUTE FUNCTION app.require_reachable_mcp_server();

-- Open connections belong to a revision: what changes how a server is reached makes the next one.
CREATE FUNCTION app.revise_mcp_config() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  NEW.revision := OLD.revision + 1;
  RETURN NEW;
END
$$;
CREATE TRIGGER revise_mcp_config BEFORE UPDATE ON mcp_server_configs FOR EACH ROW
  WHEN ((OLD.enabled, OLD.config, OLD.secrets, OLD.env, OLD.oauth, OLD.oauth_secret, OLD.limits)
    IS DISTINCT FROM (NEW.enabled, NEW.config, NEW.secrets, NEW.env, NEW.oauth, NEW.oauth_secret, NEW.limits))
  EXECUTE FUNCTION app.revise_mcp_config();

-- Audit ------------------------------------------------------------------------------------------------------------------
CREATE TRIGGER audit AFTER INSERT OR UPDATE OR DELETE ON mcp_servers FOR EACH ROW EXECUTE FUNCTION app.audit('mcp_server');
CREATE TRIGGER audit AFTER INSERT OR UPDATE OR DELETE ON mcp_server_configs FOR EACH ROW EXECUTE FUNCTION app.audit('mcp_server_config',
  '{secrets,env,oauth_secret}', '{revision,refreshed_at,refresh_error}');
CREATE TRIGGER audit AFTER INSERT OR UPDATE OR DELETE ON mcp_tools FOR EACH ROW EXECUTE FUNCTION app.audit('mcp_tool');
