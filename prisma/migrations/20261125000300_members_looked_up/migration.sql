-- Whether somebody is a member is looked up for each person that is read, by the unique index. As EXISTS, PostgreSQL would rather read all
-- members of the tenant first, however many there are.

ALTER POLICY visible_by_membership ON users
  USING (
    id = (SELECT app.current_user_id())
    OR (SELECT true FROM memberships m WHERE m.tenant_id = (SELECT app.current_tenant_id()) AND m.user_id = users.id)
  );
