DROP FUNCTION app.find_credentials(citext), app.find_identity(text, text), app.find_membership(uuid, uuid), app.my_tenants(),
  app.find_api_key(text), app.find_refresh_token(text), app.find_invitation(text);
DROP TABLE api_keys, refresh_tokens, invitations, memberships, user_identities, users, tenants;
DROP FUNCTION app.keep_an_owner();
DROP TYPE api_key_status, membership_status, member_role, user_status, tenant_status;
