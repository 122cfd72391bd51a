import { type DocumentNode, type GraphQLNamedType, type GraphQLSchema, TypeInfo, visit, visitWithTypeInfo } from 'graphql';

interface ScopedType {
  tenantScoped?: readonly string[];
}

/**
 * For the `extensions` of a type whose fields are the same for every viewer of a tenant with the same rights: the policies of its tables
 * depend on the tenant alone, and its resolvers read nothing else of the viewer. Results that select only such types are shared by viewers.
 * @param tables the tables whose rows the type exposes
 */
export function tenantScoped(...tables: string[]): { [name: string]: unknown; tenantScoped: readonly string[] } {
  return { tenantScoped: tables };
}

/** The tables of a type with the extension. */
export function tenantTablesOf(type: GraphQLNamedType | null | undefined): readonly string[] | undefined {
  return (type?.extensions as ScopedType | undefined)?.tenantScoped;
}

const known = new WeakMap<DocumentNode, boolean>();

/** Whether a valid document selects only types with the extension. */
export function isTenantScoped(schema: GraphQLSchema, document: DocumentNode): boolean {
  let all = known.get(document);
  if (all === undefined) {
    all = true;
    const types = new TypeInfo(schema);
    const Field = () => {
      if (!tenantTablesOf(types.getParentType())) all = false;
    };
    visit(document, visitWithTypeInfo(types, { Field }));
    known.set(document, all);
  }
  return all;
}
