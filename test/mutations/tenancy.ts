import { encodeGlobalId } from '../../src/platform/graphql/kit/global-id.ts';
import { pick } from '../testkit/graph.ts';
import { testIssuer } from '../testkit/issuer.ts';
import { unique } from '../testkit/tenants.ts';
import { type MutationCases, PASSWORD } from './cases.ts';

const SESSION = 'accessToken refreshToken expiresAt tenant { name } user { email }';
const NEW_PASSWORD = 'another long password';

const signUpInput = () => ({ email: `${unique('new')}@example.test`, password: PASSWORD, tenantName: 'New tenant' });

export const tenancy: MutationCases = {
  signUp: {
    payload: SESSION,
    success: signUpInput,
    badInput: () => ({ ...signUpInput(), password: 'short' }),
    audit: ['tenant.created', 'user.created', 'membership.created', 'session.created'],
  },
  signIn: {
    payload: SESSION,
    success: ({ owner }) => ({ email: owner.email, password: PASSWORD }),
    badInput: () => ({ email: 'nobody', password: PASSWORD }),
    audit: ['session.created'],
  },
  refreshSession: {
    payload: SESSION,
    prepare: async ({ owner }, call) => ({
      refreshToken: pick(await call('signIn', { email: owner.email, password: PASSWORD }), 'result.refreshToken'),
    }),
    success: (_tenant, { refreshToken }) => ({ refreshToken }),
    badInput: () => ({ refreshToken: 'ab_refresh_nonsense' }),
    audit: ['session.created', 'session.updated'],
  },
  signOut: {
    payload: 'endedSessions',
    prepare: async ({ owner }, call) => {
      await call('signIn', { email: owner.email, password: PASSWORD });
      return {};
    },
    success: () => ({ everywhere: true }),
    // The viewer of this test has no session of this server.
    badInput: () => ({}),
    audit: ['session.updated'],
  },
  switchTenant: {
    payload: SESSION,
    success: ({ slug }) => ({ tenant: slug }),
    badInput: () => ({ tenant: '' }),
    otherTenant: async (other) => ({ tenant: other.slug }),
    audit: ['session.created'],
  },
  createTenant: {
    payload: SESSION,
    success: () => ({ name: 'Second', slug: unique('second') }),
    badInput: (tenant) => ({ name: 'Taken', slug: tenant.slug }),
    audit: ['tenant.created', 'membership.created', 'session.created'],
  },
  updateTenant: {
    payload: 'tenant { name slug }',
    success: () => ({ name: 'Renamed', contactEmail: 'help@example.test' }),
    badInput: () => ({ slug: 'Not A Slug' }),
    audit: ['tenant.updated'],
  },
  inviteMember: {
    payload: 'token invitation { email role expiresAt }',
    success: () => ({ email: `${unique('guest')}@example.test`, role: 'MEMBER' }),
    badInput: () => ({ email: 'not an address' }),
    audit: ['invitation.created'],
  },
  revokeInvitation: {
    payload: 'invitation { revokedAt }',
    success: async ({ anyId }) => ({ id: encodeGlobalId('Invitation', await anyId('invitations')) }),
    audit: ['invitation.updated'],
  },
  acceptInvitation: {
    payload: SESSION,
    prepare: async (_tenant, call) => ({
      token: pick(await call('inviteMember', { email: `${unique('guest')}@example.test` }), 'result.token'),
    }),
    // The invited address has no account: the token is the only credential.
    anonymous: true,
    success: (_tenant, { token }) => ({ token, password: PASSWORD, firstName: 'Gil' }),
    badInput: (_tenant, { token }) => ({ token, password: 'short' }),
    audit: ['invitation.updated', 'user.created', 'membership.created', 'session.created'],
  },
  updateMember: {
    payload: 'membership { role }',
    success: ({ members }) => ({ id: encodeGlobalId('Membership', members[2]?.membershipId ?? ''), role: 'VIEWER' }),
    // The last owner cannot be demoted.
    badInput: ({ owner }) => ({ id: encodeGlobalId('Membership', owner.membershipId), role: 'MEMBER' }),
    audit: ['membership.updated'],
  },
  removeMember: {
    payload: 'membershipUuid',
    success: ({ members }) => ({ id: encodeGlobalId('Membership', members[2]?.membershipId ?? '') }),
    badInput: ({ owner }) => ({ id: encodeGlobalId('Membership', owner.membershipId) }),
    audit: ['membership.deleted'],
  },
  updateProfile: {
    payload: 'user { firstName avatarUrl }',
    success: () => ({ firstName: 'Ada' }),
    badInput: () => ({ avatarUrl: 'javascript:alert(1)' }),
    audit: ['user.updated'],
  },
  changePassword: {
    payload: 'endedSessions',
    success: () => ({ currentPassword: PASSWORD, newPassword: NEW_PASSWORD }),
    badInput: () => ({ currentPassword: PASSWORD, newPassword: 'short' }),
    audit: ['user.updated'],
  },
  linkIdentity: {
    payload: 'identity { issuer subject }',
    prepare: async () => ({ idToken: await (await testIssuer()).token(unique('subject')) }),
    success: (_tenant, { idToken }) => ({ idToken }),
    badInput: () => ({ idToken: 'nonsense' }),
    audit: ['user_identity.created'],
  },
  unlinkIdentity: {
    payload: 'uuid',
    success: async ({ anyId }) => ({ id: await anyId('user_identities') }),
    badInput: () => ({ id: 'nonsense' }),
    otherTenant: async (other) => ({ id: await other.anyId('user_identities') }),
    audit: ['user_identity.deleted'],
  },
  createApiKey: {
    payload: 'secret apiKey { name scopes keyPrefix }',
    success: () => ({ name: 'Runtime', scopes: ['CONVERSATIONS_WRITE'] }),
    badInput: () => ({ name: 'Runtime', scopes: ['CONVERSATIONS_WRITE'], expiresAt: '2020-01-01T00:00:00Z' }),
    audit: ['api_key.created'],
  },
  revokeApiKey: {
    payload: 'apiKey { status revokedAt }',
    success: async ({ anyId }) => ({ id: encodeGlobalId('ApiKey', await anyId('api_keys')) }),
    badInput: () => ({ id: 'nonsense' }),
    audit: ['api_key.updated'],
  },
};
