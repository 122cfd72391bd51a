DO $$
DECLARE
  audited regclass;
BEGIN
  FOR audited IN SELECT tgrelid FROM pg_trigger WHERE tgname = 'audit' AND tgparentid = 0 LOOP
    EXECUTE format('DROP TRIGGER audit ON %s', audited);
  END LOOP;
END
$$;
DELETE FROM app.partitioned_tables WHERE table_name = 'audit_logs';
DROP TABLE audit_logs;
DROP FUNCTION app.audit(), app.audit_failure(text, text, uuid, text), app.write_audit(uuid, text, text, uuid, jsonb, jsonb, audit_status, text);
DROP TYPE audit_status, audit_actor;
