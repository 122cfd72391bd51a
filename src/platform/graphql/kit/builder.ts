import SchemaBuilder, { brandWithType } from '@pothos/core';
import ComplexityPlugin from '@pothos/plugin-complexity';
import ErrorsPlugin from '@pothos/plugin-errors';
import PrismaPlugin from '@pothos/plugin-prisma';
import RelayPlugin from '@pothos/plugin-relay';
import ScopeAuthPlugin from '@pothos/plugin-scope-auth';
import ValidationPlugin from '@pothos/plugin-validation';
import { GraphQLError, type GraphQLResolveInfo } from 'graphql';
import type PrismaTypes from '../../../generated/pothos.ts';
import { getDatamodel } from '../../../generated/pothos.ts';
import type { Permission } from '../../auth/permissions.ts';
import { ForbiddenError, UnauthenticatedError, ValidationError } from '../../lib/errors.ts';
import { MAX_PAGE } from '../../postgres/keyset-pagination.ts';
import type { GraphQLContext } from '../context.ts';
import { replayable } from '../field-extensions.ts';
import { scopesOf } from '../scopes.ts';
import { tenantScoped } from '../tenant-scoped.ts';
import { decodeGlobalId, encodeGlobalId } from './global-id.ts';
import { nodeLoaderOf } from './node-loader.ts';
import { addScalars, type Scalars } from './scalars.ts';
import { selectedProperties } from './selection.ts';

export type SchemaTypes = {
  Context: GraphQLContext;
  PrismaTypes: PrismaTypes;
  Scalars: Scalars;
  DefaultFieldNullability: false;
  DefaultEdgesNullability: false;
  DefaultNodeNullability: false;
  AuthScopes: {
    /** The request has a valid credential. */
    authenticated: boolean;
    /** The viewer is a person, not an API key. */
    person: boolean;
    /** The viewer has this permission. */
    permission: Permission;
  };
};

function operationTooLarge(kind: string, got: number, most: number | undefined): GraphQLError {
  return new GraphQLError(
    `The operation is too large: its ${kind.toLowerCase()} is ${got}, and the maximum is ${most}. Request less at once.`,
    {
      extensions: { code: 'OPERATION_TOO_LARGE', http: { status: 400, spec: true } },
    },
  );
}

/** Loads an object as a Node, for types with a `nodeLoader`. */
function loadNode(
  context: GraphQLContext,
  { typename, id }: { typename: string; id: string },
  info: GraphQLResolveInfo,
): Promise<object | null> | undefined {
  const row = nodeLoaderOf(typename)?.(context, id, selectedProperties(info, typename));
  return row?.then((found) => {
    brandWithType(found, typename as never);
    return found;
  });
}

export const builder = new SchemaBuilder<SchemaTypes>({
  // ErrorsPlugin is the outermost, so that it receives the errors of the others.
  plugins: [ErrorsPlugin, ScopeAuthPlugin, ValidationPlugin, ComplexityPlugin, RelayPlugin, PrismaPlugin],
  defaultFieldNullability: false,
  scopeAuth: {
    authScopes: ({ viewer }) => scopesOf(viewer),
    unauthorizedError: (_parent, context, info) =>
      context.viewer
        ? new ForbiddenError(`Your role or API key does not allow ${info.parentType.name}.${info.fieldName}.`)
        : new UnauthenticatedError(),
  },
  errors: {
    // Input errors are part of the result like any other. They are reported before scopes are checked, and reveal only the rules.
    unsafelyHandleInputErrors: true,
  },
  validation: {
    validationError: ({ issues }) =>
      new ValidationError(
        issues.map(({ message, path }) => ({
          message,
          path: (path ?? []).map((step) => String(typeof step === 'object' ? step.key : step)),
        })),
      ),
  },
  complexity: {
    defaultComplexity: 1,
    defaultListMultiplier: 10,
    limit: ({ sizeChecked, operationLimits }) => (sizeChecked ? {} : operationLimits),
    complexityError: (kind, result) =>
      kind === 'Depth'
        ? operationTooLarge(kind, result.depth, result.maxDepth)
        : kind === 'Breadth'
          ? operationTooLarge(kind, result.breadth, result.maxBreadth)
          : operationTooLarge(kind, result.complexity, result.maxComplexity),
  },
  relay: {
    encodeGlobalID: (typename, id) => encodeGlobalId(typename, String(id)),
    decodeGlobalID: (globalId) => {
      const { typename, uuid } = decodeGlobalId(globalId);
      return { typename, id: uuid };
    },
    nodeTypeOptions: { description: 'An object with a global id.' },
    idFieldOptions: { description: 'Global id: opaque, and unique over all types.' },
    pageInfoTypeOptions: { description: 'The position of a page in its list.' },
    nodeQueryOptions: {
      args: { id: { description: 'The `id` of the object.' } },
      resolve: (_root, { id }, context, info, resolveNode) => loadNode(context, id, info) ?? (resolveNode(id) as never),
      description: 'Any object by its global id. Null if the object does not exist or belongs to another tenant.',
      authScopes: { authenticated: true },
      extensions: replayable,
    },
    nodesQueryOptions: {
      args: { ids: { description: 'The `id`s of the objects, at most 100.' } },
      resolve: async (_root, { ids }, context, info, resolveNodes) => {
        if (ids.length > MAX_PAGE) throw ValidationError.inputPath(['ids'], `At most ${MAX_PAGE} ids at once.`);
        const loaded = ids.map((id) => loadNode(context, id, info));
        const known = await Promise.all(loaded);
        if (!loaded.includes(undefined)) return known as never;
        const others = (await resolveNodes(ids)) as readonly unknown[];
        return loaded.map((promise, index) => (promise ? known[index] : others[index])) as never;
      },
      description:
        'Objects by their global ids, in the given order. Null for each object that does not exist or belongs to another tenant.',
      authScopes: { authenticated: true },
      extensions: replayable,
    },
  },
  prisma: {
    client: ({ prisma }) => prisma,
    dmmf: getDatamodel(),
    exposeDescriptions: true,
    onUnusedQuery: null,
  },
});

addScalars(builder);
builder.queryType({ description: 'Reads of the data of a tenant.' });
builder.mutationType({ description: 'Changes of the data of a tenant. Each field is one transaction.' });
builder.subscriptionType({ description: 'Streams of changes.', extensions: tenantScoped() });
