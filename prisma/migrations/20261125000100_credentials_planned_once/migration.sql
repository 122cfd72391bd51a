-- Every request asks who it comes from. SQL functions that run as their owner are planned anew at each call, which takes twice as long as
-- the look-up; plpgsql keeps its plans for as long as a connection lives.

CREATE OR REPLACE FUNCTION app.find_membership(wanted_user uuid, wanted_tenant uuid)
RETURNS TABLE (membership_id uuid, role member_role, permissions jsonb, membership_status membership_status, user_status user_status, tenant_status tenant_status)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
#variable_conflict use_column
BEGIN
  RETURN QUERY
    SELECT m.id, m.role, m.permissions, m.status, u.status, t.status
    FROM public.memberships m
    JOIN public.users u ON u.id = m.user_id
    JOIN public.tenants t ON t.id = m.tenant_id
    WHERE m.user_id = wanted_user AND m.tenant_id = wanted_tenant;
END
$$;

CREATE OR REPLACE FUNCTION app.find_api_key(wanted_hash text)
RETURNS TABLE (api_key_id uuid, tenant_id uuid, user_id uuid, scopes jsonb, status api_key_status, expires_at timestamptz,
  tenant_status tenant_status, owner_role member_role, owner_permissions jsonb, owner_membership_status membership_status, owner_status user_status)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
#variable_conflict use_column
BEGIN
  RETURN QUERY
    SELECT k.id, k.tenant_id, k.user_id, k.scopes, k.status, k.expires_at, t.status, m.role, m.permissions, m.status, u.status
    FROM public.api_keys k
    JOIN public.tenants t ON t.id = k.tenant_id
    LEFT JOIN public.memberships m ON m.tenant_id = k.tenant_id AND m.user_id = k.user_id
    LEFT JOIN public.users u ON u.id = k.user_id
    WHERE k.key_hash = wanted_hash;
END
$$;
