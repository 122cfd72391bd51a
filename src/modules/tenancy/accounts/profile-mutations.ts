import { builder } from '../../../platform/graphql/kit/builder.ts';
import { payload } from '../../../platform/graphql/kit/entity/payload.ts';
import { parseId } from '../../../platform/graphql/kit/global-id.ts';
import { mutation } from '../../../platform/graphql/kit/mutation.ts';
import { AuthenticationError, RateLimitedError } from '../../../platform/lib/errors.ts';
import { secretRule, tokenRule } from '../rules.ts';
import {
  changePassword,
  linkIdentity,
  type PasswordChange,
  preparePasswordChange,
  unlinkIdentity,
  updateProfile,
  verifyIdentity,
} from './profile.ts';
import { User } from './user.ts';
import { UserIdentity } from './user-identity.ts';

/** A VIEWER may change their own account too. */
const context = { readOnly: false };

function passwordChangeOf(input: { currentPassword?: string | null | undefined; newPassword: string }): PasswordChange {
  return { currentPassword: input.currentPassword ?? undefined, newPassword: input.newPassword };
}

mutation('updateProfile', {
  description: "Changes the viewer's profile. Null clears a value; an omitted field stays unchanged.",
  access: 'person',
  context,
  input: (t) => User.mutations.inputFields(t, 'update'),
  payload: User.mutations.payload('updateProfile'),
  resolve: (input, services) => updateProfile(services, services.viewer, User.mutations.changes(input)),
});

mutation('changePassword', {
  description: 'Sets a new password and ends every other session of the viewer.',
  access: 'person',
  context,
  input: (t) => ({
    currentPassword: t.string({ description: 'The current password. Required if the account has one.', validate: secretRule }),
    newPassword: t.string({
      required: true,
      description: 'The new password: 12 to 200 characters, not the e-mail address.',
      validate: secretRule,
    }),
  }),
  payload: builder.objectRef<{ endedSessions: number }>('ChangePasswordPayload').implement({
    description: 'Result of the password change.',
    fields: (t) => ({ endedSessions: t.exposeInt('endedSessions', { description: 'Number of other sessions that ended.' }) }),
  }),
  errors: [AuthenticationError, RateLimitedError],
  prepare: (input, services) => preparePasswordChange(services, services.viewer, passwordChangeOf(input)),
  resolve: async (input, services, prepared) => ({
    endedSessions: await changePassword(services, services.viewer, passwordChangeOf(input), prepared),
  }),
});

mutation('linkIdentity', {
  description: "Links an identity at a trusted issuer to the viewer. Afterwards the issuer's tokens authenticate as the viewer.",
  access: 'person',
  context,
  input: (t) => ({
    idToken: t.string({
      required: true,
      description: 'Token of the identity, issued within the last 10 minutes.',
      validate: tokenRule,
    }),
  }),
  payload: payload('linkIdentity', 'The linked identity.', {
    identity: { type: UserIdentity, description: 'The identity.' },
  }),
  errors: [AuthenticationError],
  prepare: ({ idToken }, services) => verifyIdentity(services, idToken),
  resolve: async (_input, services, identity) => ({ identity: await linkIdentity(services, services.viewer, identity) }),
});

mutation('unlinkIdentity', {
  description: "Unlinks an identity from the viewer. The issuer's tokens for it are rejected from then on.",
  access: 'person',
  context,
  input: (t) => ({ id: t.id({ required: true, description: 'The `uuid` of the identity.' }) }),
  payload: builder.objectRef<{ id: string }>('UnlinkIdentityPayload').implement({
    description: 'The unlinked identity.',
    fields: (t) => ({ uuid: t.expose('id', { type: 'UUID', description: 'UUID of the deleted identity.' }) }),
  }),
  resolve: async ({ id }, services) => {
    // An identity is not a node and has no global id.
    const uuid = parseId('UserIdentity', id, ['input', 'id']);
    await unlinkIdentity(services, services.viewer, uuid);
    return { id: uuid };
  },
});
