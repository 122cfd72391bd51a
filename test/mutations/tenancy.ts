import { encodeGlobalId } from '../../src/graphql/global-id.ts';
import { at } from '../testkit/graph.ts';
import { testIssuer } from '../testkit/issuer.ts';
import { unique } from '../testkit/tenants.ts';
import { type MutationCases, PASSWORD } from './cases.ts';

const SESSION = 'accessToken refreshToken expiresAt tenant { name } user { email }';
const NEW_PASSWORD = 'another long password';

const signUpInput = () => ({ email: `${unique('new')}@example.test`, password: PASSWORD, tenantName: 'New tenant' });

export const tenancy: MutationCases = {
  signUp: {
    payload: SESSION,
    refused: undefined,
    success: signUpInput,
    badInput: () => ({ ...signUpInput(), password: 'short' }),
    otherTenant: undefined,
    audit: ['tenant.created', 'user.created', 'membership.created', 'session.created'],
  },
  signIn: {
    payload: SESSION,
    refused: undefined,
    success: ({ owner }) => ({ email: owner.email, password: PASSWORD }),
    badInput: () => ({ email: 'nobody', password: PASSWORD }),
    otherTenant: undefined,
    audit: ['session.created'],
  },
  refreshSession: {
    payload: SESSION,
    refused: undefined,
    prepare: async ({ owner }, call) => ({
      refreshToken: at(await call('signIn', { email: owner.email, password: PASSWORD }), 'result.refreshToken'),
    }),
    success: (_tenant, { refreshToken }) => ({ refreshToken }),
    badInput: () => ({ refreshToken: 'ab_refresh_nonsense' }),
    otherTenant: undefined,
    audit: ['session.created', 'session.updated'],
  },
  signOut: {
    payload: 'endedSessions',
    refused: 'anonymous',
    prepare: async ({ owner }, call) => {
      await call('signIn', { email: owner.email, password: PASSWORD });
      return {};
    },
    success: () => ({ everywhere: true }),
    // The viewers of these tests hold no session of this server: there is none to end.
    badInput: () => ({}),
    otherTenant: undefined,
    audit: ['session.updated'],
  },
  switchTenant: {
    payload: SESSION,
    refused: 'anonymous',
    success: ({ slug }) => ({ tenant: slug }),
    badInput: () => ({ tenant: '' }),
    otherTenant: (other) => ({ tenant: other.slug }),
    audit: ['session.created'],
  },
  createTenant: {
    payload: SESSION,
    refused: 'anonymous',
    success: () => ({ name: 'Second', slug: unique('second') }),
    badInput: (tenant) => ({ name: 'Taken', slug: tenant.slug }),
    otherTenant: undefined,
    audit: ['tenant.created', 'membership.created', 'session.created'],
  },
  updateTenant: {
    payload: 'tenant { name slug }',
    refused: 'MEMBER',
    success: () => ({ name: 'Renamed', contactEmail: 'help@example.test' }),
    badInput: () => ({ slug: 'Not A Slug' }),
    otherTenant: undefined,
    audit: ['tenant.updated'],
  },
  inviteMember: {
    payload: 'token invitation { email role expiresAt }',
    refused: 'MEMBER',
    success: () => ({ email: `${unique('guest')}@example.test`, role: 'MEMBER' }),
    badInput: () => ({ email: 'not an address' }),
    otherTenant: undefined,
    audit: ['invitation.created'],
  },
  revokeInvitation: {
    payload: 'invitation { revokedAt }',
    refused: 'MEMBER',
    success: ({ invitationId }) => ({ id: encodeGlobalId('Invitation', invitationId) }),
    badInput: ({ agentId }) => ({ id: encodeGlobalId('Agent', agentId) }),
    otherTenant: (other) => ({ id: encodeGlobalId('Invitation', other.invitationId) }),
    audit: ['invitation.updated'],
  },
  acceptInvitation: {
    payload: SESSION,
    refused: undefined,
    prepare: async (_tenant, call) => ({
      token: at(await call('inviteMember', { email: `${unique('guest')}@example.test` }), 'result.token'),
    }),
    // The invited address has no account yet: whoever holds the token makes one.
    anonymous: true,
    success: (_tenant, { token }) => ({ token, password: PASSWORD, firstName: 'Gil' }),
    badInput: (_tenant, { token }) => ({ token, password: 'short' }),
    otherTenant: undefined,
    audit: ['invitation.updated', 'user.created', 'membership.created', 'session.created'],
  },
  updateMember: {
    payload: 'membership { role }',
    refused: 'MEMBER',
    success: ({ members }) => ({ id: encodeGlobalId('Membership', members[2]?.membershipId ?? ''), role: 'VIEWER' }),
    // The only owner cannot step down.
    badInput: ({ owner }) => ({ id: encodeGlobalId('Membership', owner.membershipId), role: 'MEMBER' }),
    otherTenant: (other) => ({ id: encodeGlobalId('Membership', other.owner.membershipId), role: 'VIEWER' }),
    audit: ['membership.updated'],
  },
  removeMember: {
    payload: 'membershipUuid',
    refused: 'anonymous',
    success: ({ members }) => ({ id: encodeGlobalId('Membership', members[2]?.membershipId ?? '') }),
    badInput: ({ owner }) => ({ id: encodeGlobalId('Membership', owner.membershipId) }),
    otherTenant: (other) => ({ id: encodeGlobalId('Membership', other.owner.membershipId) }),
    audit: ['membership.deleted'],
  },
  updateProfile: {
    payload: 'user { firstName avatarUrl }',
    refused: 'anonymous',
    success: () => ({ firstName: 'Ada' }),
    badInput: () => ({ avatarUrl: 'javascript:alert(1)' }),
    otherTenant: undefined,
    audit: ['user.updated'],
  },
  changePassword: {
    payload: 'endedSessions',
    refused: 'anonymous',
    success: () => ({ currentPassword: PASSWORD, newPassword: NEW_PASSWORD }),
    badInput: () => ({ currentPassword: PASSWORD, newPassword: 'short' }),
    otherTenant: undefined,
    audit: ['user.updated'],
  },
  linkIdentity: {
    payload: 'identity { issuer subject }',
    refused: 'anonymous',
    prepare: async () => ({ idToken: await (await testIssuer()).token(unique('subject')) }),
    success: (_tenant, { idToken }) => ({ idToken }),
    badInput: () => ({ idToken: 'nonsense' }),
    otherTenant: undefined,
    audit: ['user_identity.created'],
  },
  unlinkIdentity: {
    payload: 'uuid',
    refused: 'anonymous',
    success: ({ identityId }) => ({ id: identityId }),
    badInput: () => ({ id: 'nonsense' }),
    otherTenant: (other) => ({ id: other.identityId }),
    audit: ['user_identity.deleted'],
  },
  createApiKey: {
    payload: 'secret apiKey { name scopes keyPrefix }',
    refused: 'MEMBER',
    success: () => ({ name: 'Runtime', scopes: ['CONVERSATIONS_WRITE'] }),
    badInput: () => ({ name: 'Runtime', scopes: ['CONVERSATIONS_WRITE'], expiresAt: '2020-01-01T00:00:00Z' }),
    otherTenant: undefined,
    audit: ['api_key.created'],
  },
  revokeApiKey: {
    payload: 'apiKey { status revokedAt }',
    refused: 'MEMBER',
    success: ({ apiKeyId }) => ({ id: encodeGlobalId('ApiKey', apiKeyId) }),
    badInput: () => ({ id: 'nonsense' }),
    otherTenant: (other) => ({ id: encodeGlobalId('ApiKey', other.apiKeyId) }),
    audit: ['api_key.updated'],
  },
};
