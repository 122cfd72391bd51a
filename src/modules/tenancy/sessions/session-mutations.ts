import { builder } from '../../../platform/graphql/kit/builder.ts';
import { mutation } from '../../../platform/graphql/kit/mutation.ts';
import { nameRule, slugRule, textRule } from '../../../platform/graphql/kit/rules.ts';
import { AuthenticationError, RateLimitedError } from '../../../platform/lib/errors.ts';
import { comparePassword } from '../accounts/credentials.ts';
import { User } from '../accounts/user.ts';
import { acceptInvitation, prepareAcceptance } from '../members/accept-invitation.ts';
import { emailRule, personNameRule, secretRule, tokenRule } from '../rules.ts';
import { createTenant } from '../tenants/create-tenant.ts';
import { Tenant } from '../tenants/tenant.ts';
import { refreshSession } from './refresh-session.ts';
import { type SignedIn, signIn, signOut, switchTenant } from './sessions.ts';
import { prepareSignUp, signUp } from './sign-up.ts';

/** A VIEWER may open and end their own sessions too. */
const context = { readOnly: false };

function sessionPayload(name: string) {
  return builder.objectRef<SignedIn>(name).implement({
    description: 'An open session.',
    fields: (t) => ({
      accessToken: t.exposeString('accessToken', { description: 'Access token, for the header `Authorization: Bearer …`.' }),
      refreshToken: t.exposeString('refreshToken', {
        description: 'Token for one call of `refreshSession`. A second use ends the session.',
      }),
      expiresAt: t.expose('expiresAt', { type: 'DateTime', description: 'Time when the access token expires.' }),
      tenant: t.field({
        type: Tenant,
        description: 'The tenant that the session acts in.',
        grantScopes: ['self'],
        resolve: ({ tenant }) => tenant,
      }),
      user: t.field({ type: User, description: 'The signed-in user.', grantScopes: ['self'], resolve: ({ user }) => user }),
    }),
  });
}

mutation('signUp', {
  description: 'Creates an account and its first tenant, and opens a session there.',
  access: 'anyone',
  context,
  input: (t) => ({
    email: t.string({ required: true, description: 'E-mail address of the account.', validate: emailRule }),
    password: t.string({
      required: true,
      description: 'Password: 12 to 200 characters, not the e-mail address.',
      validate: secretRule,
    }),
    firstName: t.string({ description: 'Given name, at most 100 characters.', validate: personNameRule }),
    lastName: t.string({ description: 'Family name, at most 100 characters.', validate: personNameRule }),
    tenantName: t.string({ required: true, description: 'Display name of the tenant, 1 to 200 characters.', validate: nameRule }),
    tenantSlug: t.string({
      description: 'Name of the tenant for URLs, unique in the installation. Default: derived from `tenantName`.',
      validate: slugRule,
    }),
  }),
  payload: sessionPayload('SignUpPayload'),
  errors: [RateLimitedError],
  prepare: ({ email, password }, services) => prepareSignUp(services, { email: email.trim(), password }),
  resolve: ({ email, password, firstName, lastName, tenantName, tenantSlug }, services, prepared) =>
    signUp(
      services,
      {
        email: email.trim(),
        password,
        firstName: firstName ?? undefined,
        lastName: lastName ?? undefined,
        tenant: { name: tenantName.trim(), slug: tenantSlug ?? undefined, slugPath: ['input', 'tenantSlug'] },
      },
      prepared,
    ),
});

mutation('signIn', {
  description: 'Opens a session with an e-mail address and a password.',
  access: 'anyone',
  context,
  input: (t) => ({
    email: t.string({ required: true, description: 'E-mail address of the account.', validate: emailRule }),
    password: t.string({ required: true, description: 'Password of the account.', validate: secretRule }),
    tenant: t.string({
      description: 'UUID or slug of the tenant to act in. Default: the tenant that the user joined first.',
      validate: textRule(63),
    }),
  }),
  payload: sessionPayload('SignInPayload'),
  errors: [AuthenticationError, RateLimitedError],
  prepare: ({ email, password }, services) => comparePassword(services, { email: email.trim(), password }),
  resolve: ({ tenant }, services, compared) => signIn(services, compared, tenant ?? undefined),
});

mutation('refreshSession', {
  description: 'Exchanges a refresh token for a new access token and a new refresh token.',
  access: 'anyone',
  context,
  input: (t) => ({
    refreshToken: t.string({
      required: true,
      description: 'Latest refresh token of the session. A second use ends the session.',
      validate: tokenRule,
    }),
  }),
  payload: sessionPayload('RefreshSessionPayload'),
  errors: [AuthenticationError],
  resolve: ({ refreshToken }, services) => refreshSession(services, refreshToken),
});

mutation('switchTenant', {
  description: 'Opens a session in another tenant of the viewer. The current session stays open.',
  access: 'person',
  context,
  input: (t) => ({ tenant: t.string({ required: true, description: 'UUID or slug of the tenant.', validate: textRule(63) }) }),
  payload: sessionPayload('SwitchTenantPayload'),
  resolve: ({ tenant }, services) => switchTenant(services, services.viewer, tenant),
});

mutation('createTenant', {
  description:
    'Creates another tenant, owned by the viewer, and opens a session there. Returns InvalidStateError for a viewer who owns too many tenants.',
  access: 'person',
  context,
  input: (t) => ({
    name: t.string({ required: true, description: 'Display name of the tenant, 1 to 200 characters.', validate: nameRule }),
    slug: t.string({
      description: 'Name for URLs, unique in the installation. Default: derived from `name`.',
      validate: slugRule,
    }),
  }),
  payload: sessionPayload('CreateTenantPayload'),
  resolve: ({ name, slug }, services) => createTenant(services, services.viewer, { name: name.trim(), slug: slug ?? undefined }),
});

mutation('acceptInvitation', {
  description: 'Adds the invited user to the tenant and opens a session there. Creates the account if the address has none.',
  access: 'anyone',
  context,
  input: (t) => ({
    token: t.string({ required: true, description: 'Token of the invitation.', validate: tokenRule }),
    password: t.string({
      description: 'Password of the new or existing account. Not required if the invited user is signed in.',
      validate: secretRule,
    }),
    firstName: t.string({ description: 'Given name of a new account, at most 100 characters.', validate: personNameRule }),
    lastName: t.string({ description: 'Family name of a new account, at most 100 characters.', validate: personNameRule }),
  }),
  payload: sessionPayload('AcceptInvitationPayload'),
  errors: [AuthenticationError, RateLimitedError],
  prepare: ({ token, password }, services) =>
    prepareAcceptance(services, services.viewer, { token, password: password ?? undefined }),
  resolve: ({ token, firstName, lastName }, services, prepared) =>
    acceptInvitation(services, { token, firstName: firstName ?? undefined, lastName: lastName ?? undefined }, prepared),
});

mutation('signOut', {
  description: "Ends the viewer's session: its access token and refresh token become invalid.",
  access: 'person',
  context,
  input: (t) => ({
    everywhere: t.boolean({ description: "Whether to end all of the user's sessions in every tenant. Default: false." }),
  }),
  payload: builder.objectRef<{ endedSessions: number }>('SignOutPayload').implement({
    description: 'Result of signing out.',
    fields: (t) => ({ endedSessions: t.exposeInt('endedSessions', { description: 'Number of sessions that ended.' }) }),
  }),
  resolve: async ({ everywhere }, services) => ({
    endedSessions: await signOut(services, services.viewer, everywhere ?? false),
  }),
});
