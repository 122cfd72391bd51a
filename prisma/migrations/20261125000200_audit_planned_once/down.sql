CREATE OR REPLACE FUNCTION app.write_audit(tenant uuid, what text, resource text, which uuid, before jsonb, after jsonb, outcome audit_status, reason text)
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
