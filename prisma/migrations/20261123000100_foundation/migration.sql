-- Roles, the tenant context, and the machinery that the tables of every domain share.

CREATE EXTENSION IF NOT EXISTS citext;

-- What the application may see of its own: the tenant context and the functions that look before a tenant is known.
CREATE SCHEMA app;
-- Partitions stand apart from the tables they belong to: nobody is granted anything here.
CREATE SCHEMA partitions;

-- Roles belong to the cluster, and another database of it may be creating them at this moment.
DO $$
DECLARE
  wanted text;
BEGIN
  FOREACH wanted IN ARRAY ARRAY['agentbase_app', 'agentbase_gate'] LOOP
    BEGIN
      IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = wanted) THEN
        EXECUTE format('CREATE ROLE %I NOLOGIN NOSUPERUSER NOBYPASSRLS NOCREATEDB NOCREATEROLE', wanted);
      END IF;
    EXCEPTION WHEN duplicate_object OR unique_violation THEN
      NULL;
    END;
    IF NOT pg_has_role(current_user, wanted, 'USAGE') THEN
      EXECUTE format('GRANT %I TO %I', wanted, current_user);
    END IF;
  END LOOP;
END
$$;

-- agentbase_app runs every statement of the application, under row security.
GRANT USAGE ON SCHEMA app TO agentbase_app;
GRANT USAGE ON SCHEMA public TO agentbase_app;
-- agentbase_gate owns the few SECURITY DEFINER functions. It is granted single columns, never a whole table.
GRANT USAGE, CREATE ON SCHEMA app TO agentbase_gate;
GRANT USAGE ON SCHEMA public TO agentbase_gate;

-- The context -------------------------------------------------------------------------------------------------------
-- A setting that was local to an ended transaction reads '' instead of NULL: hence NULLIF.

CREATE FUNCTION app.current_tenant_id() RETURNS uuid LANGUAGE sql STABLE PARALLEL SAFE
  RETURN NULLIF(current_setting('app.tenant_id', true), '')::uuid;

CREATE FUNCTION app.current_user_id() RETURNS uuid LANGUAGE sql STABLE PARALLEL SAFE
  RETURN NULLIF(current_setting('app.user_id', true), '')::uuid;

CREATE FUNCTION app.current_api_key_id() RETURNS uuid LANGUAGE sql STABLE PARALLEL SAFE
  RETURN NULLIF(current_setting('app.api_key_id', true), '')::uuid;

GRANT EXECUTE ON FUNCTION app.current_tenant_id(), app.current_user_id(), app.current_api_key_id()
  TO agentbase_app, agentbase_gate;

-- UUIDv7 (RFC 9562, section 5.7) ------------------------------------------------------------------------------------

CREATE FUNCTION app.uuid_v7() RETURNS uuid LANGUAGE sql VOLATILE PARALLEL SAFE
  RETURN encode(
    set_bit(set_bit(
      overlay(uuid_send(gen_random_uuid())
        PLACING substring(int8send((extract(epoch FROM clock_timestamp()) * 1000)::bigint) FROM 3) FROM 1 FOR 6),
      52, 1), 53, 1),
    'hex')::uuid;

-- The smallest UUIDv7 of a moment: the bound of a partition.
CREATE FUNCTION app.uuid_v7_floor(moment timestamptz) RETURNS uuid LANGUAGE sql IMMUTABLE PARALLEL SAFE
  RETURN (lpad(to_hex(greatest((extract(epoch FROM moment) * 1000)::bigint, 0)), 12, '0') || repeat('0', 20))::uuid;

GRANT EXECUTE ON FUNCTION app.uuid_v7(), app.uuid_v7_floor(timestamptz) TO agentbase_app, agentbase_gate;

-- Triggers of many tables -------------------------------------------------------------------------------------------

CREATE FUNCTION app.touch_updated_at() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  NEW.updated_at := now();
  RETURN NEW;
END
$$;

-- Row security of a tenant table, the same for every one: enabled, forced, and one policy. The sub-select lets the planner
-- read the setting once a statement instead of once a row.
CREATE FUNCTION app.isolate(tenant_table regclass) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  EXECUTE format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY', tenant_table);
  EXECUTE format(
    'CREATE POLICY tenant_isolation ON %s TO agentbase_app '
    'USING (tenant_id = (SELECT app.current_tenant_id())) WITH CHECK (tenant_id = (SELECT app.current_tenant_id()))',
    tenant_table);
  IF EXISTS (SELECT FROM pg_attribute WHERE attrelid = tenant_table AND attname = 'updated_at' AND NOT attisdropped) THEN
    EXECUTE format('CREATE TRIGGER touch_updated_at BEFORE UPDATE ON %s FOR EACH ROW EXECUTE FUNCTION app.touch_updated_at()', tenant_table);
  END IF;
END
$$;
REVOKE ALL ON FUNCTION app.isolate(regclass) FROM PUBLIC;

-- Formats -----------------------------------------------------------------------------------------------------------

CREATE FUNCTION app.is_slug(value text) RETURNS boolean LANGUAGE sql IMMUTABLE PARALLEL SAFE
  RETURN value ~ '^[a-z0-9]+(-[a-z0-9]+)*$' AND length(value) BETWEEN 1 AND 63;

CREATE FUNCTION app.is_email(value text) RETURNS boolean LANGUAGE sql IMMUTABLE PARALLEL SAFE
  RETURN value ~ '^[^@\s]+@[^@\s.]+(\.[^@\s.]+)+$' AND length(value) <= 320;

GRANT EXECUTE ON FUNCTION app.is_slug(text), app.is_email(text) TO agentbase_app, agentbase_gate;

-- Monthly partitions ------------------------------------------------------------------------------------------------

CREATE TABLE app.partitioned_tables (
  table_name name PRIMARY KEY,
  -- Columns that no two rows of a month may share: a unique index over all months would need the partition key.
  unique_columns text,
  -- Whole months kept before a partition is dropped. Null keeps all.
  retention_months integer CHECK (retention_months > 0)
);
COMMENT ON TABLE app.partitioned_tables IS 'Tables of public that are partitioned by month on their UUIDv7 id. Operators set retention_months.';

-- Makes the partition of one month, moving into it what the default partition caught in the meantime.
CREATE FUNCTION app.make_partition(parent name, month_start timestamptz) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  child text := parent || '_' || to_char(month_start AT TIME ZONE 'UTC', 'YYYYMM');
  caught text := parent || '_default';
  waiting text := child || '_waiting';
  lower_bound uuid := app.uuid_v7_floor(month_start);
  upper_bound uuid := app.uuid_v7_floor(((month_start AT TIME ZONE 'UTC') + interval '1 month') AT TIME ZONE 'UTC');
  unique_columns text;
BEGIN
  IF to_regclass(format('partitions.%I', child)) IS NOT NULL THEN
    RETURN false;
  END IF;
  SELECT t.unique_columns INTO STRICT unique_columns FROM app.partitioned_tables t WHERE t.table_name = parent;

  EXECUTE format('LOCK TABLE public.%I IN ACCESS EXCLUSIVE MODE', parent);
  -- The owner is subject to forced row security as well, and a row that moves is neither deleted nor made: lift both for the
  -- move, inside this transaction. Rows wait outside until the partition stands: attaching them with it would check their
  -- foreign keys under the row security of the tables they refer to, where the owner sees nothing.
  EXECUTE format('CREATE TABLE partitions.%I (LIKE public.%I)', waiting, parent);
  EXECUTE format('ALTER TABLE partitions.%I NO FORCE ROW LEVEL SECURITY, DISABLE TRIGGER USER', caught);
  EXECUTE format(
    'WITH moved AS (DELETE FROM partitions.%I WHERE id >= %L AND id < %L RETURNING *) INSERT INTO partitions.%I SELECT * FROM moved',
    caught, lower_bound, upper_bound, waiting);
  EXECUTE format('ALTER TABLE partitions.%I FORCE ROW LEVEL SECURITY, ENABLE TRIGGER USER', caught);
  EXECUTE format('CREATE TABLE partitions.%I PARTITION OF public.%I FOR VALUES FROM (%L) TO (%L)', child, parent, lower_bound, upper_bound);
  IF unique_columns IS NOT NULL THEN
    EXECUTE format('CREATE UNIQUE INDEX ON partitions.%I (%s)', child, unique_columns);
  END IF;
  EXECUTE format('ALTER TABLE partitions.%I DISABLE TRIGGER USER', child);
  EXECUTE format('INSERT INTO partitions.%I SELECT * FROM partitions.%I', child, waiting);
  EXECUTE format('ALTER TABLE partitions.%I ENABLE TRIGGER USER, ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY', child);
  EXECUTE format('DROP TABLE partitions.%I', waiting);
  RETURN true;
END
$$;

-- Makes the partitions of this month and the next ones, and drops those past their retention. Cheap when there is
-- nothing to do; safe to call from several processes at once.
CREATE FUNCTION app.maintain_partitions(months_ahead integer DEFAULT 3) RETURNS TABLE (partition_name text, change text)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  this_month timestamptz := date_trunc('month', now() AT TIME ZONE 'UTC') AT TIME ZONE 'UTC';
  entry record;
  expired record;
  month_start timestamptz;
BEGIN
  PERFORM pg_advisory_xact_lock(hashtextextended('agentbase:partitions', 0));
  FOR entry IN SELECT * FROM app.partitioned_tables LOOP
    FOR ahead IN 0 .. months_ahead LOOP
      month_start := ((this_month AT TIME ZONE 'UTC') + make_interval(months => ahead)) AT TIME ZONE 'UTC';
      IF app.make_partition(entry.table_name, month_start) THEN
        partition_name := entry.table_name || '_' || to_char(month_start AT TIME ZONE 'UTC', 'YYYYMM');
        change := 'created';
        RETURN NEXT;
      END IF;
    END LOOP;
    IF entry.retention_months IS NOT NULL THEN
      FOR expired IN
        SELECT c.relname FROM pg_inherits i
        JOIN pg_class c ON c.oid = i.inhrelid
        WHERE i.inhparent = format('public.%I', entry.table_name)::regclass
          AND c.relname ~ '_[0-9]{6}$'
          AND to_date(right(c.relname, 6), 'YYYYMM')::timestamp AT TIME ZONE 'UTC' <
              ((this_month AT TIME ZONE 'UTC') - make_interval(months => entry.retention_months)) AT TIME ZONE 'UTC'
      LOOP
        EXECUTE format('DROP TABLE partitions.%I', expired.relname);
        partition_name := expired.relname;
        change := 'dropped';
        RETURN NEXT;
      END LOOP;
    END IF;
  END LOOP;
END
$$;

-- Registers a partitioned table: its default partition, so that no row is ever lost for want of a month, then its months.
CREATE FUNCTION app.partition_by_month(parent name, unique_columns text DEFAULT NULL) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  INSERT INTO app.partitioned_tables (table_name, unique_columns) VALUES (parent, unique_columns);
  EXECUTE format('CREATE TABLE partitions.%I PARTITION OF public.%I DEFAULT', parent || '_default', parent);
  EXECUTE format('ALTER TABLE partitions.%I ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY', parent || '_default');
  IF unique_columns IS NOT NULL THEN
    EXECUTE format('CREATE UNIQUE INDEX ON partitions.%I (%s)', parent || '_default', unique_columns);
  END IF;
  PERFORM app.maintain_partitions();
END
$$;

REVOKE ALL ON FUNCTION app.make_partition(name, timestamptz), app.maintain_partitions(integer), app.partition_by_month(name, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION app.maintain_partitions(integer) TO agentbase_app;

-- Rate limits that must hold across processes without Redis: the table of the rate-limiter-flexible library, keyed by
-- hashes of what is limited. It holds no tenant data; only the server's own limiter touches it.
CREATE UNLOGGED TABLE app.rate_limits (
  key varchar(255) PRIMARY KEY,
  points integer NOT NULL DEFAULT 0,
  expire bigint
);
GRANT SELECT, INSERT, UPDATE, DELETE ON app.rate_limits TO agentbase_app;
COMMENT ON TABLE app.rate_limits IS 'Counters of sign-in attempts, shared by all server processes. Unlogged: losing them on a crash is harmless.';
