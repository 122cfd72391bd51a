-- Every change writes a row here. An SQL function that runs as its owner is planned anew at each call, which took longer than the insert;
-- plpgsql keeps its plan for as long as a connection lives.

CREATE OR REPLACE FUNCTION app.write_audit(tenant uuid, what text, resource text, which uuid, before jsonb, after jsonb, outcome audit_status, reason text)
RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
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
    outcome, reason);
END
$$;
