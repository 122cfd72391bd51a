DROP FUNCTION app.number_log(regclass, regclass, name), app.number_changes(regclass, regclass, name), app.drop_last_number(regclass, name),
  app.add_last_number(regclass, name, regtype), app.parent_column(regclass, regclass, name),
  app.tenant_table(regclass, text, text[], text[], boolean), app.ignore_in_audit(regclass, name, boolean),
  app.audit_table(regclass, text, text[], text[]), app.require_column(regclass, name, text[]), app.object_name(regclass, text[], text);

DO $$
DECLARE
  target regclass;
BEGIN
  FOR target IN
    SELECT c.oid FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
    WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p') AND a.attname = 'tenant_id' AND a.attnotnull
  LOOP
    EXECUTE format('ALTER TABLE %s ALTER COLUMN tenant_id DROP DEFAULT', target);
  END LOOP;
END
$$;
