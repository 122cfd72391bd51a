-- Runs of agents: what was asked, the calls of models and tools it took, what it cost, and the answer while it is being written.

CREATE TYPE run_status AS ENUM ('QUEUED', 'RUNNING', 'WAITING_APPROVAL', 'COMPLETED', 'FAILED', 'CANCELLED');

CREATE TYPE run_trigger AS ENUM ('MESSAGE', 'API');

CREATE TYPE tool_source AS ENUM ('BUILT_IN', 'KNOWLEDGE', 'MCP', 'UNKNOWN');

CREATE TYPE tool_call_status AS ENUM ('PENDING', 'WAITING_APPROVAL', 'RUNNING', 'SUCCEEDED', 'FAILED', 'TIMED_OUT', 'REJECTED', 'INTERRUPTED',
  'CANCELLED');

CREATE TYPE busy_policy AS ENUM ('QUEUE', 'INTERRUPT');

ALTER TYPE conversation_event_type ADD VALUE 'RUN_CHANGED';

ALTER TABLE agents ADD COLUMN when_busy busy_policy NOT NULL DEFAULT 'QUEUE';
ALTER TABLE agents ADD COLUMN max_run_tokens bigint;
ALTER TABLE agents ADD CONSTRAINT agents_max_run_tokens_check CHECK (max_run_tokens > 0);

CREATE TABLE agent_runs (
  tenant_id uuid NOT NULL,
  id uuid NOT NULL,
  agent_id uuid NOT NULL,
  conversation_id uuid,
  message_id uuid,
  trigger run_trigger NOT NULL DEFAULT 'API',
  status run_status NOT NULL DEFAULT 'QUEUED',
  input jsonb NOT NULL DEFAULT '{}',
  output jsonb,
  error_code varchar(50),
  error_message varchar(2000),
  iterations integer NOT NULL DEFAULT 0,
  input_tokens bigint NOT NULL DEFAULT 0,
  output_tokens bigint NOT NULL DEFAULT 0,
  cached_tokens bigint NOT NULL DEFAULT 0,
  cost_usd numeric(18,6) NOT NULL DEFAULT 0,
  lease_owner uuid,
  lease_expires_at timestamptz(6),
  cancel_requested_at timestamptz(6),
  idempotency_key varchar(255),
  user_id uuid,
  api_key_id uuid,
  change_sequence integer NOT NULL DEFAULT 1,
  metadata jsonb NOT NULL DEFAULT '{}',
  started_at timestamptz(6),
  completed_at timestamptz(6),
  duration_ms integer,
  created_at timestamptz(6) NOT NULL DEFAULT CURRENT_TIMESTAMP,
  updated_at timestamptz(6) NOT NULL DEFAULT CURRENT_TIMESTAMP,
  CONSTRAINT agent_runs_pkey PRIMARY KEY (tenant_id, id)
);
CREATE INDEX agent_runs_tenant_id_created_at_id_idx ON agent_runs(tenant_id, created_at, id);
CREATE INDEX agent_runs_tenant_id_agent_id_created_at_id_idx ON agent_runs(tenant_id, agent_id, created_at, id);
CREATE INDEX agent_runs_tenant_id_conversation_id_created_at_id_idx ON agent_runs(tenant_id, conversation_id, created_at, id);
CREATE INDEX agent_runs_tenant_id_message_id_idx ON agent_runs(tenant_id, message_id);
CREATE INDEX agent_runs_user_id_idx ON agent_runs(user_id);
CREATE INDEX agent_runs_tenant_id_api_key_id_idx ON agent_runs(tenant_id, api_key_id);
CREATE UNIQUE INDEX agent_runs_tenant_id_idempotency_key_key ON agent_runs(tenant_id, idempotency_key);
ALTER TABLE agent_runs ADD CONSTRAINT agent_runs_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES tenants(id) ON DELETE CASCADE;
ALTER TABLE agent_runs ADD CONSTRAINT agent_runs_tenant_id_agent_id_fkey FOREIGN KEY (tenant_id, agent_id) REFERENCES agents(tenant_id, id) ON DELETE NO ACTION;
ALTER TABLE agent_runs ADD CONSTRAINT agent_runs_tenant_id_conversation_id_fkey FOREIGN KEY (tenant_id, conversation_id) REFERENCES conversations(tenant_id, id) ON DELETE CASCADE;
ALTER TABLE agent_runs ADD CONSTRAINT agent_runs_tenant_id_message_id_fkey FOREIGN KEY (tenant_id, message_id) REFERENCES messages(tenant_id, id) ON DELETE NO ACTION;
ALTER TABLE agent_runs ADD CONSTRAINT agent_runs_user_id_fkey FOREIGN KEY (user_id) REFERENCES users(id) ON DELETE SET NULL;
ALTER TABLE agent_runs ADD CONSTRAINT agent_runs_tenant_id_api_key_id_fkey FOREIGN KEY (tenant_id, api_key_id) REFERENCES api_keys(tenant_id, id) ON DELETE SET NULL (api_key_id);
-- One at a time in a conversation, whatever its workers believe. The others wait.
CREATE UNIQUE INDEX agent_runs_one_active_idx ON agent_runs(tenant_id, conversation_id) WHERE status IN ('RUNNING', 'WAITING_APPROVAL');

CREATE TABLE llm_calls (
  tenant_id uuid NOT NULL,
  id uuid NOT NULL,
  run_id uuid,
  conversation_id uuid,
  agent_id uuid,
  iteration integer NOT NULL DEFAULT 1,
  provider varchar(50) NOT NULL,
  model varchar(150) NOT NULL,
  prompt jsonb NOT NULL DEFAULT '{}',
  response jsonb,
  input_tokens bigint NOT NULL DEFAULT 0,
  output_tokens bigint NOT NULL DEFAULT 0,
  cached_tokens bigint NOT NULL DEFAULT 0,
  cost_usd numeric(18,6) NOT NULL DEFAULT 0,
  latency_ms integer NOT NULL DEFAULT 0,
  first_token_ms integer,
  status execution_status NOT NULL,
  error_code varchar(50),
  error_message varchar(2000),
  created_at timestamptz(6) NOT NULL DEFAULT CURRENT_TIMESTAMP,
  CONSTRAINT llm_calls_pkey PRIMARY KEY (tenant_id, id)
) PARTITION BY RANGE (id);
CREATE INDEX llm_calls_tenant_id_run_id_id_idx ON llm_calls(tenant_id, run_id, id);
CREATE INDEX llm_calls_tenant_id_conversation_id_id_idx ON llm_calls(tenant_id, conversation_id, id);
CREATE INDEX llm_calls_tenant_id_agent_id_id_idx ON llm_calls(tenant_id, agent_id, id);
CREATE INDEX llm_calls_tenant_id_model_id_idx ON llm_calls(tenant_id, model, id);
ALTER TABLE llm_calls ADD CONSTRAINT llm_calls_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES tenants(id) ON DELETE CASCADE;
ALTER TABLE llm_calls ADD CONSTRAINT llm_calls_tenant_id_run_id_fkey FOREIGN KEY (tenant_id, run_id) REFERENCES agent_runs(tenant_id, id) ON DELETE CASCADE;
ALTER TABLE llm_calls ADD CONSTRAINT llm_calls_tenant_id_conversation_id_fkey FOREIGN KEY (tenant_id, conversation_id) REFERENCES conversations(tenant_id, id) ON DELETE CASCADE;
ALTER TABLE llm_calls ADD CONSTRAINT llm_calls_tenant_id_agent_id_fkey FOREIGN KEY (tenant_id, agent_id) REFERENCES agents(tenant_id, id) ON DELETE SET NULL (agent_id);

CREATE TABLE tool_calls (
  tenant_id uuid NOT NULL,
  id uuid NOT NULL,
  run_id uuid NOT NULL,
  iteration integer NOT NULL,
  position integer NOT NULL,
  call_id varchar(200) NOT NULL,
  tool_name varchar(200) NOT NULL,
  source tool_source NOT NULL,
  mcp_tool_id uuid,
  arguments jsonb NOT NULL DEFAULT '{}',
  status tool_call_status NOT NULL DEFAULT 'PENDING',
  output jsonb,
  error_message text,
  decided_by_id uuid,
  decided_at timestamptz(6),
  decision_reason varchar(2000),
  started_at timestamptz(6),
  completed_at timestamptz(6),
  created_at timestamptz(6) NOT NULL DEFAULT CURRENT_TIMESTAMP,
  updated_at timestamptz(6) NOT NULL DEFAULT CURRENT_TIMESTAMP,
  CONSTRAINT tool_calls_pkey PRIMARY KEY (tenant_id, id)
);
CREATE UNIQUE INDEX tool_calls_tenant_id_run_id_iteration_position_key ON tool_calls(tenant_id, run_id, iteration, position);
CREATE INDEX tool_calls_tenant_id_created_at_id_idx ON tool_calls(tenant_id, created_at, id);
CREATE INDEX tool_calls_tenant_id_mcp_tool_id_idx ON tool_calls(tenant_id, mcp_tool_id);
CREATE INDEX tool_calls_decided_by_id_idx ON tool_calls(decided_by_id);
ALTER TABLE tool_calls ADD CONSTRAINT tool_calls_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES tenants(id) ON DELETE CASCADE;
ALTER TABLE tool_calls ADD CONSTRAINT tool_calls_tenant_id_run_id_fkey FOREIGN KEY (tenant_id, run_id) REFERENCES agent_runs(tenant_id, id) ON DELETE CASCADE;
ALTER TABLE tool_calls ADD CONSTRAINT tool_calls_tenant_id_mcp_tool_id_fkey FOREIGN KEY (tenant_id, mcp_tool_id) REFERENCES mcp_tools(tenant_id, id) ON DELETE SET NULL (mcp_tool_id);
ALTER TABLE tool_calls ADD CONSTRAINT tool_calls_decided_by_id_fkey FOREIGN KEY (decided_by_id) REFERENCES users(id) ON DELETE SET NULL;

-- Unlogged: the answer so far is worth nothing after a crash, when the model is asked again.
CREATE UNLOGGED TABLE message_drafts (
  tenant_id uuid NOT NULL,
  id uuid NOT NULL,
  conversation_id uuid NOT NULL,
  run_id uuid NOT NULL,
  content text NOT NULL DEFAULT '',
  version integer NOT NULL DEFAULT 1,
  created_at timestamptz(6) NOT NULL DEFAULT CURRENT_TIMESTAMP,
  updated_at timestamptz(6) NOT NULL DEFAULT CURRENT_TIMESTAMP,
  CONSTRAINT message_drafts_pkey PRIMARY KEY (tenant_id, id)
);
CREATE UNIQUE INDEX message_drafts_tenant_id_conversation_id_key ON message_drafts(tenant_id, conversation_id);
CREATE INDEX message_drafts_tenant_id_run_id_idx ON message_drafts(tenant_id, run_id);
ALTER TABLE message_drafts ADD CONSTRAINT message_drafts_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES tenants(id) ON DELETE CASCADE;
ALTER TABLE message_drafts ADD CONSTRAINT message_drafts_tenant_id_conversation_id_fkey FOREIGN KEY (tenant_id, conversation_id) REFERENCES conversations(tenant_id, id) ON DELETE CASCADE;
ALTER TABLE message_drafts ADD CONSTRAINT message_drafts_tenant_id_run_id_fkey FOREIGN KEY (tenant_id, run_id) REFERENCES agent_runs(tenant_id, id) ON DELETE CASCADE;

CREATE TABLE model_prices (
  id uuid NOT NULL,
  provider varchar(50) NOT NULL,
  model varchar(150) NOT NULL,
  input_per_million_usd numeric(18,6) NOT NULL,
  output_per_million_usd numeric(18,6) NOT NULL,
  cached_input_per_million_usd numeric(18,6),
  effective_from timestamptz(6) NOT NULL DEFAULT CURRENT_TIMESTAMP,
  created_at timestamptz(6) NOT NULL DEFAULT CURRENT_TIMESTAMP,
  updated_at timestamptz(6) NOT NULL DEFAULT CURRENT_TIMESTAMP,
  CONSTRAINT model_prices_pkey PRIMARY KEY (id)
);
CREATE UNIQUE INDEX model_prices_provider_model_effective_from_key ON model_prices(provider, model, effective_from);

-- Where a run left something behind.
ALTER TABLE messages ADD COLUMN run_id uuid;
CREATE INDEX messages_tenant_id_run_id_idx ON messages(tenant_id, run_id);
ALTER TABLE messages ADD CONSTRAINT messages_tenant_id_run_id_fkey FOREIGN KEY (tenant_id, run_id) REFERENCES agent_runs(tenant_id, id) ON DELETE NO ACTION;
ALTER TABLE tool_executions ADD COLUMN run_id uuid;
CREATE INDEX tool_executions_tenant_id_run_id_id_idx ON tool_executions(tenant_id, run_id, id);
ALTER TABLE tool_executions ADD CONSTRAINT tool_executions_tenant_id_run_id_fkey FOREIGN KEY (tenant_id, run_id) REFERENCES agent_runs(tenant_id, id) ON DELETE CASCADE;
ALTER TABLE mcp_tool_executions ADD COLUMN run_id uuid;
CREATE INDEX mcp_tool_executions_tenant_id_run_id_id_idx ON mcp_tool_executions(tenant_id, run_id, id);
ALTER TABLE mcp_tool_executions ADD CONSTRAINT mcp_tool_executions_tenant_id_run_id_fkey FOREIGN KEY (tenant_id, run_id) REFERENCES agent_runs(tenant_id, id) ON DELETE CASCADE;

ALTER TABLE agent_runs
  ADD CONSTRAINT agent_runs_input_check CHECK (jsonb_typeof(input) = 'object'),
  ADD CONSTRAINT agent_runs_output_check CHECK (jsonb_typeof(output) = 'object'),
  ADD CONSTRAINT agent_runs_failed_check CHECK ((status = 'FAILED') = (error_code IS NOT NULL) AND (error_code IS NULL) = (error_message IS NULL)),
  ADD CONSTRAINT agent_runs_iterations_check CHECK (iterations >= 0),
  ADD CONSTRAINT agent_runs_tokens_check CHECK (input_tokens >= 0 AND output_tokens >= 0 AND cached_tokens >= 0),
  ADD CONSTRAINT agent_runs_cost_usd_check CHECK (cost_usd >= 0),
  ADD CONSTRAINT agent_runs_lease_check CHECK ((lease_owner IS NULL) = (lease_expires_at IS NULL) AND (lease_owner IS NULL OR status = 'RUNNING')),
  ADD CONSTRAINT agent_runs_completed_at_check CHECK ((status IN ('COMPLETED', 'FAILED', 'CANCELLED')) = (completed_at IS NOT NULL)),
  ADD CONSTRAINT agent_runs_duration_ms_check CHECK (duration_ms >= 0),
  ADD CONSTRAINT agent_runs_metadata_check CHECK (jsonb_typeof(metadata) = 'object');
ALTER TABLE llm_calls
  ADD CONSTRAINT llm_calls_iteration_check CHECK (iteration > 0),
  ADD CONSTRAINT llm_calls_prompt_check CHECK (jsonb_typeof(prompt) = 'object'),
  ADD CONSTRAINT llm_calls_response_check CHECK (jsonb_typeof(response) = 'object'),
  ADD CONSTRAINT llm_calls_tokens_check CHECK (input_tokens >= 0 AND output_tokens >= 0 AND cached_tokens >= 0),
  ADD CONSTRAINT llm_calls_cost_usd_check CHECK (cost_usd >= 0),
  ADD CONSTRAINT llm_calls_latency_ms_check CHECK (latency_ms >= 0 AND first_token_ms >= 0),
  ADD CONSTRAINT llm_calls_error_check CHECK ((status = 'SUCCESS') = (error_code IS NULL) AND (error_code IS NULL) = (error_message IS NULL));
ALTER TABLE tool_calls
  ADD CONSTRAINT tool_calls_iteration_check CHECK (iteration > 0 AND position >= 0),
  ADD CONSTRAINT tool_calls_call_id_check CHECK (length(call_id) > 0),
  ADD CONSTRAINT tool_calls_tool_name_check CHECK (length(btrim(tool_name)) > 0),
  ADD CONSTRAINT tool_calls_arguments_check CHECK (jsonb_typeof(arguments) = 'object'),
  ADD CONSTRAINT tool_calls_completed_check CHECK ((status IN ('PENDING', 'WAITING_APPROVAL', 'RUNNING')) = (completed_at IS NULL)),
  ADD CONSTRAINT tool_calls_decision_check CHECK (status <> 'REJECTED' OR decided_at IS NOT NULL);
ALTER TABLE message_drafts
  ADD CONSTRAINT message_drafts_content_check CHECK (octet_length(content) <= 1048576),
  ADD CONSTRAINT message_drafts_version_check CHECK (version > 0);
ALTER TABLE model_prices
  ADD CONSTRAINT model_prices_model_check CHECK (length(btrim(provider)) > 0 AND length(btrim(model)) > 0),
  ADD CONSTRAINT model_prices_usd_check CHECK (input_per_million_usd >= 0 AND output_per_million_usd >= 0 AND cached_input_per_million_usd >= 0);

SELECT app.isolate('agent_runs');
SELECT app.isolate('llm_calls');
SELECT app.isolate('tool_calls');
SELECT app.isolate('message_drafts');
-- Prices are the same for everybody, and the platform's to set.
ALTER TABLE model_prices ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY visible ON model_prices FOR SELECT TO agentbase_app USING ((SELECT app.current_tenant_id()) IS NOT NULL);
CREATE POLICY add_price ON model_prices FOR INSERT TO agentbase_app WITH CHECK ((SELECT app.is_platform_admin()));
CREATE POLICY change_price ON model_prices FOR UPDATE TO agentbase_app
  USING ((SELECT app.is_platform_admin())) WITH CHECK ((SELECT app.is_platform_admin()));
CREATE POLICY remove_price ON model_prices FOR DELETE TO agentbase_app USING ((SELECT app.is_platform_admin()));
CREATE TRIGGER touch_updated_at BEFORE UPDATE ON model_prices FOR EACH ROW EXECUTE FUNCTION app.touch_updated_at();

SELECT app.partition_by_month('llm_calls');

GRANT SELECT, INSERT ON agent_runs TO agentbase_app;
GRANT UPDATE (status, output, error_code, error_message, iterations, input_tokens, output_tokens, cached_tokens, cost_usd, lease_owner,
  lease_expires_at, cancel_requested_at, change_sequence, metadata, started_at, completed_at, duration_ms, updated_at) ON agent_runs TO agentbase_app;
GRANT SELECT, INSERT ON llm_calls TO agentbase_app;
GRANT SELECT, INSERT ON tool_calls TO agentbase_app;
GRANT UPDATE (status, output, error_message, decided_by_id, decided_at, decision_reason, started_at, completed_at, updated_at) ON tool_calls TO agentbase_app;
GRANT SELECT, INSERT, DELETE, UPDATE (content, version, updated_at) ON message_drafts TO agentbase_app;
GRANT SELECT, INSERT, DELETE, UPDATE (input_per_million_usd, output_per_million_usd, cached_input_per_million_usd, updated_at) ON model_prices TO agentbase_app;

-- Numbers ------------------------------------------------------------------------------------------------------------

-- Every change of a run takes its next number. One that has ended stays as it ended.
CREATE FUNCTION app.change_run() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF OLD.status IN ('COMPLETED', 'FAILED', 'CANCELLED') AND NEW.status <> OLD.status THEN
    RAISE EXCEPTION 'run % has ended', OLD.id USING ERRCODE = 'AB003';
  END IF;
  NEW.change_sequence := OLD.change_sequence + 1;
  IF NEW.completed_at IS NOT NULL AND OLD.completed_at IS NULL THEN
    NEW.duration_ms := greatest(0, extract(epoch FROM NEW.completed_at - coalesce(NEW.started_at, NEW.created_at)) * 1000);
  END IF;
  RETURN NEW;
END
$$;
CREATE TRIGGER change_run BEFORE UPDATE ON agent_runs FOR EACH ROW EXECUTE FUNCTION app.change_run();

-- A run begins with nothing spent, whatever the insert says.
CREATE FUNCTION app.start_run() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  NEW.iterations := 0;
  NEW.input_tokens := 0;
  NEW.output_tokens := 0;
  NEW.cached_tokens := 0;
  NEW.cost_usd := 0;
  NEW.change_sequence := 1;
  RETURN NEW;
END
$$;
CREATE TRIGGER start_run BEFORE INSERT ON agent_runs FOR EACH ROW EXECUTE FUNCTION app.start_run();

-- Where a run stands is an event of its conversation.
CREATE FUNCTION app.tell_run() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  event_sequence integer;
BEGIN
  UPDATE conversations SET last_event_sequence = last_event_sequence + 1
  WHERE tenant_id = NEW.tenant_id AND id = NEW.conversation_id
  RETURNING last_event_sequence INTO event_sequence;
  IF FOUND THEN
    INSERT INTO conversation_events (tenant_id, id, conversation_id, sequence, type, payload)
    VALUES (NEW.tenant_id, app.uuid_v7(), NEW.conversation_id, event_sequence, 'RUN_CHANGED',
      jsonb_build_object('runId', NEW.id, 'status', NEW.status));
  END IF;
  RETURN NULL;
END
$$;
CREATE TRIGGER tell_new_run AFTER INSERT ON agent_runs FOR EACH ROW WHEN (NEW.conversation_id IS NOT NULL) EXECUTE FUNCTION app.tell_run();
CREATE TRIGGER tell_run AFTER UPDATE OF status ON agent_runs FOR EACH ROW
  WHEN (NEW.conversation_id IS NOT NULL AND OLD.status IS DISTINCT FROM NEW.status) EXECUTE FUNCTION app.tell_run();

-- What a call took is added up where it belongs, so that no total can drift from its calls.
CREATE FUNCTION app.count_llm_call() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  UPDATE agent_runs SET
    iterations = greatest(iterations, NEW.iteration),
    input_tokens = input_tokens + NEW.input_tokens,
    output_tokens = output_tokens + NEW.output_tokens,
    cached_tokens = cached_tokens + NEW.cached_tokens,
    cost_usd = cost_usd + NEW.cost_usd
  WHERE tenant_id = NEW.tenant_id AND id = NEW.run_id;
  UPDATE conversations SET cost_usd = cost_usd + NEW.cost_usd
  WHERE tenant_id = NEW.tenant_id AND id = NEW.conversation_id AND NEW.cost_usd > 0;
  RETURN NULL;
END
$$;
CREATE TRIGGER count_llm_call AFTER INSERT ON llm_calls FOR EACH ROW EXECUTE FUNCTION app.count_llm_call();

-- What has come of a call stays as it came.
CREATE FUNCTION app.change_tool_call() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF OLD.completed_at IS NOT NULL THEN
    RAISE EXCEPTION 'tool call % has ended', OLD.id USING ERRCODE = 'AB003';
  END IF;
  RETURN NEW;
END
$$;
CREATE TRIGGER change_tool_call BEFORE UPDATE ON tool_calls FOR EACH ROW EXECUTE FUNCTION app.change_tool_call();

-- Audit ------------------------------------------------------------------------------------------------------------------
-- What a conversation has cost moves with calls of models, which have rows of their own.
DROP TRIGGER audit ON conversations;
CREATE TRIGGER audit AFTER INSERT OR UPDATE OR DELETE ON conversations FOR EACH ROW EXECUTE FUNCTION app.audit('conversation', '{}',
  '{last_sequence,last_event_sequence,message_count,total_tokens,input_tokens,output_tokens,last_message_at,cost_usd}');
CREATE TRIGGER audit AFTER INSERT OR UPDATE OR DELETE ON agent_runs FOR EACH ROW EXECUTE FUNCTION app.audit('agent_run', '{}',
  '{iterations,input_tokens,output_tokens,cached_tokens,cost_usd,lease_owner,lease_expires_at,change_sequence}');
CREATE TRIGGER audit AFTER INSERT OR UPDATE OR DELETE ON tool_calls FOR EACH ROW EXECUTE FUNCTION app.audit('tool_call');
CREATE TRIGGER audit AFTER INSERT OR UPDATE OR DELETE ON model_prices FOR EACH ROW EXECUTE FUNCTION app.audit('model_price');
