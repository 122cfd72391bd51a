-- The foreign key to users accepts every user. A trigger accepts only members of the row's tenant. It checks new and changed values: stored
-- references to former members remain.

-- Adds the trigger to a table. The columns refer to users, or hold arrays of them. Call it after app.tenant_table. Rows without a tenant belong to the
-- platform and are not checked.
CREATE FUNCTION app.refer_to_members(target regclass, VARIADIC people name[]) RETURNS void LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  table_name text := (SELECT relname FROM pg_class WHERE oid = target);
  checker text := format('check_people_of_%s', table_name);
  person name;
  checks text := '';
BEGIN
  FOREACH person IN ARRAY people LOOP
    PERFORM app.require_column(target, person, 'uuid', 'uuid[]');
    checks := checks || format($body$
  IF NEW.%1$I IS NOT NULL AND (TG_OP = 'INSERT' OR NEW.%1$I IS DISTINCT FROM OLD.%1$I) AND NEW.tenant_id IS NOT NULL
    AND EXISTS (SELECT FROM %2$s AS given (id)
      WHERE NOT EXISTS (SELECT FROM public.memberships m WHERE m.tenant_id = NEW.tenant_id AND m.user_id = given.id)) THEN
    RAISE EXCEPTION '%3$s.%1$s refers to a user who is not a member of the tenant' USING ERRCODE = 'AB004';
  END IF;$body$, person,
      CASE WHEN EXISTS (SELECT FROM pg_attribute WHERE attrelid = target AND attname = person AND atttypid = 'uuid[]'::regtype)
        THEN format('unnest(NEW.%I)', person) ELSE format('(VALUES (NEW.%I))', person) END,
      table_name);
  END LOOP;
  EXECUTE format('CREATE FUNCTION app.%I() RETURNS trigger LANGUAGE plpgsql AS %L', checker, format('BEGIN%s
  RETURN NEW;
END', checks));
  EXECUTE format('CREATE TRIGGER check_people BEFORE INSERT OR UPDATE OF %s ON %s FOR EACH ROW EXECUTE FUNCTION app.%I()',
    (SELECT string_agg(quote_ident(name), ', ') FROM unnest(people) AS name), target, checker);
END
$$;
REVOKE ALL ON FUNCTION app.refer_to_members(regclass, name[]) FROM PUBLIC;

SELECT app.refer_to_members('agents', 'created_by_id');
SELECT app.refer_to_members('agent_versions', 'published_by_id');
SELECT app.refer_to_members('agent_runs', 'user_id');
SELECT app.refer_to_members('api_keys', 'user_id');
SELECT app.refer_to_members('collections', 'created_by_id');
SELECT app.refer_to_members('conversations', 'user_id');
SELECT app.refer_to_members('documents', 'uploaded_by_id');
SELECT app.refer_to_members('evaluation_runs', 'user_id');
SELECT app.refer_to_members('evaluations', 'created_by_id');
SELECT app.refer_to_members('invitations', 'invited_by_id');
SELECT app.refer_to_members('mcp_server_configs', 'created_by_id', 'allowed_user_ids');
SELECT app.refer_to_members('mcp_servers', 'created_by_id');
SELECT app.refer_to_members('mcp_tool_executions', 'user_id');
SELECT app.refer_to_members('mcp_tools', 'approved_by_id');
SELECT app.refer_to_members('rag_queries', 'user_id');
SELECT app.refer_to_members('refresh_tokens', 'user_id');
SELECT app.refer_to_members('tool_calls', 'decided_by_id');
