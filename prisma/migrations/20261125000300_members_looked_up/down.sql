ALTER POLICY visible_by_membership ON users
  USING (
    id = (SELECT app.current_user_id())
    OR EXISTS (SELECT FROM memberships m WHERE m.tenant_id = (SELECT app.current_tenant_id()) AND m.user_id = users.id)
  );
