import { z } from 'zod';
import { builder } from '../../../platform/graphql/kit/builder.ts';
import { parseId } from '../../../platform/graphql/kit/global-id.ts';
import { mutation } from '../../../platform/graphql/kit/mutation.ts';
import { requireViewer } from '../../../platform/graphql/kit/require-viewer.ts';
import { intRule } from '../../../platform/graphql/kit/rules.ts';
import { inviteMember, revokeInvitation, type VisibleInvitation } from '../invitations.ts';
import { removeMember, updateMember } from '../members.ts';
import { MemberRoleEnum, MembershipStatusEnum, PermissionEnum } from './enums.ts';
import { Invitation } from './invitation.ts';
import { Membership } from './membership.ts';
import { emailRule } from './rules.ts';

const visible = (invitation: VisibleInvitation) => invitation as typeof Invitation.$inferType;

mutation('inviteMember', {
  description: 'Invites somebody to the tenant. The server sends no mail: pass the token on yourself.',
  access: 'member:manage',
  input: (t) => ({
    email: t.string({ required: true, description: 'Whom to invite.', validate: emailRule }),
    role: t.field({
      type: MemberRoleEnum,
      description: 'The role they will have. MEMBER when not given; only owners invite owners.',
    }),
    expiresInDays: t.int({
      description: 'For how many days it can be accepted, 1 to 30. 7 when not given.',
      validate: intRule(1, 30),
    }),
  }),
  payload: builder.objectRef<{ invitation: typeof Invitation.$inferType; token: string }>('InviteMemberPayload').implement({
    description: 'The invitation and its token.',
    fields: (t) => ({
      invitation: t.field({ type: Invitation, description: 'The invitation.', resolve: ({ invitation }) => invitation }),
      token: t.exposeString('token', { description: 'For `acceptInvitation`. It is told this once.' }),
    }),
  }),
  resolve: async ({ email, role, expiresInDays }, context) => {
    const input = { email: email.trim(), role: role ?? 'MEMBER', expiresInDays: expiresInDays ?? undefined };
    const { invitation, token } = await inviteMember(context, requireViewer(context), input);
    return { invitation: visible(invitation), token };
  },
});

mutation('revokeInvitation', {
  description: 'Withdraws an open invitation.',
  access: 'member:manage',
  input: (t) => ({ id: t.id({ required: true, description: 'The invitation.' }) }),
  payload: builder.objectRef<{ invitation: typeof Invitation.$inferType }>('RevokeInvitationPayload').implement({
    description: 'The invitation after the change.',
    fields: (t) => ({
      invitation: t.field({ type: Invitation, description: 'The invitation.', resolve: ({ invitation }) => invitation }),
    }),
  }),
  resolve: async ({ id }, context) => ({
    invitation: visible(await revokeInvitation(context, requireViewer(context), parseId('Invitation', id, ['input', 'id']))),
  }),
});

mutation('updateMember', {
  description: 'Changes role, status or extra rights of a member. What is not given stays as it is.',
  access: 'member:manage',
  input: (t) => ({
    id: t.id({ required: true, description: 'The membership.' }),
    role: t.field({ type: MemberRoleEnum, description: 'What they may do. Only owners make or unmake owners.' }),
    status: t.field({ type: MembershipStatusEnum, description: 'Whether they may get in.' }),
    permissions: t.field({
      type: [PermissionEnum],
      description: 'Rights beyond the role, all of them.',
      validate: z.array(z.string()).max(100, 'Must have at most 100 items.'),
    }),
  }),
  payload: builder.objectRef<{ membership: typeof Membership.$inferType }>('UpdateMemberPayload').implement({
    description: 'The membership after the change.',
    fields: (t) => ({
      membership: t.field({ type: Membership, description: 'The membership.', resolve: ({ membership }) => membership }),
    }),
  }),
  resolve: async ({ id, role, status, permissions }, context) => ({
    membership: await updateMember(context, requireViewer(context), parseId('Membership', id, ['input', 'id']), {
      role: role ?? undefined,
      status: status ?? undefined,
      permissions: permissions ?? undefined,
    }),
  }),
});

mutation('removeMember', {
  description: 'Takes a member out of the tenant and revokes their API keys. Everybody may remove themselves.',
  access: 'person',
  context: { readOnly: false },
  input: (t) => ({ id: t.id({ required: true, description: 'The membership.' }) }),
  payload: builder.objectRef<{ membershipId: string; userId: string }>('RemoveMemberPayload').implement({
    description: 'Whose membership ended.',
    fields: (t) => ({
      membershipUuid: t.expose('membershipId', { type: 'UUID', description: 'The UUID the membership had.' }),
      userUuid: t.expose('userId', { type: 'UUID', description: 'The UUID of the person.' }),
    }),
  }),
  resolve: ({ id }, context) => removeMember(context, requireViewer(context), parseId('Membership', id, ['input', 'id'])),
});
