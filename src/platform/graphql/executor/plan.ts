import {
  type FieldNode,
  type FragmentDefinitionNode,
  type GraphQLAbstractType,
  type GraphQLField,
  type GraphQLFieldResolver,
  type GraphQLObjectType,
  type GraphQLOutputType,
  type GraphQLResolveInfo,
  type GraphQLSchema,
  getArgumentValues,
  isAbstractType,
  isLeafType,
  isListType,
  isNonNullType,
  type OperationDefinitionNode,
} from 'graphql';
import { collectFields, collectSubfields } from '../collect-fields.ts';
import type { FieldExtensions } from '../field-extensions.ts';
import { encodeGlobalId } from '../kit/global-id.ts';
import type { JsonChunk } from './json-chunks.ts';
import { leafSerializer } from './leaf-serializers.ts';
import {
  isPromise,
  type MaybePromise,
  PlanBailout,
  PlanExecution,
  type PlanExecutionOptions,
  toArray,
} from './plan-execution.ts';
import { collectScopes, noScopes, type RequiredScopes, satisfies } from './required-scopes.ts';

type Path = GraphQLResolveInfo['path'];
type Field = GraphQLField<unknown, unknown>;
type Resolve = GraphQLFieldResolver<unknown, unknown>;

/** Writes the result of a resolver as JSON. Throws for any value that graphql-js would report as an error. */
type CompleteValue = (value: unknown, path: Path | undefined, run: PlanExecution, out: JsonChunk[]) => void;

/** A field of the operation, with the names that `GraphQLResolveInfo` uses. */
interface Selected {
  fieldName: string;
  fieldNodes: readonly FieldNode[];
  returnType: GraphQLOutputType;
  parentType: GraphQLObjectType;
}

/** How the plan resolves and writes one field of a type. */
interface FieldPlan {
  key: string;
  /** The key as JSON, with the punctuation around it. */
  label: string;
  selected: Selected;
  /** The index among the fields with arguments. */
  number: number | undefined;
  definition: Field;
  /** The property that the field exposes, if its resolver only reads that property. */
  property: string | undefined;
  resolve: Resolve;
  /** The resolver without the complexity check of root fields, for operations whose size has been checked. */
  uncheckedResolve: Resolve | undefined;
  /** Whether the resolver takes `info`. */
  needsInfo: boolean;
  complete: CompleteValue;
  /** Whether the resolver or any below it takes `info`, and so needs the path. */
  needsPath: boolean;
}

interface ObjectPlan {
  typename: string;
  /** In the order of the result. A string is JSON that is known in advance. */
  fields: readonly (FieldPlan | string)[];
  located: boolean;
}

interface Completion {
  complete: CompleteValue;
  located: boolean;
}

/** The extensions that Pothos and its plugins set on fields. */
interface BuiltField extends FieldExtensions {
  pothosExposedField?: string;
  pothosOriginalResolve?: Resolve;
  pothosErrors?: unknown;
  /** How Pothos transforms the arguments before the resolver: validation, global ids. */
  pothosArgMappers?: readonly unknown[];
  pothosItemErrors?: unknown;
  pothosPrismaSelect?: unknown;
}

interface BuiltType {
  pothosOptions?: { id?: { resolve?: (row: unknown) => unknown } };
}

const NO_ARGS: Record<string, unknown> = {};

/** The path of the field that a list item, or the field itself, belongs to. */
function fieldPathOf(path: Path | undefined): Path {
  let here = path as Path;
  while (typeof here.key === 'number' && here.prev) here = here.prev;
  return here;
}

export interface PlanSource {
  schema: GraphQLSchema;
  fragments: Record<string, FragmentDefinitionNode>;
  operation: OperationDefinitionNode;
  /** The variables of `@skip` and `@include`. */
  variables: Record<string, unknown>;
}

/**
 * The fields of an operation, looked up and merged once, with one function for each type, so that an execution only calls functions. A plan
 * produces complete results only: it stops at the first error of any kind.
 */
export class Plan {
  /** The scopes that a viewer needs to run the plan. The resolvers it calls do not check them again. */
  readonly requiredScopes: RequiredScopes = noScopes();
  readonly #source: PlanSource;
  readonly #root: ObjectPlan;
  #numbers = 0;

  /** Throws PlanBailout. */
  constructor(source: PlanSource) {
    this.#source = source;
    const { schema, fragments, variables, operation } = source;
    const type = schema.getRootType(operation.operation);
    if (!type) throw new PlanBailout('the schema has no root type for the operation');
    const fields = collectFields(schema, fragments, variables, type, operation.selectionSet);
    this.#root = this.#object(type, fields, this.requiredScopes);
  }

  /** The data of the result, as JSON. */
  run(options: PlanExecutionOptions): MaybePromise<readonly JsonChunk[]> {
    const run = new PlanExecution(options);
    return run.run((out) => this.#execute(this.#root, run.rootValue, undefined, run, out));
  }

  #object(type: GraphQLObjectType, fields: ReadonlyMap<string, readonly FieldNode[]>, rights: RequiredScopes): ObjectPlan {
    if (type.isTypeOf) throw new PlanBailout(`${type.name} looks at its values`);
    const plans = [...fields].map(([key, nodes], index) => {
      const label = `${index === 0 ? '{' : ','}${JSON.stringify(key)}:`;
      return nodes[0]?.name.value === '__typename' ? `${label}"${type.name}"` : this.#field(type, key, label, nodes, rights);
    });
    return { typename: type.name, fields: plans, located: plans.some((plan) => typeof plan === 'object' && plan.needsPath) };
  }

  #field(type: GraphQLObjectType, key: string, label: string, nodes: readonly FieldNode[], rights: RequiredScopes): FieldPlan {
    const name = (nodes[0] as FieldNode).name.value;
    const definition = type.getFields()[name];
    if (!definition) throw new PlanBailout(`${type.name}.${name} is no field of the graph`);
    const { schema, operation } = this.#source;
    const isRoot = type === schema.getRootType(operation.operation);
    const { replayable } = definition.extensions as BuiltField;
    if (isRoot ? replayable !== true : replayable === false) throw new PlanBailout(`${type.name}.${name} is not replayable`);
    const selected: Selected = { fieldName: name, fieldNodes: nodes, returnType: definition.type, parentType: type };
    const { complete, located } = this.#complete(definition.type, selected, rights);
    const written = this.#unwrapped(type, definition, rights);
    const plain = isRoot ? undefined : written;
    const resolve = plain?.resolve ?? definition.resolve;
    if (!resolve) throw new PlanBailout(`${type.name}.${name} has no resolver`);
    const needsInfo = !plain || plain.resolve.length > 3;
    return {
      key,
      label,
      selected,
      number: definition.args.length > 0 ? this.#numbers++ : undefined,
      definition,
      property: plain?.property,
      resolve,
      uncheckedResolve: isRoot ? written?.resolve : undefined,
      needsInfo,
      complete,
      needsPath: located || needsInfo,
    };
  }

  /**
   * The resolver as declared, if its only wrapper is a scope check that the plan can do in advance. Undefined if there may be other
   * wrappers: for arguments with validation, results with errors, and relations.
   */
  #unwrapped(
    type: GraphQLObjectType,
    definition: Field,
    rights: RequiredScopes,
  ): { resolve: Resolve; property?: string } | undefined {
    const { pothosExposedField, pothosOriginalResolve, ...built } = definition.extensions as BuiltField;
    const mapped = built.pothosArgMappers === undefined || built.pothosArgMappers.length > 0;
    if (mapped || built.pothosErrors || built.pothosItemErrors) return undefined;
    if (pothosExposedField !== undefined && definition.resolve) {
      if (!collectScopes(rights, type, definition)) return undefined;
      return { resolve: definition.resolve, property: pothosExposedField };
    }
    const resolve = this.#globalId(type, definition) ?? pothosOriginalResolve;
    if (!resolve || built.pothosPrismaSelect || !collectScopes(rights, type, definition)) return undefined;
    return { resolve };
  }

  /** The `id` of a node, without a promise for each node. */
  #globalId(type: GraphQLObjectType, { name }: Field): Resolve | undefined {
    const idOf = (type.extensions as BuiltType).pothosOptions?.id?.resolve;
    if (name !== 'id' || !idOf || !type.getInterfaces().some((one) => one.name === 'Node')) return undefined;
    const encode = (id: unknown) => encodeGlobalId(type.name, String(id));
    return (row) => {
      const id = idOf(row);
      return isPromise(id) ? id.then(encode) : encode(id);
    };
  }

  #complete(type: GraphQLOutputType, selected: Selected, rights: RequiredScopes): Completion {
    if (isNonNullType(type)) {
      const { complete, located } = this.#complete(type.ofType, selected, rights);
      const required: CompleteValue = (value, path, run, out) => {
        if (value == null) throw new PlanBailout('null where there must be something');
        complete(value, path, run, out);
      };
      return { complete: required, located };
    }
    if (isListType(type)) return this.#list(type.ofType, selected, rights);
    if (isAbstractType(type)) return { complete: this.#abstract(type, selected), located: true };
    if (isLeafType(type)) {
      const write = leafSerializer(type);
      const leaf: CompleteValue = (value, _path, _run, out) => {
        if (value == null) out.push('null');
        else write(value, out);
      };
      return { complete: leaf, located: false };
    }
    const plan = this.#object(type, this.#subfields(type, selected), rights);
    return {
      complete: (value, path, run, out) => {
        if (value == null) out.push('null');
        else this.#execute(plan, value, path, run, out);
      },
      located: plan.located,
    };
  }

  #subfields(type: GraphQLObjectType, { fieldNodes }: Selected): ReadonlyMap<string, readonly FieldNode[]> {
    const { schema, fragments, variables } = this.#source;
    return collectSubfields(schema, fragments, variables, type, fieldNodes);
  }

  #list(itemType: GraphQLOutputType, selected: Selected, rights: RequiredScopes): Completion {
    const { complete, located } = this.#complete(itemType, selected, rights);
    const list: CompleteValue = (value, path, run, out) => {
      if (value == null) {
        out.push('null');
        return;
      }
      const items = toArray(value);
      for (let index = 0; index < items.length; index++) {
        out.push(index === 0 ? '[' : ',');
        const item = items[index];
        const here = located ? { prev: path, key: index, typename: undefined } : undefined;
        if (isPromise(item)) run.defer(item, out, (settled, place) => complete(settled, here, run, place));
        else complete(item, here, run, out);
      }
      out.push(items.length === 0 ? '[]' : ']');
    };
    return { complete: list, located };
  }

  /** Each type has scopes of its own: an operation can select types that the viewer may not read. */
  #abstract(type: GraphQLAbstractType, selected: Selected): CompleteValue {
    const { resolveType } = type;
    if (!resolveType) throw new PlanBailout(`${type.name} has no function that resolves the type`);
    const plans = new Map<string, { plan: ObjectPlan; rights: RequiredScopes }>();
    for (const possible of this.#source.schema.getPossibleTypes(type)) {
      const rights = noScopes();
      plans.set(possible.name, { plan: this.#object(possible, this.#subfields(possible, selected), rights), rights });
    }
    return (value, path, run, out) => {
      if (value == null) {
        out.push('null');
        return;
      }
      const go = (name: unknown, place: JsonChunk[]): void => {
        const known = plans.get(String(name));
        if (!known) throw new PlanBailout(`a value is no ${type.name}`);
        if (!satisfies(run.context.viewer, known.rights)) throw new PlanBailout(`a ${known.plan.typename} requires rights`);
        this.#execute(known.plan, value, path, run, place);
      };
      const name: unknown = resolveType(value, run.context, this.#info(selected, fieldPathOf(path), run), type);
      if (isPromise(name)) run.defer(name, out, go);
      else go(name, out);
    };
  }

  /** The `info` of a resolver. */
  #info({ fieldName, fieldNodes, returnType, parentType }: Selected, path: Path, run: PlanExecution): GraphQLResolveInfo {
    const { schema, fragments, operation } = this.#source;
    const { rootValue, variables: variableValues } = run;
    return { fieldName, fieldNodes, returnType, parentType, path, schema, fragments, rootValue, operation, variableValues };
  }

  #resolve(field: FieldPlan, source: unknown, path: Path | undefined, run: PlanExecution): unknown {
    let args = NO_ARGS;
    if (field.number !== undefined) {
      args = run.args[field.number] ??= getArgumentValues(
        field.definition,
        field.selected.fieldNodes[0] as FieldNode,
        run.variables,
      );
    }
    if (!field.needsInfo) return field.resolve(source, args, run.context, undefined as never);
    const resolve = (run.context.sizeChecked && field.uncheckedResolve) || field.resolve;
    return resolve(source, args, run.context, this.#info(field.selected, path as Path, run));
  }

  #execute(
    { fields, typename }: ObjectPlan,
    source: unknown,
    path: Path | undefined,
    run: PlanExecution,
    out: JsonChunk[],
  ): void {
    if (fields.length === 0) out.push('{');
    for (const field of fields) {
      if (typeof field === 'string') {
        out.push(field);
        continue;
      }
      const { key, label, property, complete } = field;
      const here = field.needsPath ? { prev: path, key, typename } : undefined;
      let value = property === undefined ? undefined : (source as Record<string, unknown>)[property];
      // A property that is a method is called as its resolver does.
      if (property === undefined || typeof value === 'function') value = this.#resolve(field, source, here, run);
      out.push(label);
      if (isPromise(value)) run.defer(value, out, (settled, place) => complete(settled, here, run, place));
      else complete(value, here, run, out);
    }
    out.push('}');
  }
}
