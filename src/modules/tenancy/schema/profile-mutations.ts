import { builder } from '../../../platform/graphql/kit/builder.ts';
import { parseId } from '../../../platform/graphql/kit/global-id.ts';
import { mutation } from '../../../platform/graphql/kit/mutation.ts';
import { requireViewer } from '../../../platform/graphql/kit/require-viewer.ts';
import { AuthenticationError, RateLimitedError } from '../../../platform/lib/errors.ts';
import { changePassword, linkIdentity, unlinkIdentity, updateProfile } from '../profile.ts';
import { personNameRule, secretRule, tokenRule, webAddressRule } from './rules.ts';
import { User } from './user.ts';
import { UserIdentity } from './viewer.ts';

/** These change the person themselves, which a VIEWER may do as well. */
const context = { readOnly: false };

mutation('updateProfile', {
  description: 'Changes how the viewer is shown. Null takes a value away; what is not given stays as it is.',
  access: 'person',
  context,
  input: (t) => ({
    username: t.string({ description: 'Name to show.', validate: personNameRule }),
    firstName: t.string({ description: 'Given name.', validate: personNameRule }),
    lastName: t.string({ description: 'Family name.', validate: personNameRule }),
    avatarUrl: t.string({ description: 'Address of a picture.', validate: webAddressRule }),
  }),
  payload: builder.objectRef<{ user: typeof User.$inferType }>('UpdateProfilePayload').implement({
    description: 'The person after the change.',
    fields: (t) => ({ user: t.field({ type: User, description: 'The person.', resolve: ({ user }) => user }) }),
  }),
  resolve: async (changes, services) => ({ user: await updateProfile(services, requireViewer(services), changes) }),
});

mutation('changePassword', {
  description: 'Sets a new password and ends every other session of the viewer.',
  access: 'person',
  context,
  input: (t) => ({
    currentPassword: t.string({ description: 'Needed when there is one.', validate: secretRule }),
    newPassword: t.string({ required: true, description: '12 to 200 characters, not the e-mail address.', validate: secretRule }),
  }),
  payload: builder.objectRef<{ endedSessions: number }>('ChangePasswordPayload').implement({
    description: 'What ended.',
    fields: (t) => ({ endedSessions: t.exposeInt('endedSessions', { description: 'How many other sessions ended.' }) }),
  }),
  errors: [AuthenticationError, RateLimitedError],
  resolve: async ({ currentPassword, newPassword }, services) => ({
    endedSessions: await changePassword(services, requireViewer(services), {
      currentPassword: currentPassword ?? undefined,
      newPassword,
    }),
  }),
});

mutation('linkIdentity', {
  description: 'Lets the viewer use tokens of a trusted issuer from now on. A fresh token of that issuer is the proof.',
  access: 'person',
  context,
  input: (t) => ({
    idToken: t.string({ required: true, description: 'A token the issuer made in the last minutes.', validate: tokenRule }),
  }),
  payload: builder.objectRef<{ identity: typeof UserIdentity.$inferType }>('LinkIdentityPayload').implement({
    description: 'What was linked.',
    fields: (t) => ({
      identity: t.field({ type: UserIdentity, description: 'The identity.', resolve: ({ identity }) => identity }),
    }),
  }),
  errors: [AuthenticationError],
  resolve: async ({ idToken }, services) => ({ identity: await linkIdentity(services, requireViewer(services), idToken) }),
});

mutation('unlinkIdentity', {
  description: 'Tokens of that issuer do not stand for the viewer any more.',
  access: 'person',
  context,
  input: (t) => ({ id: t.id({ required: true, description: 'The `uuid` of the identity.' }) }),
  payload: builder.objectRef<{ id: string }>('UnlinkIdentityPayload').implement({
    description: 'What was unlinked.',
    fields: (t) => ({ uuid: t.expose('id', { type: 'UUID', description: 'The UUID the identity had.' }) }),
  }),
  resolve: async ({ id }, services) => {
    const uuid = parseId('UserIdentity', id, ['input', 'id']);
    await unlinkIdentity(services, requireViewer(services), uuid);
    return { id: uuid };
  },
});
