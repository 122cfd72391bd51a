import { z } from 'zod';
import { builder } from '../../../platform/graphql/kit/builder.ts';
import { nodeId } from '../../../platform/graphql/kit/entity/node-id.ts';
import { prismaEnum } from '../../../platform/graphql/kit/enums.ts';
import { mutation } from '../../../platform/graphql/kit/mutation.ts';
import { listRule } from '../../../platform/graphql/kit/rules.ts';
import { PermissionEnum } from '../enums.ts';
import { removeMember, updateMember } from './manage-members.ts';
import { Membership } from './membership.ts';

mutation('updateMember', {
  description: 'Changes the role, status or additional permissions of a member. An omitted field stays unchanged.',
  access: 'member:manage',
  input: (t) => ({
    id: nodeId(t, 'Membership', { required: true, description: 'The membership.' }),
    role: t.field({
      type: prismaEnum('MemberRole'),
      description: 'New role. Only an owner can grant or withdraw the role OWNER.',
    }),
    status: t.field({
      type: prismaEnum('MembershipStatus'),
      description: 'New state. A SUSPENDED member cannot access the tenant.',
    }),
    permissions: t.field({
      type: [PermissionEnum],
      description: 'Permissions in addition to those of the role, at most 100. Replaces the previous list.',
      validate: listRule(z.string(), 100),
    }),
  }),
  payload: Membership.mutations.payload('updateMember'),
  resolve: ({ id, role, status, permissions }, context) =>
    updateMember(context, context.viewer, id, {
      role: role ?? undefined,
      status: status ?? undefined,
      permissions: permissions ?? undefined,
    }),
});

mutation('removeMember', {
  description: 'Removes a member from the tenant and revokes their API keys. Every member can remove themselves.',
  access: 'person',
  context: { readOnly: false },
  input: (t) => ({ id: nodeId(t, 'Membership', { required: true, description: 'The membership.' }) }),
  payload: builder.objectRef<{ membershipId: string; userId: string }>('RemoveMemberPayload').implement({
    description: 'The deleted membership.',
    fields: (t) => ({
      membershipUuid: t.expose('membershipId', { type: 'UUID', description: 'UUID of the deleted membership.' }),
      userUuid: t.expose('userId', { type: 'UUID', description: 'UUID of the user who left the tenant.' }),
    }),
  }),
  resolve: ({ id }, context) => removeMember(context, context.viewer, id),
});
