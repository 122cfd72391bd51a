import { builder } from '../../../platform/graphql/kit/builder.ts';
import { mutation } from '../../../platform/graphql/kit/mutation.ts';
import { requireViewer } from '../../../platform/graphql/kit/require-viewer.ts';
import { nameRule, slugRule, textRule } from '../../../platform/graphql/kit/rules.ts';
import { AuthenticationError, RateLimitedError } from '../../../platform/lib/errors.ts';
import { acceptInvitation } from '../invitations.ts';
import { refreshSession } from '../refresh-session.ts';
import { type SignedIn, signIn, signOut, switchTenant } from '../sessions.ts';
import { signUp } from '../sign-up.ts';
import { createTenant } from '../tenants.ts';
import { emailRule, personNameRule, secretRule, tokenRule } from './rules.ts';
import { Tenant } from './tenant.ts';
import { User } from './user.ts';

/** These change the viewer's own session, which a VIEWER may do as well. */
const context = { readOnly: false };

function sessionPayload(name: string) {
  return builder.objectRef<SignedIn>(name).implement({
    description: 'An open session.',
    fields: (t) => ({
      accessToken: t.exposeString('accessToken', { description: 'Send it as `Authorization: Bearer …`.' }),
      refreshToken: t.exposeString('refreshToken', {
        description: 'For `refreshSession`, once. A second use ends the session.',
      }),
      expiresAt: t.expose('expiresAt', { type: 'DateTime', description: 'When the access token ends.' }),
      tenant: t.field({
        type: Tenant,
        description: 'Where the session acts.',
        grantScopes: ['self'],
        resolve: ({ tenant }) => tenant,
      }),
      user: t.field({ type: User, description: 'Whose session it is.', grantScopes: ['self'], resolve: ({ user }) => user }),
    }),
  });
}

mutation('signUp', {
  description: 'Makes an account and its first tenant, and signs in.',
  access: 'anyone',
  context,
  input: (t) => ({
    email: t.string({ required: true, description: 'E-mail address.', validate: emailRule }),
    password: t.string({ required: true, description: '12 to 200 characters, not the e-mail address.', validate: secretRule }),
    firstName: t.string({ description: 'Given name.', validate: personNameRule }),
    lastName: t.string({ description: 'Family name.', validate: personNameRule }),
    tenantName: t.string({ required: true, description: 'Name of the tenant.', validate: nameRule }),
    tenantSlug: t.string({ description: 'Its name for URLs. Made of the name when not given.', validate: slugRule }),
  }),
  payload: sessionPayload('SignUpPayload'),
  errors: [RateLimitedError],
  resolve: ({ email, password, firstName, lastName, tenantName, tenantSlug }, services) =>
    signUp(services, {
      email: email.trim(),
      password,
      firstName: firstName ?? undefined,
      lastName: lastName ?? undefined,
      tenant: { name: tenantName.trim(), slug: tenantSlug ?? undefined, slugPath: ['input', 'tenantSlug'] },
    }),
});

mutation('signIn', {
  description: 'Opens a session with e-mail address and password.',
  access: 'anyone',
  context,
  input: (t) => ({
    email: t.string({ required: true, description: 'E-mail address.', validate: emailRule }),
    password: t.string({ required: true, description: 'The password.', validate: secretRule }),
    tenant: t.string({
      description: 'UUID or slug of the tenant to act in. The one joined first when not given.',
      validate: textRule(63),
    }),
  }),
  payload: sessionPayload('SignInPayload'),
  errors: [AuthenticationError, RateLimitedError],
  resolve: ({ email, password, tenant }, services) =>
    signIn(services, { email: email.trim(), password, tenant: tenant ?? undefined }),
});

mutation('refreshSession', {
  description: 'Exchanges a refresh token for new tokens, once.',
  access: 'anyone',
  context,
  input: (t) => ({
    refreshToken: t.string({ required: true, description: 'The newest one of the session.', validate: tokenRule }),
  }),
  payload: sessionPayload('RefreshSessionPayload'),
  errors: [AuthenticationError],
  resolve: ({ refreshToken }, services) => refreshSession(services, refreshToken),
});

mutation('switchTenant', {
  description: 'Opens a session in another tenant of the same person.',
  access: 'person',
  context,
  input: (t) => ({ tenant: t.string({ required: true, description: 'UUID or slug of the tenant.', validate: textRule(63) }) }),
  payload: sessionPayload('SwitchTenantPayload'),
  resolve: ({ tenant }, services) => switchTenant(services, requireViewer(services), tenant),
});

mutation('createTenant', {
  description: 'Makes another tenant, owned by the viewer, and opens a session in it.',
  access: 'person',
  context,
  input: (t) => ({
    name: t.string({ required: true, description: 'Name of the tenant.', validate: nameRule }),
    slug: t.string({ description: 'Its name for URLs. Made of the name when not given.', validate: slugRule }),
  }),
  payload: sessionPayload('CreateTenantPayload'),
  resolve: ({ name, slug }, services) =>
    createTenant(services, requireViewer(services), { name: name.trim(), slug: slug ?? undefined }),
});

mutation('acceptInvitation', {
  description: 'Makes the invited person a member and signs them in. Who has no account gets one.',
  access: 'anyone',
  context,
  input: (t) => ({
    token: t.string({ required: true, description: 'The token of the invitation.', validate: tokenRule }),
    password: t.string({
      description: 'For a new account its password. For an existing one its password, unless its person is signed in.',
      validate: secretRule,
    }),
    firstName: t.string({ description: 'Given name, for a new account.', validate: personNameRule }),
    lastName: t.string({ description: 'Family name, for a new account.', validate: personNameRule }),
  }),
  payload: sessionPayload('AcceptInvitationPayload'),
  errors: [AuthenticationError, RateLimitedError],
  resolve: ({ token, password, firstName, lastName }, services) =>
    acceptInvitation(services, services.viewer, {
      token,
      password: password ?? undefined,
      firstName: firstName ?? undefined,
      lastName: lastName ?? undefined,
    }),
});

mutation('signOut', {
  description: "Ends the viewer's session: its access token and refresh token stop working.",
  access: 'person',
  context,
  input: (t) => ({ everywhere: t.boolean({ description: 'All sessions of the person, in every tenant.' }) }),
  payload: builder.objectRef<{ endedSessions: number }>('SignOutPayload').implement({
    description: 'What ended.',
    fields: (t) => ({ endedSessions: t.exposeInt('endedSessions', { description: 'How many sessions ended.' }) }),
  }),
  resolve: async ({ everywhere }, services) => ({
    endedSessions: await signOut(services, requireViewer(services), everywhere ?? false),
  }),
});
