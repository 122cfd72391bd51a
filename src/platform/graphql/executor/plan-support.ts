import { type GraphQLSchema, isEnumType, isInputObjectType, isInterfaceType, isObjectType } from 'graphql';

/** Plans bypass the resolver wrappers of these plugins. They would silently skip the wrapper of any other plugin. */
export const KNOWN_PLUGINS: readonly string[] = ['complexity', 'errors', 'prisma', 'relay', 'scopeAuth', 'validation'];

/** Every extension key that Pothos and these plugins set. Their meaning for plans was verified in the source of the pinned versions. */
export const KNOWN_KEYS: ReadonlySet<string> = new Set([
  // The declared options, which contain the scopes.
  'pothosOptions',
  'pothosConfig',
  // Resolvers before and after wrapping.
  'pothosOriginalResolve',
  'pothosOriginalSubscribe',
  'pothosResolveWrapped',
  'pothosSubscribeWrapped',
  'pothosExposedField',
  // Plans execute fields with these through their wrappers.
  'pothosArgMappers',
  'pothosErrors',
  'pothosItemErrors',
  'pothosPrismaSelect',
  // How relations are loaded; resolvers with these have pothosPrismaSelect as well or are plain.
  'pothosPrismaFieldMap',
  'pothosPrismaInclude',
  'pothosPrismaLoader',
  'pothosPrismaModel',
  'pothosPrismaTypeSelection',
  'pothosPrismaVariant',
  'pothosIndirectInclude',
  // Inputs.
  'pothosParseGlobalID',
  '@pothos/plugin-validation',
]);

/** The extension keys of Pothos and its plugins anywhere in a schema. */
export function pothosKeysOf(schema: GraphQLSchema): Set<string> {
  const keys = new Set<string>();
  const collect = ({ extensions }: { extensions: object }) => {
    for (const key of Object.keys(extensions)) if (/^@?pothos/.test(key)) keys.add(key);
  };
  collect(schema);
  for (const directive of schema.getDirectives()) collect(directive);
  for (const type of Object.values(schema.getTypeMap())) {
    collect(type);
    if (isEnumType(type)) type.getValues().forEach(collect);
    if (isInputObjectType(type)) Object.values(type.getFields()).forEach(collect);
    if (!isObjectType(type) && !isInterfaceType(type)) continue;
    for (const field of Object.values(type.getFields())) {
      collect(field);
      field.args.forEach(collect);
    }
  }
  return keys;
}

const obstacles = new WeakMap<GraphQLSchema, readonly string[]>();
const UNVERIFIED: readonly string[] = ['the schema was not verified'];

/**
 * Verifies that a schema has only the plugins and extension keys that plans support. graphql-js alone executes any other schema, and one
 * that was never verified.
 * @param plugins the names of its Pothos plugins
 */
export function verifyPlanSupport(schema: GraphQLSchema, plugins: readonly string[]): void {
  const found = [
    ...plugins.filter((name) => !KNOWN_PLUGINS.includes(name)).map((name) => `unknown plugin ${name}`),
    ...KNOWN_PLUGINS.filter((name) => !plugins.includes(name)).map((name) => `missing plugin ${name}`),
    ...[...pothosKeysOf(schema)].filter((key) => !KNOWN_KEYS.has(key)).map((key) => `unknown extension key ${key}`),
  ];
  obstacles.set(schema, found);
}

/** Why a schema is executed without plans. Empty where it has plans. */
export function planObstaclesOf(schema: GraphQLSchema): readonly string[] {
  return obstacles.get(schema) ?? UNVERIFIED;
}
