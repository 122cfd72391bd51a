-- Tenants, people, and what lets them in. Tenants and users are global rows, visible by membership.

CREATE TYPE tenant_status AS ENUM ('ACTIVE', 'SUSPENDED', 'DELETED');

CREATE TYPE user_status AS ENUM ('ACTIVE', 'INACTIVE', 'SUSPENDED');

CREATE TYPE member_role AS ENUM ('OWNER', 'ADMIN', 'MEMBER', 'VIEWER');

CREATE TYPE membership_status AS ENUM ('ACTIVE', 'SUSPENDED');

CREATE TYPE api_key_status AS ENUM ('ACTIVE', 'REVOKED', 'EXPIRED');

CREATE TABLE tenants (
  id uuid NOT NULL,
  name varchar(200) NOT NULL,
  slug varchar(63) NOT NULL,
  status tenant_status NOT NULL DEFAULT 'ACTIVE',
  plan_code varchar(50) NOT NULL DEFAULT 'free',
  contact_email citext,
  contact_name varchar(200),
  settings jsonb NOT NULL DEFAULT '{}',
  metadata jsonb NOT NULL DEFAULT '{}',
  created_at timestamptz(6) NOT NULL DEFAULT CURRENT_TIMESTAMP,
  updated_at timestamptz(6) NOT NULL DEFAULT CURRENT_TIMESTAMP,
  deleted_at timestamptz(6),
  CONSTRAINT tenants_pkey PRIMARY KEY (id)
);
CREATE UNIQUE INDEX tenants_slug_key ON tenants(slug);

CREATE TABLE users (
  id uuid NOT NULL,
  email citext NOT NULL,
  username varchar(100),
  password_hash text,
  first_name varchar(100),
  last_name varchar(100),
  avatar_url varchar(2048),
  status user_status NOT NULL DEFAULT 'ACTIVE',
  email_verified_at timestamptz(6),
  last_login_at timestamptz(6),
  is_platform_admin boolean NOT NULL DEFAULT false,
  created_at timestamptz(6) NOT NULL DEFAULT CURRENT_TIMESTAMP,
  updated_at timestamptz(6) NOT NULL DEFAULT CURRENT_TIMESTAMP,
  CONSTRAINT users_pkey PRIMARY KEY (id)
);
CREATE UNIQUE INDEX users_email_key ON users(email);

CREATE TABLE user_identities (
  id uuid NOT NULL,
  user_id uuid NOT NULL,
  issuer varchar(512) NOT NULL,
  subject varchar(255) NOT NULL,
  created_at timestamptz(6) NOT NULL DEFAULT CURRENT_TIMESTAMP,
  updated_at timestamptz(6) NOT NULL DEFAULT CURRENT_TIMESTAMP,
  CONSTRAINT user_identities_pkey PRIMARY KEY (id)
);
CREATE INDEX user_identities_user_id_idx ON user_identities(user_id);
CREATE UNIQUE INDEX user_identities_issuer_subject_key ON user_identities(issuer, subject);
ALTER TABLE user_identities ADD CONSTRAINT user_identities_user_id_fkey FOREIGN KEY (user_id) REFERENCES users(id) ON DELETE CASCADE;

CREATE TABLE memberships (
  tenant_id uuid NOT NULL,
  id uuid NOT NULL,
  user_id uuid NOT NULL,
  role member_role NOT NULL DEFAULT 'MEMBER',
  permissions jsonb NOT NULL DEFAULT '[]',
  status membership_status NOT NULL DEFAULT 'ACTIVE',
  created_at timestamptz(6) NOT NULL DEFAULT CURRENT_TIMESTAMP,
  updated_at timestamptz(6) NOT NULL DEFAULT CURRENT_TIMESTAMP,
  CONSTRAINT memberships_pkey PRIMARY KEY (tenant_id, id)
);
CREATE INDEX memberships_user_id_idx ON memberships(user_id);
CREATE UNIQUE INDEX memberships_tenant_id_user_id_key ON memberships(tenant_id, user_id);
ALTER TABLE memberships ADD CONSTRAINT memberships_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES tenants(id) ON DELETE CASCADE;
ALTER TABLE memberships ADD CONSTRAINT memberships_user_id_fkey FOREIGN KEY (user_id) REFERENCES users(id) ON DELETE CASCADE;

CREATE TABLE invitations (
  tenant_id uuid NOT NULL,
  id uuid NOT NULL,
  email citext NOT NULL,
  role member_role NOT NULL DEFAULT 'MEMBER',
  token_hash char(64) NOT NULL,
  expires_at timestamptz(6) NOT NULL,
  accepted_at timestamptz(6),
  revoked_at timestamptz(6),
  invited_by_id uuid,
  created_at timestamptz(6) NOT NULL DEFAULT CURRENT_TIMESTAMP,
  updated_at timestamptz(6) NOT NULL DEFAULT CURRENT_TIMESTAMP,
  CONSTRAINT invitations_pkey PRIMARY KEY (tenant_id, id)
);
CREATE UNIQUE INDEX invitations_token_hash_key ON invitations(token_hash);
CREATE INDEX invitations_tenant_id_email_idx ON invitations(tenant_id, email);
CREATE INDEX invitations_invited_by_id_idx ON invitations(invited_by_id);
ALTER TABLE invitations ADD CONSTRAINT invitations_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES tenants(id) ON DELETE CASCADE;
ALTER TABLE invitations ADD CONSTRAINT invitations_invited_by_id_fkey FOREIGN KEY (invited_by_id) REFERENCES users(id) ON DELETE SET NULL;

CREATE TABLE refresh_tokens (
  tenant_id uuid NOT NULL,
  id uuid NOT NULL,
  user_id uuid NOT NULL,
  token_hash char(64) NOT NULL,
  family uuid NOT NULL,
  expires_at timestamptz(6) NOT NULL,
  rotated_at timestamptz(6),
  revoked_at timestamptz(6),
  created_at timestamptz(6) NOT NULL DEFAULT CURRENT_TIMESTAMP,
  updated_at timestamptz(6) NOT NULL DEFAULT CURRENT_TIMESTAMP,
  CONSTRAINT refresh_tokens_pkey PRIMARY KEY (tenant_id, id)
);
CREATE UNIQUE INDEX refresh_tokens_token_hash_key ON refresh_tokens(token_hash);
CREATE INDEX refresh_tokens_tenant_id_family_idx ON refresh_tokens(tenant_id, family);
CREATE INDEX refresh_tokens_user_id_idx ON refresh_tokens(user_id);
ALTER TABLE refresh_tokens ADD CONSTRAINT refresh_tokens_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES tenants(id) ON DELETE CASCADE;
ALTER TABLE refresh_tokens ADD CONSTRAINT refresh_tokens_user_id_fkey FOREIGN KEY (user_id) REFERENCES users(id) ON DELETE CASCADE;

CREATE TABLE api_keys (
  tenant_id uuid NOT NULL,
  id uuid NOT NULL,
  user_id uuid,
  name varchar(200) NOT NULL,
  key_hash char(64) NOT NULL,
  key_prefix varchar(20) NOT NULL,
  scopes jsonb NOT NULL DEFAULT '[]',
  status api_key_status NOT NULL DEFAULT 'ACTIVE',
  expires_at timestamptz(6),
  revoked_at timestamptz(6),
  last_used_at timestamptz(6),
  usage_count bigint NOT NULL DEFAULT 0,
  metadata jsonb NOT NULL DEFAULT '{}',
  created_at timestamptz(6) NOT NULL DEFAULT CURRENT_TIMESTAMP,
  updated_at timestamptz(6) NOT NULL DEFAULT CURRENT_TIMESTAMP,
  CONSTRAINT api_keys_pkey PRIMARY KEY (tenant_id, id)
);
CREATE UNIQUE INDEX api_keys_key_hash_key ON api_keys(key_hash);
CREATE INDEX api_keys_tenant_id_created_at_id_idx ON api_keys(tenant_id, created_at, id);
CREATE INDEX api_keys_user_id_idx ON api_keys(user_id);
ALTER TABLE api_keys ADD CONSTRAINT api_keys_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES tenants(id) ON DELETE CASCADE;
ALTER TABLE api_keys ADD CONSTRAINT api_keys_user_id_fkey FOREIGN KEY (user_id) REFERENCES users(id) ON DELETE SET NULL;

-- What the API refuses, the database refuses ------------------------------------------------------------------------

ALTER TABLE tenants
  ADD CONSTRAINT tenants_name_check CHECK (length(btrim(name)) > 0),
  ADD CONSTRAINT tenants_slug_check CHECK (app.is_slug(slug)),
  ADD CONSTRAINT tenants_contact_email_check CHECK (app.is_email(contact_email::text)),
  ADD CONSTRAINT tenants_settings_check CHECK (jsonb_typeof(settings) = 'object'),
  ADD CONSTRAINT tenants_metadata_check CHECK (jsonb_typeof(metadata) = 'object'),
  ADD CONSTRAINT tenants_deleted_at_check CHECK ((status = 'DELETED') = (deleted_at IS NOT NULL));
ALTER TABLE users
  ADD CONSTRAINT users_email_check CHECK (app.is_email(email::text)),
  ADD CONSTRAINT users_password_hash_check CHECK (password_hash LIKE '$argon2id$%'),
  ADD CONSTRAINT users_avatar_url_check CHECK (avatar_url ~ '^https?://');
ALTER TABLE memberships
  ADD CONSTRAINT memberships_permissions_check CHECK (jsonb_typeof(permissions) = 'array');
ALTER TABLE invitations
  ADD CONSTRAINT invitations_email_check CHECK (app.is_email(email::text)),
  ADD CONSTRAINT invitations_token_hash_check CHECK (token_hash ~ '^[0-9a-f]{64}$'),
  ADD CONSTRAINT invitations_end_check CHECK (accepted_at IS NULL OR revoked_at IS NULL);
ALTER TABLE refresh_tokens
  ADD CONSTRAINT refresh_tokens_token_hash_check CHECK (token_hash ~ '^[0-9a-f]{64}$');
ALTER TABLE api_keys
  ADD CONSTRAINT api_keys_name_check CHECK (length(btrim(name)) > 0),
  ADD CONSTRAINT api_keys_key_hash_check CHECK (key_hash ~ '^[0-9a-f]{64}$'),
  ADD CONSTRAINT api_keys_scopes_check CHECK (jsonb_typeof(scopes) = 'array'),
  ADD CONSTRAINT api_keys_usage_count_check CHECK (usage_count >= 0),
  ADD CONSTRAINT api_keys_metadata_check CHECK (jsonb_typeof(metadata) = 'object'),
  ADD CONSTRAINT api_keys_revoked_at_check CHECK ((status = 'REVOKED') = (revoked_at IS NOT NULL));

-- Row security ------------------------------------------------------------------------------------------------------

SELECT app.isolate('memberships');
SELECT app.isolate('invitations');
SELECT app.isolate('api_keys');

-- A session belongs to its person as well.
SELECT app.isolate('refresh_tokens');
CREATE POLICY own_sessions ON refresh_tokens AS RESTRICTIVE TO agentbase_app
  USING (user_id = (SELECT app.current_user_id())) WITH CHECK (user_id = (SELECT app.current_user_id()));

-- A tenant is its own boundary. Creating one means acting in it from the first row on.
ALTER TABLE tenants ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant_isolation ON tenants TO agentbase_app
  USING (id = (SELECT app.current_tenant_id())) WITH CHECK (id = (SELECT app.current_tenant_id()));
CREATE TRIGGER touch_updated_at BEFORE UPDATE ON tenants FOR EACH ROW EXECUTE FUNCTION app.touch_updated_at();

-- A person sees themselves and the members of the tenant they are in, and changes nobody else.
ALTER TABLE users ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY visible_by_membership ON users FOR SELECT TO agentbase_app
  USING (
    id = (SELECT app.current_user_id())
    OR EXISTS (SELECT FROM memberships m WHERE m.tenant_id = (SELECT app.current_tenant_id()) AND m.user_id = users.id)
  );
CREATE POLICY create_self ON users FOR INSERT TO agentbase_app
  WITH CHECK (id = (SELECT app.current_user_id()) AND NOT is_platform_admin AND status = 'ACTIVE');
CREATE POLICY change_self ON users FOR UPDATE TO agentbase_app
  USING (id = (SELECT app.current_user_id())) WITH CHECK (id = (SELECT app.current_user_id()));
CREATE TRIGGER touch_updated_at BEFORE UPDATE ON users FOR EACH ROW EXECUTE FUNCTION app.touch_updated_at();

ALTER TABLE user_identities ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY own_identities ON user_identities TO agentbase_app
  USING (user_id = (SELECT app.current_user_id())) WITH CHECK (user_id = (SELECT app.current_user_id()));
CREATE TRIGGER touch_updated_at BEFORE UPDATE ON user_identities FOR EACH ROW EXECUTE FUNCTION app.touch_updated_at();

-- A tenant without an owner could never be managed again. The tenant's row is locked so that two owners cannot leave
-- at the same moment.
CREATE FUNCTION app.keep_an_owner() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP = 'UPDATE' AND NEW.role = 'OWNER' AND NEW.status = 'ACTIVE' THEN
    RETURN NULL;
  END IF;
  PERFORM FROM tenants WHERE id = OLD.tenant_id FOR UPDATE;
  IF FOUND AND NOT EXISTS (
    SELECT FROM memberships WHERE tenant_id = OLD.tenant_id AND role = 'OWNER' AND status = 'ACTIVE'
  ) THEN
    RAISE EXCEPTION 'a tenant needs at least one active owner' USING ERRCODE = 'AB002';
  END IF;
  RETURN NULL;
END
$$;
CREATE TRIGGER keep_an_owner AFTER UPDATE OR DELETE ON memberships
  FOR EACH ROW WHEN (OLD.role = 'OWNER' AND OLD.status = 'ACTIVE') EXECUTE FUNCTION app.keep_an_owner();

-- Grants: whole tables to write, single columns to read where a column is a secret --------------------------------------

GRANT SELECT, INSERT ON tenants TO agentbase_app;
GRANT UPDATE (name, slug, status, contact_email, contact_name, settings, metadata, updated_at, deleted_at) ON tenants TO agentbase_app;

GRANT SELECT (id, email, username, first_name, last_name, avatar_url, status, email_verified_at, last_login_at, is_platform_admin, created_at, updated_at),
  INSERT,
  UPDATE (username, password_hash, first_name, last_name, avatar_url, email_verified_at, last_login_at, updated_at)
  ON users TO agentbase_app;
GRANT SELECT, INSERT, DELETE ON user_identities TO agentbase_app;

GRANT SELECT, INSERT, DELETE, UPDATE (role, permissions, status, updated_at) ON memberships TO agentbase_app;

GRANT SELECT (tenant_id, id, email, role, expires_at, accepted_at, revoked_at, invited_by_id, created_at, updated_at),
  INSERT,
  UPDATE (accepted_at, revoked_at, updated_at)
  ON invitations TO agentbase_app;

GRANT SELECT (tenant_id, id, user_id, family, expires_at, rotated_at, revoked_at, created_at, updated_at),
  INSERT,
  UPDATE (rotated_at, revoked_at, updated_at)
  ON refresh_tokens TO agentbase_app;

GRANT SELECT (tenant_id, id, user_id, name, key_prefix, scopes, status, expires_at, revoked_at, last_used_at, usage_count, metadata, created_at, updated_at),
  INSERT,
  UPDATE (name, scopes, status, expires_at, revoked_at, last_used_at, usage_count, metadata, updated_at)
  ON api_keys TO agentbase_app;

-- Looking before a tenant is known ----------------------------------------------------------------------------------
-- Each function answers one question about one credential, and runs as a role that may read these columns and no more.

CREATE POLICY gate_lookup ON tenants FOR SELECT TO agentbase_gate USING (true);
CREATE POLICY gate_lookup ON users FOR SELECT TO agentbase_gate USING (true);
CREATE POLICY gate_lookup ON user_identities FOR SELECT TO agentbase_gate USING (true);
CREATE POLICY gate_lookup ON memberships FOR SELECT TO agentbase_gate USING (true);
CREATE POLICY gate_lookup ON invitations FOR SELECT TO agentbase_gate USING (true);
CREATE POLICY gate_lookup ON refresh_tokens FOR SELECT TO agentbase_gate USING (true);
CREATE POLICY gate_lookup ON api_keys FOR SELECT TO agentbase_gate USING (true);

GRANT SELECT (id, name, slug, status) ON tenants TO agentbase_gate;
GRANT SELECT (id, email, password_hash, status) ON users TO agentbase_gate;
GRANT SELECT (user_id, issuer, subject) ON user_identities TO agentbase_gate;
GRANT SELECT (tenant_id, id, user_id, role, permissions, status, created_at) ON memberships TO agentbase_gate;
GRANT SELECT (tenant_id, id, email, role, token_hash, expires_at, accepted_at, revoked_at) ON invitations TO agentbase_gate;
GRANT SELECT (tenant_id, id, user_id, token_hash, family, expires_at, rotated_at, revoked_at) ON refresh_tokens TO agentbase_gate;
GRANT SELECT (tenant_id, id, user_id, key_hash, scopes, status, expires_at) ON api_keys TO agentbase_gate;

-- The stored hash for an address, to compare a password with.
CREATE FUNCTION app.find_credentials(wanted_email citext)
RETURNS TABLE (user_id uuid, password_hash text, user_status user_status)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
  SELECT u.id, u.password_hash, u.status FROM public.users u WHERE u.email = wanted_email
$$;

-- The person an external issuer knows by a subject.
CREATE FUNCTION app.find_identity(wanted_issuer text, wanted_subject text)
RETURNS TABLE (user_id uuid, user_status user_status)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
  SELECT u.id, u.status FROM public.user_identities i JOIN public.users u ON u.id = i.user_id
  WHERE i.issuer = wanted_issuer AND i.subject = wanted_subject
$$;

-- What a person may do in a tenant, and whether person, membership and tenant are in use.
CREATE FUNCTION app.find_membership(wanted_user uuid, wanted_tenant uuid)
RETURNS TABLE (membership_id uuid, role member_role, permissions jsonb, membership_status membership_status, user_status user_status, tenant_status tenant_status)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
  SELECT m.id, m.role, m.permissions, m.status, u.status, t.status
  FROM public.memberships m
  JOIN public.users u ON u.id = m.user_id
  JOIN public.tenants t ON t.id = m.tenant_id
  WHERE m.user_id = wanted_user AND m.tenant_id = wanted_tenant
$$;

-- The tenants the current person can go to.
CREATE FUNCTION app.my_tenants()
RETURNS TABLE (tenant_id uuid, name text, slug text, role member_role, joined_at timestamptz)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
  SELECT t.id, t.name, t.slug, m.role, m.created_at
  FROM public.memberships m JOIN public.tenants t ON t.id = m.tenant_id
  WHERE m.user_id = app.current_user_id() AND m.status = 'ACTIVE' AND t.status = 'ACTIVE'
  ORDER BY m.created_at, t.id
$$;

-- An API key by its hash, with what its owner may do now: a key never outlives or outranks its maker's membership.
CREATE FUNCTION app.find_api_key(wanted_hash text)
RETURNS TABLE (api_key_id uuid, tenant_id uuid, user_id uuid, scopes jsonb, status api_key_status, expires_at timestamptz,
  tenant_status tenant_status, owner_role member_role, owner_permissions jsonb, owner_membership_status membership_status, owner_status user_status)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
  SELECT k.id, k.tenant_id, k.user_id, k.scopes, k.status, k.expires_at, t.status, m.role, m.permissions, m.status, u.status
  FROM public.api_keys k
  JOIN public.tenants t ON t.id = k.tenant_id
  LEFT JOIN public.memberships m ON m.tenant_id = k.tenant_id AND m.user_id = k.user_id
  LEFT JOIN public.users u ON u.id = k.user_id
  WHERE k.key_hash = wanted_hash
$$;

CREATE FUNCTION app.find_refresh_token(wanted_hash text)
RETURNS TABLE (refresh_token_id uuid, tenant_id uuid, user_id uuid, family uuid, expires_at timestamptz, rotated_at timestamptz, revoked_at timestamptz)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
  SELECT r.id, r.tenant_id, r.user_id, r.family, r.expires_at, r.rotated_at, r.revoked_at
  FROM public.refresh_tokens r WHERE r.token_hash = wanted_hash
$$;

-- An invitation by its token's hash, and the account its address already has.
CREATE FUNCTION app.find_invitation(wanted_hash text)
RETURNS TABLE (invitation_id uuid, tenant_id uuid, email text, role member_role, expires_at timestamptz, accepted_at timestamptz,
  revoked_at timestamptz, tenant_status tenant_status, user_id uuid)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
  SELECT i.id, i.tenant_id, i.email::text, i.role, i.expires_at, i.accepted_at, i.revoked_at, t.status, u.id
  FROM public.invitations i
  JOIN public.tenants t ON t.id = i.tenant_id
  LEFT JOIN public.users u ON u.email = i.email
  WHERE i.token_hash = wanted_hash
$$;

DO $$
DECLARE
  gate_function regprocedure;
BEGIN
  FOREACH gate_function IN ARRAY ARRAY[
    'app.find_credentials(citext)', 'app.find_identity(text, text)', 'app.find_membership(uuid, uuid)', 'app.my_tenants()',
    'app.find_api_key(text)', 'app.find_refresh_token(text)', 'app.find_invitation(text)'
  ]::regprocedure[] LOOP
    EXECUTE format('REVOKE ALL ON FUNCTION %s FROM PUBLIC', gate_function);
    EXECUTE format('GRANT EXECUTE ON FUNCTION %s TO agentbase_app', gate_function);
    EXECUTE format('ALTER FUNCTION %s OWNER TO agentbase_gate', gate_function);
  END LOOP;
END
$$;
