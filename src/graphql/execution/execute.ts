import {
  type DocumentNode,
  type ExecutionResult,
  execute,
  type FragmentDefinitionNode,
  type GraphQLSchema,
  getOperationAST,
  getVariableValues,
  Kind,
  locatedError,
  type OperationDefinitionNode,
  visit,
} from 'graphql';
import { toDomainError } from '../../db/errors.ts';
import { UnavailableError } from '../../lib/errors.ts';
import type { GraphQLContext } from '../context.ts';
import { Plan } from './plan.ts';
import { PlanError } from './plan-error.ts';
import { isPromise, type Value } from './promises.ts';
import { resultOf } from './result-text.ts';
import { hasRights } from './rights.ts';

export interface Execution {
  schema: GraphQLSchema;
  document: DocumentNode;
  contextValue: GraphQLContext;
  rootValue?: unknown;
  variableValues?: Readonly<Record<string, unknown>> | null | undefined;
  operationName?: string | null | undefined;
}

/** The plans of one operation, by the values of the variables that decide which fields it has. */
interface Plans {
  operation: OperationDefinitionNode;
  fragments: Record<string, FragmentDefinitionNode>;
  deciding: readonly string[];
  plans: Map<string, Plan | undefined>;
}

const MAX_PLANS = 16;
const known = new WeakMap<DocumentNode, Map<string, Plans | undefined>>();

/** The variables of `@skip` and `@include`. */
function decidingOf(document: DocumentNode): string[] {
  const names = new Set<string>();
  visit(document, {
    Directive({ name, arguments: args }) {
      if (name.value !== 'skip' && name.value !== 'include') return;
      for (const { value } of args ?? []) if (value.kind === Kind.VARIABLE) names.add(value.name.value);
    },
  });
  return [...names];
}

function plansOf({ document, operationName }: Execution): Plans | undefined {
  let byName = known.get(document);
  if (!byName) {
    byName = new Map();
    known.set(document, byName);
  }
  const name = operationName ?? '';
  if (!byName.has(name)) {
    const operation = getOperationAST(document, operationName);
    const fragments: Record<string, FragmentDefinitionNode> = {};
    for (const definition of document.definitions) {
      if (definition.kind === Kind.FRAGMENT_DEFINITION) fragments[definition.name.value] = definition;
    }
    // What a mutation has done once must not be done again.
    const canStartOver = operation && operation.operation !== 'mutation';
    byName.set(name, canStartOver ? { operation, fragments, deciding: decidingOf(document), plans: new Map() } : undefined);
  }
  return byName.get(name);
}

function planOf(
  { operation, fragments, deciding, plans }: Plans,
  schema: GraphQLSchema,
  variables: Record<string, unknown>,
): Plan | undefined {
  const key = deciding.map((name) => String(variables[name])).join();
  if (plans.has(key)) return plans.get(key);
  let plan: Plan | undefined;
  try {
    plan = new Plan({ schema, fragments, operation, variables });
  } catch (error) {
    if (!(error instanceof PlanError)) throw error;
  }
  if (plans.size < MAX_PLANS) plans.set(key, plan);
  return plan;
}

/**
 * Executes a valid operation: by its plan where there is one and the viewer has all the rights it takes, else as the specification
 * describes it, field by field. So does whatever goes wrong on the way: nothing but a whole result comes from a plan. Where the database
 * is away, that is all there is to say.
 */
export function executeOperation(execution: Execution): Value<ExecutionResult> {
  const { schema, contextValue: context, variableValues, rootValue } = execution;
  const plans = plansOf(execution);
  const { coerced } = plans ? getVariableValues(schema, plans.operation.variableDefinitions ?? [], variableValues ?? {}) : {};
  const plan = plans && coerced && planOf(plans, schema, coerced);
  if (!plan || !hasRights(context.viewer, plan.rights)) return execute(execution);
  const startOver = (error: unknown): Value<ExecutionResult> => {
    // Who has waited for a database that does not answer must not wait for it again.
    if (toDomainError(error) instanceof UnavailableError) return { data: null, errors: [locatedError(error, undefined)] };
    // Errors are remembered as well, and may be over.
    context.loaders.clear();
    return execute(execution);
  };
  try {
    const json = plan.run({ context, rootValue, variables: coerced });
    return isPromise(json) ? json.then(resultOf, startOver) : resultOf(json);
  } catch (error) {
    return startOver(error);
  }
}
