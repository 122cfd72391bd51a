-- Where jobs wait. The tables are pg-boss's own and made by it, after the migrations. They hold ids and nothing a tenant said, and no role
-- of the graph can read them: a job is queued by a role of its own, inside the transaction it belongs to.
DO $$
BEGIN
  BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'agentbase_jobs') THEN
      CREATE ROLE agentbase_jobs NOLOGIN NOSUPERUSER NOBYPASSRLS NOCREATEDB NOCREATEROLE;
    END IF;
  EXCEPTION WHEN duplicate_object OR unique_violation THEN
    NULL;
  END;
  IF NOT pg_has_role(current_user, 'agentbase_jobs', 'USAGE') THEN
    EXECUTE format('GRANT agentbase_jobs TO %I', current_user);
  END IF;
END
$$;

CREATE SCHEMA pgboss;
GRANT USAGE ON SCHEMA pgboss TO agentbase_jobs;
ALTER DEFAULT PRIVILEGES IN SCHEMA pgboss GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO agentbase_jobs;
ALTER DEFAULT PRIVILEGES IN SCHEMA pgboss GRANT USAGE ON SEQUENCES TO agentbase_jobs;
