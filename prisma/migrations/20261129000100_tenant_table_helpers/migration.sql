-- What every tenant table repeats, as functions that a migration calls as the owner. They check what they are given and raise an exception that
-- names the missing statement. Grants stay explicit: a migration states them after these calls, so that no right exists before its policy.

-- The tenant is that of the transaction -----------------------------------------------------------------------------------
-- A writer may omit tenant_id. Without a tenant the default is null, which row security refuses. mcp_servers has none: a row without a tenant is the
-- platform's there, and must not become a tenant's by omission.

DO $$
DECLARE
  target regclass;
BEGIN
  FOR target IN
    SELECT c.oid FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
    WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p') AND a.attname = 'tenant_id' AND a.attnotnull
  LOOP
    EXECUTE format('ALTER TABLE %s ALTER COLUMN tenant_id SET DEFAULT app.current_tenant_id()', target);
  END LOOP;
END
$$;

-- Tenant tables -----------------------------------------------------------------------------------------------------------

-- The name that Prisma gives to an index or a constraint: cut in the middle, so that the kind stays.
CREATE FUNCTION app.object_name(target regclass, columns text[], kind text) RETURNS text LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp AS $$
  SELECT left(relname || '_' || array_to_string(columns, '_'), 62 - length(kind)) || '_' || kind FROM pg_class WHERE oid = target
$$;

-- Raises an exception unless the table has the column in one of the types.
CREATE FUNCTION app.require_column(target regclass, wanted name, VARIADIC types text[]) RETURNS void LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  found text := (SELECT format_type(atttypid, NULL) FROM pg_attribute WHERE attrelid = target AND attname = wanted AND attnum > 0 AND NOT attisdropped);
BEGIN
  IF found IS NULL THEN
    RAISE EXCEPTION '% has no column %', target, wanted USING ERRCODE = 'undefined_column', HINT = format('Add %I %s.', wanted, types[1]);
  ELSIF found <> ALL (types) THEN
    RAISE EXCEPTION '%.% is of type % instead of %', target, wanted, found, array_to_string(types, ' or ') USING ERRCODE = 'datatype_mismatch';
  END IF;
END
$$;

-- Creates the audit trigger of a table, or replaces it.
-- redacted: columns that are never copied. ignored: columns whose change alone is not worth a row; updated_at is always one of them.
CREATE FUNCTION app.audit_table(target regclass, resource text, redacted text[] DEFAULT '{}', ignored text[] DEFAULT '{}') RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  listed text;
BEGIN
  IF resource !~ '^[a-z][a-z0-9_]{0,49}$' THEN
    RAISE EXCEPTION 'the resource type % of % is not in lower snake case', quote_literal(resource), target USING ERRCODE = 'invalid_parameter_value';
  END IF;
  FOREACH listed IN ARRAY redacted || ignored LOOP
    IF NOT EXISTS (SELECT FROM pg_attribute WHERE attrelid = target AND attname = listed AND attnum > 0 AND NOT attisdropped) THEN
      RAISE EXCEPTION '% has no column %', target, listed USING ERRCODE = 'undefined_column';
    END IF;
  END LOOP;
  EXECUTE format('DROP TRIGGER IF EXISTS audit ON %s', target);
  EXECUTE format('CREATE TRIGGER audit AFTER INSERT OR UPDATE OR DELETE ON %s FOR EACH ROW EXECUTE FUNCTION app.audit(%s)', target,
    CASE
      WHEN ignored <> '{}' THEN format('%L, %L, %L', resource, redacted, ignored)
      WHEN redacted <> '{}' THEN format('%L, %L', resource, redacted)
      ELSE quote_literal(resource)
    END);
END
$$;

-- Adds a column to those that the audit trigger of a table ignores, or removes it. Does nothing where there is no audit trigger.
CREATE FUNCTION app.ignore_in_audit(target regclass, counted name, ignore boolean DEFAULT true) RETURNS void LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  -- The arguments of a trigger are one byte string, each ended by a zero byte, which the escape format writes as \000.
  arguments text[] := (SELECT string_to_array(encode(tgargs, 'escape'), '\000') FROM pg_trigger
    WHERE tgrelid = target AND tgname = 'audit' AND NOT tgisinternal);
  ignored text[];
BEGIN
  IF arguments IS NULL THEN
    RETURN;
  END IF;
  ignored := coalesce(NULLIF(arguments[3], '')::text[], '{}');
  IF (counted::text = ANY (ignored)) <> ignore THEN
    PERFORM app.audit_table(target, arguments[1], coalesce(NULLIF(arguments[2], '')::text[], '{}'),
      CASE WHEN ignore THEN ignored || counted::text ELSE array_remove(ignored, counted::text) END);
  END IF;
END
$$;

-- Makes a table of public a tenant table: default and foreign key of tenant_id, row security with its policy, updated_at and audit triggers.
-- Call it last, after keys, foreign keys, indexes and numbers, and before the grants.
-- audit: the resource type in the audit log, such as 'task'; NULL for a table that is a log or derived from audited rows.
-- touch: false for a table whose rows never change. Such a table has no updated_at.
CREATE FUNCTION app.tenant_table(target regclass, audit text, audit_redacted text[] DEFAULT '{}', audit_ignored text[] DEFAULT '{}',
  touch boolean DEFAULT true) RETURNS void LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  key text;
  reference record;
BEGIN
  IF NOT EXISTS (SELECT FROM pg_class WHERE oid = target AND relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p') AND NOT relispartition) THEN
    RAISE EXCEPTION '% is not a table of the schema public', target USING ERRCODE = 'wrong_object_type';
  END IF;
  PERFORM app.require_column(target, 'tenant_id', 'uuid');
  PERFORM app.require_column(target, 'id', 'uuid');
  PERFORM app.require_column(target, 'created_at', 'timestamp with time zone');
  IF touch THEN
    PERFORM app.require_column(target, 'updated_at', 'timestamp with time zone');
  ELSIF EXISTS (SELECT FROM pg_attribute WHERE attrelid = target AND attname = 'updated_at' AND NOT attisdropped) THEN
    RAISE EXCEPTION '% has a column updated_at, which touch => false would leave as it is', target USING ERRCODE = 'invalid_table_definition';
  END IF;
  key := (SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE conrelid = target AND contype = 'p');
  IF key IS DISTINCT FROM 'PRIMARY KEY (tenant_id, id)' THEN
    RAISE EXCEPTION '% has % instead of PRIMARY KEY (tenant_id, id)', target, coalesce(key, 'no primary key') USING ERRCODE = 'invalid_table_definition';
  END IF;
  IF has_table_privilege('agentbase_app', target, 'SELECT, INSERT, UPDATE, DELETE') OR has_any_column_privilege('agentbase_app', target, 'SELECT, INSERT, UPDATE') THEN
    RAISE EXCEPTION 'agentbase_app was granted rights on % before the table has its policy', target USING ERRCODE = 'invalid_grant_operation',
      HINT = 'Grant after app.tenant_table.';
  END IF;

  EXECUTE format('ALTER TABLE %s ALTER COLUMN tenant_id SET DEFAULT app.current_tenant_id(), '
    'ADD CONSTRAINT %I FOREIGN KEY (tenant_id) REFERENCES public.tenants(id) ON DELETE CASCADE', target, app.object_name(target, '{tenant_id}', 'fkey'));
  -- Without an index, deleting the row that is referred to reads this table whole. A partial index serves only where its condition is asked for.
  FOR reference IN
    SELECT f.conname, f.conkey FROM pg_constraint f WHERE f.conrelid = target AND f.contype = 'f' AND NOT EXISTS (
      SELECT FROM pg_index i WHERE i.indrelid = target AND i.indpred IS NULL AND (i.indkey::smallint[])[0:cardinality(f.conkey) - 1] @> f.conkey)
  LOOP
    RAISE EXCEPTION 'no index of % starts with the columns of %', target, reference.conname USING ERRCODE = 'invalid_table_definition';
  END LOOP;
  PERFORM app.isolate(target);
  IF audit IS NOT NULL THEN
    PERFORM app.audit_table(target, audit, audit_redacted, audit_ignored);
    IF EXISTS (SELECT FROM pg_attribute WHERE attrelid = target AND attname = 'change_sequence' AND NOT attisdropped) AND 'change_sequence' <> ALL (audit_ignored) THEN
      PERFORM app.ignore_in_audit(target, 'change_sequence');
    END IF;
  END IF;
END
$$;

-- Numbers -----------------------------------------------------------------------------------------------------------------
-- A number is taken from the row of the parent, which stays locked until commit: the order of numbers is the order of commits, and a rollback
-- leaves no gap. The trigger functions are generated for each table instead of taking their names as arguments, because plpgsql caches the plan of a
-- static statement for the life of a connection and parses and plans a dynamic one at each row. They run with the caller's rights, under row
-- security: the migration grants UPDATE of the parent's column.

-- The column by which a table refers to its parent, (tenant_id, column) to (tenant_id, id). One is asked for by name where there are several.
CREATE FUNCTION app.parent_column(target regclass, parent regclass, wanted name) RETURNS name LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  columns name[] := (
    SELECT array_agg(c.attname) FROM pg_constraint f
    JOIN pg_attribute t ON t.attrelid = f.conrelid AND t.attnum = f.conkey[1] AND t.attname = 'tenant_id'
    JOIN pg_attribute c ON c.attrelid = f.conrelid AND c.attnum = f.conkey[2] AND c.attnotnull
    JOIN pg_attribute k ON k.attrelid = f.confrelid AND k.attnum = f.confkey[2] AND k.attname = 'id'
    WHERE f.contype = 'f' AND f.conrelid = target AND f.confrelid = parent AND cardinality(f.conkey) = 2 AND (wanted IS NULL OR c.attname = wanted));
BEGIN
  IF cardinality(columns) = 1 THEN
    RETURN columns[1];
  END IF;
  RAISE EXCEPTION '% has % foreign keys (tenant_id, %) of NOT NULL columns to %(tenant_id, id) instead of one', target, coalesce(cardinality(columns), 0),
    coalesce(wanted, '…'), parent USING ERRCODE = 'invalid_foreign_key';
END
$$;

-- Gives a table its column of last numbers, which begins at 0 whatever an insert says. A column that exists already is started by triggers of the
-- table's own, or by the migration that numbered another table in this one.
CREATE FUNCTION app.add_last_number(parent regclass, number_column name, number_type regtype) RETURNS void LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  starter text := format('start_%s_%s', (SELECT relname FROM pg_class WHERE oid = parent), number_column);
BEGIN
  IF EXISTS (SELECT FROM pg_attribute WHERE attrelid = parent AND attname = number_column AND NOT attisdropped) THEN
    PERFORM app.require_column(parent, number_column, 'bigint', 'integer');
    PERFORM app.ignore_in_audit(parent, number_column);
    RETURN;
  END IF;
  EXECUTE format('ALTER TABLE %s ADD COLUMN %I %s NOT NULL DEFAULT 0', parent, number_column, number_type);
  PERFORM app.ignore_in_audit(parent, number_column);
  EXECUTE format('CREATE FUNCTION app.%I() RETURNS trigger LANGUAGE plpgsql AS %L', starter,
    format('BEGIN NEW.%I := 0; RETURN NEW; END', number_column));
  EXECUTE format('CREATE TRIGGER %I BEFORE INSERT ON %s FOR EACH ROW EXECUTE FUNCTION app.%I()', 'start_' || number_column, parent, starter);
END
$$;

-- For down.sql: removes from a table the column of last numbers that a migration gave it, after what it numbered.
CREATE FUNCTION app.drop_last_number(parent regclass, number_column name) RETURNS void LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  EXECUTE format('DROP TRIGGER %I ON %s', 'start_' || number_column, parent);
  EXECUTE format('DROP FUNCTION app.%I()', format('start_%s_%s', (SELECT relname FROM pg_class WHERE oid = parent), number_column));
  PERFORM app.ignore_in_audit(parent, number_column, false);
  EXECUTE format('ALTER TABLE %s DROP COLUMN %I', parent, number_column);
END
$$;

-- Numbers every change of a row in its parent: change_sequence of the row is the number of its last change, change_sequence of the parent that of the
-- last change among its rows. A deletion takes a number too, and a row that moves to another parent takes one in both. What is subscribed to
-- reads the rows after a number by the index.
CREATE FUNCTION app.number_changes(target regclass, parent regclass, parent_id name DEFAULT NULL) RETURNS void LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  table_name text := (SELECT relname FROM pg_class WHERE oid = target);
  reference name := app.parent_column(target, parent, parent_id);
  -- One statement for all: the next number of the parent of NEW or OLD.
  advance text := format('UPDATE %s SET change_sequence = change_sequence + 1 WHERE tenant_id = %%1$s.tenant_id AND id = %%1$s.%I', parent, reference);
BEGIN
  PERFORM app.add_last_number(parent, 'change_sequence', 'bigint');
  EXECUTE format('ALTER TABLE %s ADD COLUMN IF NOT EXISTS change_sequence bigint NOT NULL DEFAULT 0', target);
  PERFORM app.require_column(target, 'change_sequence', 'bigint');
  EXECUTE format('CREATE INDEX %I ON %s (tenant_id, %I, change_sequence)',
    app.object_name(target, ARRAY['tenant_id', reference, 'change_sequence'], 'idx'), target, reference);

  EXECUTE format('CREATE FUNCTION app.%I() RETURNS trigger LANGUAGE plpgsql AS %L', format('number_%s_change', table_name), format($body$
BEGIN
  IF TG_OP = 'UPDATE' AND OLD.%1$I <> NEW.%1$I THEN
    %2$s;
  END IF;
  %3$s
  RETURNING change_sequence INTO NEW.change_sequence;
  IF NOT FOUND THEN
    RAISE EXCEPTION 'no row of %4$s has the id %%', NEW.%1$I USING ERRCODE = 'foreign_key_violation';
  END IF;
  RETURN NEW;
END
$body$, reference, format(advance, 'OLD'), format(advance, 'NEW'), parent));
  EXECUTE format('CREATE TRIGGER number_change BEFORE INSERT OR UPDATE ON %s FOR EACH ROW EXECUTE FUNCTION app.%I()', target,
    format('number_%s_change', table_name));

  -- AFTER: the parent may be what is deleted, with its rows.
  EXECUTE format('CREATE FUNCTION app.%I() RETURNS trigger LANGUAGE plpgsql AS %L', format('number_%s_deletion', table_name), format($body$
BEGIN
  %s;
  RETURN NULL;
END
$body$, format(advance, 'OLD')));
  EXECUTE format('CREATE TRIGGER number_deletion AFTER DELETE ON %s FOR EACH ROW EXECUTE FUNCTION app.%I()', target, format('number_%s_deletion', table_name));
END
$$;

-- Numbers the rows of an append-only log in their parent: sequence is 1, 2, 3 … without a gap, last_event_sequence of the parent the last one given.
-- INSERT … ON CONFLICT DO NOTHING would leave a gap: it runs the trigger before it finds a conflict.
-- A log that is partitioned by month is unique within each: SELECT app.partition_by_month(log, 'tenant_id, <parent>_id, sequence').
CREATE FUNCTION app.number_log(target regclass, parent regclass, parent_id name DEFAULT NULL) RETURNS void LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  table_name text := (SELECT relname FROM pg_class WHERE oid = target);
  partitioned boolean := (SELECT relkind = 'p' FROM pg_class WHERE oid = target);
  reference name := app.parent_column(target, parent, parent_id);
BEGIN
  PERFORM app.add_last_number(parent, 'last_event_sequence', 'integer');
  EXECUTE format('ALTER TABLE %s ADD COLUMN IF NOT EXISTS sequence integer NOT NULL', target);
  PERFORM app.require_column(target, 'sequence', 'integer', 'bigint');
  EXECUTE format('ALTER TABLE %s ADD CONSTRAINT %I CHECK (sequence > 0)', target, app.object_name(target, '{sequence}', 'check'));
  EXECUTE format('CREATE %s %I ON %s (tenant_id, %I, sequence)', CASE WHEN partitioned THEN 'INDEX' ELSE 'UNIQUE INDEX' END,
    app.object_name(target, ARRAY['tenant_id', reference, 'sequence'], CASE WHEN partitioned THEN 'idx' ELSE 'key' END), target, reference);

  EXECUTE format('CREATE FUNCTION app.%I() RETURNS trigger LANGUAGE plpgsql AS %L', format('number_%s', table_name), format($body$
BEGIN
  UPDATE %1$s SET last_event_sequence = last_event_sequence + 1 WHERE tenant_id = NEW.tenant_id AND id = NEW.%2$I
  RETURNING last_event_sequence INTO NEW.sequence;
  IF NOT FOUND THEN
    RAISE EXCEPTION 'no row of %1$s has the id %%', NEW.%2$I USING ERRCODE = 'foreign_key_violation';
  END IF;
  RETURN NEW;
END
$body$, parent, reference));
  EXECUTE format('CREATE TRIGGER number_row BEFORE INSERT ON %s FOR EACH ROW EXECUTE FUNCTION app.%I()', target, format('number_%s', table_name));
END
$$;

REVOKE ALL ON FUNCTION app.object_name(regclass, text[], text), app.require_column(regclass, name, text[]),
  app.audit_table(regclass, text, text[], text[]), app.ignore_in_audit(regclass, name, boolean),
  app.tenant_table(regclass, text, text[], text[], boolean), app.parent_column(regclass, regclass, name),
  app.add_last_number(regclass, name, regtype), app.drop_last_number(regclass, name),
  app.number_changes(regclass, regclass, name), app.number_log(regclass, regclass, name) FROM PUBLIC;
