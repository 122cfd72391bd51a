-- Conversations, their messages and tool executions, and the durable log that live views replay.

CREATE TYPE conversation_status AS ENUM ('ACTIVE', 'COMPLETED', 'FAILED', 'CANCELLED');

CREATE TYPE message_role AS ENUM ('USER', 'ASSISTANT', 'SYSTEM', 'TOOL');

CREATE TYPE execution_status AS ENUM ('SUCCESS', 'ERROR', 'TIMEOUT');

CREATE TYPE conversation_event_type AS ENUM ('CONVERSATION_CREATED', 'CONVERSATION_UPDATED', 'CONVERSATION_ENDED', 'MESSAGE_APPENDED', 'TOOL_EXECUTION_RECORDED');

CREATE TABLE conversations (
  tenant_id uuid NOT NULL,
  id uuid NOT NULL,
  agent_id uuid NOT NULL,
  user_id uuid,
  title varchar(500),
  status conversation_status NOT NULL DEFAULT 'ACTIVE',
  context jsonb NOT NULL DEFAULT '{}',
  last_sequence integer NOT NULL DEFAULT 0,
  last_event_sequence integer NOT NULL DEFAULT 0,
  message_count integer NOT NULL DEFAULT 0,
  total_tokens bigint NOT NULL DEFAULT 0,
  input_tokens bigint NOT NULL DEFAULT 0,
  output_tokens bigint NOT NULL DEFAULT 0,
  cost_usd numeric(18,6) NOT NULL DEFAULT 0,
  metadata jsonb NOT NULL DEFAULT '{}',
  started_at timestamptz(6) NOT NULL DEFAULT CURRENT_TIMESTAMP,
  completed_at timestamptz(6),
  last_message_at timestamptz(6),
  created_at timestamptz(6) NOT NULL DEFAULT CURRENT_TIMESTAMP,
  updated_at timestamptz(6) NOT NULL DEFAULT CURRENT_TIMESTAMP,
  CONSTRAINT conversations_pkey PRIMARY KEY (tenant_id, id)
);
CREATE INDEX conversations_tenant_id_created_at_id_idx ON conversations(tenant_id, created_at, id);
CREATE INDEX conversations_tenant_id_updated_at_id_idx ON conversations(tenant_id, updated_at, id);
CREATE INDEX conversations_tenant_id_agent_id_created_at_id_idx ON conversations(tenant_id, agent_id, created_at, id);
CREATE INDEX conversations_tenant_id_user_id_created_at_id_idx ON conversations(tenant_id, user_id, created_at, id);
CREATE INDEX conversations_user_id_idx ON conversations(user_id);
ALTER TABLE conversations ADD CONSTRAINT conversations_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES tenants(id) ON DELETE CASCADE;
ALTER TABLE conversations ADD CONSTRAINT conversations_tenant_id_agent_id_fkey FOREIGN KEY (tenant_id, agent_id) REFERENCES agents(tenant_id, id) ON DELETE NO ACTION;
ALTER TABLE conversations ADD CONSTRAINT conversations_user_id_fkey FOREIGN KEY (user_id) REFERENCES users(id) ON DELETE SET NULL;

CREATE TABLE messages (
  tenant_id uuid NOT NULL,
  id uuid NOT NULL,
  conversation_id uuid NOT NULL,
  sequence integer NOT NULL DEFAULT 0,
  role message_role NOT NULL,
  content text NOT NULL,
  tool_calls jsonb,
  tool_results jsonb,
  model varchar(100),
  token_count bigint,
  latency_ms integer,
  parent_message_id uuid,
  idempotency_key varchar(255),
  metadata jsonb NOT NULL DEFAULT '{}',
  created_at timestamptz(6) NOT NULL DEFAULT CURRENT_TIMESTAMP,
  CONSTRAINT messages_pkey PRIMARY KEY (tenant_id, id)
);
CREATE INDEX messages_tenant_id_parent_message_id_idx ON messages(tenant_id, parent_message_id);
CREATE UNIQUE INDEX messages_tenant_id_conversation_id_sequence_key ON messages(tenant_id, conversation_id, sequence);
CREATE UNIQUE INDEX messages_tenant_id_conversation_id_idempotency_key_key ON messages(tenant_id, conversation_id, idempotency_key);
ALTER TABLE messages ADD CONSTRAINT messages_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES tenants(id) ON DELETE CASCADE;
ALTER TABLE messages ADD CONSTRAINT messages_tenant_id_conversation_id_fkey FOREIGN KEY (tenant_id, conversation_id) REFERENCES conversations(tenant_id, id) ON DELETE CASCADE;
ALTER TABLE messages ADD CONSTRAINT messages_tenant_id_parent_message_id_fkey FOREIGN KEY (tenant_id, parent_message_id) REFERENCES messages(tenant_id, id) ON DELETE NO ACTION;

CREATE TABLE tool_executions (
  tenant_id uuid NOT NULL,
  id uuid NOT NULL,
  conversation_id uuid,
  message_id uuid,
  agent_id uuid,
  tool_name varchar(200) NOT NULL,
  input jsonb NOT NULL DEFAULT '{}',
  output jsonb,
  status execution_status NOT NULL,
  error_message text,
  duration_ms integer,
  started_at timestamptz(6) NOT NULL DEFAULT CURRENT_TIMESTAMP,
  completed_at timestamptz(6),
  metadata jsonb NOT NULL DEFAULT '{}',
  created_at timestamptz(6) NOT NULL DEFAULT CURRENT_TIMESTAMP,
  CONSTRAINT tool_executions_pkey PRIMARY KEY (tenant_id, id)
) PARTITION BY RANGE (id);
CREATE INDEX tool_executions_tenant_id_conversation_id_id_idx ON tool_executions(tenant_id, conversation_id, id);
CREATE INDEX tool_executions_tenant_id_message_id_id_idx ON tool_executions(tenant_id, message_id, id);
CREATE INDEX tool_executions_tenant_id_agent_id_id_idx ON tool_executions(tenant_id, agent_id, id);
CREATE INDEX tool_executions_tenant_id_tool_name_id_idx ON tool_executions(tenant_id, tool_name, id);
ALTER TABLE tool_executions ADD CONSTRAINT tool_executions_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES tenants(id) ON DELETE CASCADE;
ALTER TABLE tool_executions ADD CONSTRAINT tool_executions_tenant_id_conversation_id_fkey FOREIGN KEY (tenant_id, conversation_id) REFERENCES conversations(tenant_id, id) ON DELETE CASCADE;
ALTER TABLE tool_executions ADD CONSTRAINT tool_executions_tenant_id_message_id_fkey FOREIGN KEY (tenant_id, message_id) REFERENCES messages(tenant_id, id) ON DELETE SET NULL (message_id);
ALTER TABLE tool_executions ADD CONSTRAINT tool_executions_tenant_id_agent_id_fkey FOREIGN KEY (tenant_id, agent_id) REFERENCES agents(tenant_id, id) ON DELETE SET NULL (agent_id);

CREATE TABLE conversation_events (
  tenant_id uuid NOT NULL,
  id uuid NOT NULL,
  conversation_id uuid NOT NULL,
  sequence integer NOT NULL,
  type conversation_event_type NOT NULL,
  payload jsonb NOT NULL DEFAULT '{}',
  created_at timestamptz(6) NOT NULL DEFAULT CURRENT_TIMESTAMP,
  CONSTRAINT conversation_events_pkey PRIMARY KEY (tenant_id, id)
) PARTITION BY RANGE (id);
CREATE INDEX conversation_events_tenant_id_conversation_id_sequence_idx ON conversation_events(tenant_id, conversation_id, sequence);
ALTER TABLE conversation_events ADD CONSTRAINT conversation_events_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES tenants(id) ON DELETE CASCADE;
ALTER TABLE conversation_events ADD CONSTRAINT conversation_events_tenant_id_conversation_id_fkey FOREIGN KEY (tenant_id, conversation_id) REFERENCES conversations(tenant_id, id) ON DELETE CASCADE;

ALTER TABLE conversations
  ADD CONSTRAINT conversations_last_sequence_check CHECK (last_sequence >= 0),
  ADD CONSTRAINT conversations_last_event_sequence_check CHECK (last_event_sequence >= 0),
  ADD CONSTRAINT conversations_message_count_check CHECK (message_count >= 0),
  ADD CONSTRAINT conversations_tokens_check CHECK (total_tokens >= 0 AND input_tokens >= 0 AND output_tokens >= 0),
  ADD CONSTRAINT conversations_cost_usd_check CHECK (cost_usd >= 0),
  ADD CONSTRAINT conversations_context_check CHECK (jsonb_typeof(context) = 'object'),
  ADD CONSTRAINT conversations_metadata_check CHECK (jsonb_typeof(metadata) = 'object'),
  ADD CONSTRAINT conversations_completed_at_check CHECK ((status = 'ACTIVE') = (completed_at IS NULL));
ALTER TABLE messages
  ADD CONSTRAINT messages_sequence_check CHECK (sequence > 0),
  ADD CONSTRAINT messages_content_check CHECK (octet_length(content) <= 1048576),
  ADD CONSTRAINT messages_tool_calls_check CHECK (jsonb_typeof(tool_calls) = 'array'),
  ADD CONSTRAINT messages_tool_results_check CHECK (jsonb_typeof(tool_results) = 'array'),
  ADD CONSTRAINT messages_token_count_check CHECK (token_count >= 0),
  ADD CONSTRAINT messages_latency_ms_check CHECK (latency_ms >= 0),
  ADD CONSTRAINT messages_metadata_check CHECK (jsonb_typeof(metadata) = 'object');
ALTER TABLE tool_executions
  ADD CONSTRAINT tool_executions_tool_name_check CHECK (length(btrim(tool_name)) > 0),
  ADD CONSTRAINT tool_executions_duration_ms_check CHECK (duration_ms >= 0),
  ADD CONSTRAINT tool_executions_completed_at_check CHECK (completed_at >= started_at),
  ADD CONSTRAINT tool_executions_metadata_check CHECK (jsonb_typeof(metadata) = 'object');
ALTER TABLE conversation_events
  ADD CONSTRAINT conversation_events_sequence_check CHECK (sequence > 0);

SELECT app.isolate('conversations');
SELECT app.isolate('messages');
SELECT app.isolate('tool_executions');
SELECT app.isolate('conversation_events');

-- Messages are not partitioned: their number is unique in the conversation over all months, and tool executions point at
-- them. The two logs are.
SELECT app.partition_by_month('tool_executions');
SELECT app.partition_by_month('conversation_events', 'tenant_id, conversation_id, sequence');

GRANT SELECT, INSERT ON conversations TO agentbase_app;
GRANT UPDATE (agent_id, title, status, context, cost_usd, metadata, completed_at, updated_at,
  last_sequence, last_event_sequence, message_count, total_tokens, input_tokens, output_tokens, last_message_at) ON conversations TO agentbase_app;
-- What was said, done and told stays as it was: no UPDATE, no DELETE.
GRANT SELECT, INSERT ON messages, tool_executions, conversation_events TO agentbase_app;

-- Numbers ------------------------------------------------------------------------------------------------------------
-- Every number is taken from the conversation's row, which stays locked until commit: the order of numbers is the order of
-- commits, a rollback leaves no gap, and no code path can forget the event.

CREATE FUNCTION app.append_message() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  event_sequence integer;
  tokens bigint := coalesce(NEW.token_count, 0);
BEGIN
  UPDATE conversations SET
    last_sequence = last_sequence + 1,
    last_event_sequence = last_event_sequence + 1,
    message_count = message_count + 1,
    total_tokens = total_tokens + tokens,
    input_tokens = input_tokens + CASE WHEN NEW.role = 'ASSISTANT' THEN 0 ELSE tokens END,
    output_tokens = output_tokens + CASE WHEN NEW.role = 'ASSISTANT' THEN tokens ELSE 0 END,
    last_message_at = clock_timestamp()
  WHERE tenant_id = NEW.tenant_id AND id = NEW.conversation_id AND status = 'ACTIVE'
  RETURNING last_sequence, last_event_sequence, last_message_at INTO NEW.sequence, event_sequence, NEW.created_at;
  IF NOT FOUND THEN
    RAISE EXCEPTION 'conversation % takes no messages', NEW.conversation_id USING ERRCODE = 'AB001';
  END IF;
  INSERT INTO conversation_events (tenant_id, id, conversation_id, sequence, type, payload)
  VALUES (NEW.tenant_id, app.uuid_v7(), NEW.conversation_id, event_sequence, 'MESSAGE_APPENDED',
    jsonb_build_object('messageId', NEW.id, 'messageSequence', NEW.sequence));
  RETURN NEW;
END
$$;
CREATE TRIGGER append_message BEFORE INSERT ON messages FOR EACH ROW EXECUTE FUNCTION app.append_message();

CREATE FUNCTION app.record_tool_execution() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  event_sequence integer;
BEGIN
  UPDATE conversations SET last_event_sequence = last_event_sequence + 1
  WHERE tenant_id = NEW.tenant_id AND id = NEW.conversation_id
  RETURNING last_event_sequence INTO event_sequence;
  IF FOUND THEN
    INSERT INTO conversation_events (tenant_id, id, conversation_id, sequence, type, payload)
    VALUES (NEW.tenant_id, app.uuid_v7(), NEW.conversation_id, event_sequence, 'TOOL_EXECUTION_RECORDED',
      jsonb_build_object('toolExecutionId', NEW.id));
  END IF;
  RETURN NULL;
END
$$;
CREATE TRIGGER record_tool_execution AFTER INSERT ON tool_executions
  FOR EACH ROW WHEN (NEW.conversation_id IS NOT NULL) EXECUTE FUNCTION app.record_tool_execution();

CREATE FUNCTION app.conversation_created() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO conversation_events (tenant_id, id, conversation_id, sequence, type)
  VALUES (NEW.tenant_id, app.uuid_v7(), NEW.id, NEW.last_event_sequence, 'CONVERSATION_CREATED');
  RETURN NULL;
END
$$;
CREATE FUNCTION app.start_conversation() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  -- Counters are the database's own, whatever the insert says.
  NEW.last_sequence := 0;
  NEW.last_event_sequence := 1;
  NEW.message_count := 0;
  NEW.total_tokens := 0;
  NEW.input_tokens := 0;
  NEW.output_tokens := 0;
  NEW.last_message_at := NULL;
  RETURN NEW;
END
$$;
CREATE TRIGGER start_conversation BEFORE INSERT ON conversations FOR EACH ROW EXECUTE FUNCTION app.start_conversation();
CREATE TRIGGER conversation_created AFTER INSERT ON conversations FOR EACH ROW EXECUTE FUNCTION app.conversation_created();

-- What a person sees of a conversation changed; counters alone are told by the events that moved them.
CREATE FUNCTION app.change_conversation() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  NEW.last_event_sequence := OLD.last_event_sequence + 1;
  INSERT INTO conversation_events (tenant_id, id, conversation_id, sequence, type, payload)
  VALUES (NEW.tenant_id, app.uuid_v7(), NEW.id, NEW.last_event_sequence,
    CASE WHEN OLD.status = 'ACTIVE' AND NEW.status <> 'ACTIVE' THEN 'CONVERSATION_ENDED'::conversation_event_type ELSE 'CONVERSATION_UPDATED' END,
    jsonb_build_object('status', NEW.status));
  RETURN NEW;
END
$$;
CREATE TRIGGER change_conversation BEFORE UPDATE ON conversations FOR EACH ROW
  WHEN ((OLD.title, OLD.status, OLD.context, OLD.metadata, OLD.agent_id) IS DISTINCT FROM (NEW.title, NEW.status, NEW.context, NEW.metadata, NEW.agent_id))
  EXECUTE FUNCTION app.change_conversation();
