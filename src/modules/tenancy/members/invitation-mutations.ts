import { builder } from '../../../platform/graphql/kit/builder.ts';
import { prismaEnum } from '../../../platform/graphql/kit/enums.ts';
import { mutation } from '../../../platform/graphql/kit/mutation.ts';
import { intRule } from '../../../platform/graphql/kit/rules.ts';
import { emailRule } from '../rules.ts';
import { Invitation } from './invitation.ts';
import { inviteMember, revokeInvitation } from './manage-invitations.ts';

mutation('inviteMember', {
  description: 'Invites an e-mail address to the tenant. The server sends no e-mail: deliver the token yourself.',
  access: 'member:manage',
  input: (t) => ({
    email: t.string({ required: true, description: 'E-mail address of the invited user.', validate: emailRule }),
    role: t.field({
      type: prismaEnum('MemberRole'),
      description: 'Role in the tenant, at most that of the viewer. Default: MEMBER.',
    }),
    expiresInDays: t.int({
      description: 'Days until the invitation expires, 1 to 30. Default: 7.',
      validate: intRule(1, 30),
    }),
  }),
  payload: builder.objectRef<{ invitation: Invitation; token: string }>('InviteMemberPayload').implement({
    description: 'The invitation and its token.',
    fields: (t) => ({
      invitation: t.field({ type: Invitation, description: 'The invitation.', resolve: ({ invitation }) => invitation }),
      token: t.exposeString('token', { description: 'Token for `acceptInvitation`. No later query returns it.' }),
    }),
  }),
  resolve: ({ email, role, expiresInDays }, context) =>
    inviteMember(context, context.viewer, {
      email: email.trim(),
      role: role ?? 'MEMBER',
      expiresInDays: expiresInDays ?? undefined,
    }),
});

Invitation.mutations.change('revokeInvitation', {
  description: 'Revokes an open invitation.',
  change: (context, id) => revokeInvitation(context, context.viewer, id),
});
