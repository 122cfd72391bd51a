-- The audit log, and the one trigger function that fills it from every business table.

CREATE TYPE audit_actor AS ENUM ('USER', 'API_KEY', 'SYSTEM');

CREATE TYPE audit_status AS ENUM ('SUCCESS', 'FAILURE');

CREATE TABLE audit_logs (
  tenant_id uuid NOT NULL,
  id uuid NOT NULL,
  actor audit_actor NOT NULL,
  user_id uuid,
  api_key_id uuid,
  action varchar(100) NOT NULL,
  resource_type varchar(50) NOT NULL,
  resource_id uuid,
  old_values jsonb,
  new_values jsonb,
  ip inet,
  user_agent varchar(512),
  request_id varchar(100),
  status audit_status NOT NULL DEFAULT 'SUCCESS',
  error_message text,
  created_at timestamptz(6) NOT NULL DEFAULT CURRENT_TIMESTAMP,
  CONSTRAINT audit_logs_pkey PRIMARY KEY (tenant_id, id)
) PARTITION BY RANGE (id);
CREATE INDEX audit_logs_tenant_id_resource_type_resource_id_id_idx ON audit_logs(tenant_id, resource_type, resource_id, id);
CREATE INDEX audit_logs_tenant_id_user_id_id_idx ON audit_logs(tenant_id, user_id, id);
CREATE INDEX audit_logs_tenant_id_action_id_idx ON audit_logs(tenant_id, action, id);
ALTER TABLE audit_logs ADD CONSTRAINT audit_logs_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES tenants(id) ON DELETE CASCADE;

SELECT app.isolate('audit_logs');
SELECT app.partition_by_month('audit_logs');

-- Only the trigger writes here. UPDATE and DELETE are granted to nobody.
GRANT SELECT ON audit_logs TO agentbase_app;
GRANT INSERT ON audit_logs TO agentbase_gate;
CREATE POLICY gate_insert ON audit_logs FOR INSERT TO agentbase_gate WITH CHECK (true);

-- Writes one row for one action, with the actor, address and request of the transaction's context.
CREATE FUNCTION app.write_audit(tenant uuid, what text, resource text, which uuid, before jsonb, after jsonb, outcome audit_status, reason text)
RETURNS void LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
  INSERT INTO public.audit_logs (tenant_id, id, actor, user_id, api_key_id, action, resource_type, resource_id,
    old_values, new_values, ip, user_agent, request_id, status, error_message)
  VALUES (tenant, app.uuid_v7(),
    CASE
      WHEN app.current_api_key_id() IS NOT NULL THEN 'API_KEY'::public.audit_actor
      WHEN app.current_user_id() IS NOT NULL THEN 'USER'
      ELSE 'SYSTEM'
    END,
    app.current_user_id(), app.current_api_key_id(), what, resource, which, before, after,
    NULLIF(current_setting('app.ip', true), '')::inet,
    NULLIF(current_setting('app.user_agent', true), ''),
    NULLIF(current_setting('app.request_id', true), ''),
    outcome, reason)
$$;

-- TG_ARGV: the resource's name; columns never copied (a change of one reads "[redacted]"); columns that are not worth a
-- row by themselves. Writes the whole row of a creation or deletion, and the changed columns of an update.
CREATE FUNCTION app.audit() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
  resource text := TG_ARGV[0];
  hidden text[] := coalesce(TG_ARGV[1], '{}')::text[];
  ignored text[] := coalesce(TG_ARGV[2], '{}')::text[] || '{updated_at}'::text[];
  before jsonb := CASE WHEN TG_OP <> 'INSERT' THEN to_jsonb(OLD) END;
  after jsonb := CASE WHEN TG_OP <> 'DELETE' THEN to_jsonb(NEW) END;
  image jsonb := coalesce(after, before);
  tenant uuid := coalesce((image ->> 'tenant_id')::uuid, CASE WHEN TG_TABLE_NAME = 'tenants' THEN (image ->> 'id')::uuid END, app.current_tenant_id());
  changed text[];
  hidden_column text;
BEGIN
  -- A row that an operator changes outside any tenant has no log to go to; one that goes with its tenant takes its log along.
  IF tenant IS NULL OR (TG_OP = 'DELETE' AND NOT EXISTS (SELECT FROM public.tenants t WHERE t.id = tenant)) THEN
    RETURN NULL;
  END IF;
  IF TG_OP = 'UPDATE' THEN
    SELECT array_agg(n.key) INTO changed FROM jsonb_each(after) n
    WHERE before -> n.key IS DISTINCT FROM n.value AND n.key <> ALL (ignored);
    IF changed IS NULL THEN
      RETURN NULL;
    END IF;
    SELECT jsonb_object_agg(k, before -> k), jsonb_object_agg(k, after -> k) INTO before, after FROM unnest(changed) k;
  END IF;
  FOR hidden_column IN SELECT unnest(hidden) LOOP
    IF before ? hidden_column THEN before := jsonb_set(before, ARRAY[hidden_column], '"[redacted]"'); END IF;
    IF after ? hidden_column THEN after := jsonb_set(after, ARRAY[hidden_column], '"[redacted]"'); END IF;
  END LOOP;
  PERFORM app.write_audit(
    tenant,
    resource || CASE TG_OP WHEN 'INSERT' THEN '.created' WHEN 'UPDATE' THEN '.updated' ELSE '.deleted' END,
    resource, (image ->> 'id')::uuid, before, after, 'SUCCESS', NULL);
  RETURN NULL;
END
$$;

-- A refused or failed action of the current tenant, told by the server after the transaction that failed.
CREATE FUNCTION app.audit_failure(what text, resource text, which uuid, reason text) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  IF app.current_tenant_id() IS NULL THEN
    RAISE EXCEPTION 'a failure is recorded in a tenant';
  END IF;
  PERFORM app.write_audit(app.current_tenant_id(), what, resource, which, NULL, NULL, 'FAILURE', reason);
END
$$;

REVOKE ALL ON FUNCTION app.write_audit(uuid, text, text, uuid, jsonb, jsonb, audit_status, text), app.audit(), app.audit_failure(text, text, uuid, text) FROM PUBLIC;
-- Not app.audit(): a trigger calls it whoever acts, and a right to call it would be a right to hang it on a table of one's own.
GRANT EXECUTE ON FUNCTION app.audit_failure(text, text, uuid, text) TO agentbase_app;
ALTER FUNCTION app.write_audit(uuid, text, text, uuid, jsonb, jsonb, audit_status, text) OWNER TO agentbase_gate;
ALTER FUNCTION app.audit() OWNER TO agentbase_gate;
ALTER FUNCTION app.audit_failure(text, text, uuid, text) OWNER TO agentbase_gate;

CREATE TRIGGER audit AFTER INSERT OR UPDATE OR DELETE ON tenants FOR EACH ROW EXECUTE FUNCTION app.audit('tenant');
CREATE TRIGGER audit AFTER INSERT OR UPDATE OR DELETE ON users FOR EACH ROW EXECUTE FUNCTION app.audit('user', '{password_hash}');
CREATE TRIGGER audit AFTER INSERT OR UPDATE OR DELETE ON user_identities FOR EACH ROW EXECUTE FUNCTION app.audit('user_identity');
CREATE TRIGGER audit AFTER INSERT OR UPDATE OR DELETE ON memberships FOR EACH ROW EXECUTE FUNCTION app.audit('membership');
CREATE TRIGGER audit AFTER INSERT OR UPDATE OR DELETE ON invitations FOR EACH ROW EXECUTE FUNCTION app.audit('invitation', '{token_hash}');
CREATE TRIGGER audit AFTER INSERT OR UPDATE OR DELETE ON refresh_tokens FOR EACH ROW EXECUTE FUNCTION app.audit('session', '{token_hash}');
-- Usage is counted in batches by the server and is no change of the key.
CREATE TRIGGER audit AFTER INSERT OR UPDATE OR DELETE ON api_keys FOR EACH ROW EXECUTE FUNCTION app.audit('api_key', '{key_hash}', '{last_used_at,usage_count}');
-- The version number moves with the published version, which has a row of its own.
CREATE TRIGGER audit AFTER INSERT OR UPDATE OR DELETE ON agents FOR EACH ROW EXECUTE FUNCTION app.audit('agent', '{}', '{version}');
CREATE TRIGGER audit AFTER INSERT OR UPDATE OR DELETE ON agent_versions FOR EACH ROW EXECUTE FUNCTION app.audit('agent_version');
-- Counters move with messages and tool executions, which have rows of their own.
CREATE TRIGGER audit AFTER INSERT OR UPDATE OR DELETE ON conversations FOR EACH ROW EXECUTE FUNCTION app.audit('conversation', '{}',
  '{last_sequence,last_event_sequence,message_count,total_tokens,input_tokens,output_tokens,last_message_at}');
CREATE TRIGGER audit AFTER INSERT OR UPDATE OR DELETE ON messages FOR EACH ROW EXECUTE FUNCTION app.audit('message');
CREATE TRIGGER audit AFTER INSERT OR UPDATE OR DELETE ON tool_executions FOR EACH ROW EXECUTE FUNCTION app.audit('tool_execution');
