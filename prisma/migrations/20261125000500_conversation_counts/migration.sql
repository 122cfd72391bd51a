-- How many conversations a tenant has in each state, kept as they begin, change and go: to count them reads an entry of an index for each, and
-- every page that lists them shows their number.
--
-- A tenant has a few rows, of which a session writes one, by the number of its backend; their sum is what there is. Were it one row, all who begin
-- conversations in a tenant would wait for each other's commits. A row by itself may be below zero: a conversation need not end where it began.

CREATE TABLE conversation_counts (
  tenant_id uuid NOT NULL,
  id uuid NOT NULL,
  shard integer NOT NULL,
  active integer NOT NULL DEFAULT 0,
  completed integer NOT NULL DEFAULT 0,
  failed integer NOT NULL DEFAULT 0,
  cancelled integer NOT NULL DEFAULT 0,
  created_at timestamptz(6) NOT NULL DEFAULT CURRENT_TIMESTAMP,
  updated_at timestamptz(6) NOT NULL DEFAULT CURRENT_TIMESTAMP,
  CONSTRAINT conversation_counts_pkey PRIMARY KEY (tenant_id, id)
) WITH (fillfactor = 50);
CREATE UNIQUE INDEX conversation_counts_tenant_id_shard_key ON conversation_counts(tenant_id, shard);
ALTER TABLE conversation_counts ADD CONSTRAINT conversation_counts_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES tenants(id) ON DELETE CASCADE;
ALTER TABLE conversation_counts ADD CONSTRAINT conversation_counts_shard_check CHECK (shard >= 0);

CREATE FUNCTION app.count_conversation() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  tenant uuid := coalesce(NEW.tenant_id, OLD.tenant_id);
  -- Null where there was, or is, no conversation.
  before conversation_status := OLD.status;
  after conversation_status := NEW.status;
BEGIN
  -- What goes with its tenant takes the counts along.
  IF TG_OP = 'DELETE' AND NOT EXISTS (SELECT FROM tenants t WHERE t.id = tenant) THEN
    RETURN NULL;
  END IF;
  INSERT INTO conversation_counts AS kept (tenant_id, id, shard, active, completed, failed, cancelled)
  VALUES (tenant, app.uuid_v7(), pg_backend_pid() % 16,
    (after IS NOT DISTINCT FROM 'ACTIVE')::integer - (before IS NOT DISTINCT FROM 'ACTIVE')::integer,
    (after IS NOT DISTINCT FROM 'COMPLETED')::integer - (before IS NOT DISTINCT FROM 'COMPLETED')::integer,
    (after IS NOT DISTINCT FROM 'FAILED')::integer - (before IS NOT DISTINCT FROM 'FAILED')::integer,
    (after IS NOT DISTINCT FROM 'CANCELLED')::integer - (before IS NOT DISTINCT FROM 'CANCELLED')::integer)
  ON CONFLICT (tenant_id, shard) DO UPDATE SET
    active = kept.active + EXCLUDED.active,
    completed = kept.completed + EXCLUDED.completed,
    failed = kept.failed + EXCLUDED.failed,
    cancelled = kept.cancelled + EXCLUDED.cancelled;
  RETURN NULL;
END
$$;
CREATE TRIGGER count_conversation AFTER INSERT OR DELETE ON conversations FOR EACH ROW EXECUTE FUNCTION app.count_conversation();
CREATE TRIGGER count_changed_conversation AFTER UPDATE ON conversations FOR EACH ROW WHEN (OLD.status <> NEW.status)
  EXECUTE FUNCTION app.count_conversation();

-- What is there. The triggers keep others from writing until this is done. The owner sees no tenant's rows while row security is forced on them.
ALTER TABLE conversations NO FORCE ROW LEVEL SECURITY;
INSERT INTO conversation_counts (tenant_id, id, shard, active, completed, failed, cancelled)
SELECT tenant_id, app.uuid_v7(), 0, count(*) FILTER (WHERE status = 'ACTIVE'), count(*) FILTER (WHERE status = 'COMPLETED'),
  count(*) FILTER (WHERE status = 'FAILED'), count(*) FILTER (WHERE status = 'CANCELLED')
FROM conversations GROUP BY tenant_id;
ALTER TABLE conversations FORCE ROW LEVEL SECURITY;

SELECT app.isolate('conversation_counts');
GRANT SELECT, INSERT, UPDATE (active, completed, failed, cancelled, updated_at) ON conversation_counts TO agentbase_app;

-- Nobody counts by it any more.
DROP INDEX conversations_tenant_id_status_idx;
