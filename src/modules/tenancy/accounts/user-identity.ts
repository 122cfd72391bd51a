import { builder } from '../../../platform/graphql/kit/builder.ts';
import type { RowOf } from '../../../platform/graphql/kit/entity/model-columns.ts';

export type UserIdentity = RowOf<'UserIdentity'>;
/** Not a node: only `viewer.identities` returns it. */
export const UserIdentity = builder.prismaObject('UserIdentity', {
  fields: (t) => ({
    uuid: t.expose('id', { type: 'UUID' }),
    issuer: t.exposeString('issuer'),
    subject: t.exposeString('subject'),
    createdAt: t.expose('createdAt', { type: 'DateTime' }),
  }),
});
