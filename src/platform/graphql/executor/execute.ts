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
import type { LRUCache } from 'lru-cache';
import { namedCache } from '../../lib/cache-stats.ts';
import { UnavailableError } from '../../lib/errors.ts';
import { toDomainError } from '../../postgres/errors.ts';
import type { GraphQLContext } from '../context.ts';
import { Plan } from './plan.ts';
import { isPromise, type MaybePromise, PlanBailout } from './plan-execution.ts';
import { planObstaclesOf } from './plan-support.ts';
import { ReplayGuard } from './replay-guard.ts';
import { satisfies } from './required-scopes.ts';
import { lazyResult } from './serialized-result.ts';

export interface OperationExecution {
  schema: GraphQLSchema;
  document: DocumentNode;
  contextValue: GraphQLContext;
  rootValue?: unknown;
  variableValues?: Readonly<Record<string, unknown>> | null | undefined;
  operationName?: string | null | undefined;
}

/** A plan with the record of its runs. */
interface GuardedPlan {
  plan: Plan;
  guard: ReplayGuard;
}

/** The plans of one operation, by the values of the variables that decide which fields it has. */
interface Plans {
  schema: GraphQLSchema;
  operation: OperationDefinitionNode;
  fragments: Record<string, FragmentDefinitionNode>;
  deciding: readonly string[];
  plans: LRUCache<string, GuardedPlan | typeof NO_PLAN>;
}

/** Plans of one operation in memory. The values of its `@skip` and `@include` variables decide how many it can have. */
const MAX_PLANS = 16;
const NO_PLAN = 'none';
const known = new WeakMap<DocumentNode, Map<string, Plans | undefined>>();

/** The variables of `@skip` and `@include`. */
function conditionalVariables(document: DocumentNode): string[] {
  const names = new Set<string>();
  visit(document, {
    Directive({ name, arguments: args }) {
      if (name.value !== 'skip' && name.value !== 'include') return;
      for (const { value } of args ?? []) if (value.kind === Kind.VARIABLE) names.add(value.name.value);
    },
  });
  return [...names];
}

function plansOf({ schema, document, operationName }: OperationExecution): Plans | undefined {
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
    // A mutation must not be executed twice.
    const canStartOver = operation && operation.operation !== 'mutation' && planObstaclesOf(schema).length === 0;
    const plans = namedCache<string, GuardedPlan | typeof NO_PLAN>('graphql_plans', { max: MAX_PLANS });
    byName.set(
      name,
      canStartOver ? { schema, operation, fragments, deciding: conditionalVariables(document), plans } : undefined,
    );
  }
  const plans = byName.get(name);
  return plans?.schema === schema ? plans : undefined;
}

function planOf(
  { schema, operation, fragments, deciding, plans }: Plans,
  variables: Record<string, unknown>,
): GuardedPlan | undefined {
  const key = deciding.length === 0 ? '' : deciding.map((name) => String(variables[name])).join();
  let planned = plans.get(key);
  if (planned === undefined) {
    try {
      planned = { plan: new Plan({ schema, fragments, operation, variables }), guard: new ReplayGuard() };
    } catch (error) {
      if (!(error instanceof PlanBailout)) throw error;
      planned = NO_PLAN;
    }
    plans.set(key, planned);
  }
  return planned === NO_PLAN ? undefined : planned;
}

/** Calls back with the result, then returns it. */
function observed(
  result: MaybePromise<ExecutionResult>,
  report: (result: ExecutionResult) => void,
): MaybePromise<ExecutionResult> {
  const pass = (settled: ExecutionResult) => {
    report(settled);
    return settled;
  };
  return isPromise(result) ? result.then(pass) : pass(result);
}

/**
 * Executes a valid operation from its plan, if it has one and the viewer has all required scopes. Otherwise, and after any error,
 * graphql-js executes it field by field, because a plan produces complete results only. The one exception is an unavailable database:
 * its error is returned at once.
 */
export function executeOperation(execution: OperationExecution): MaybePromise<ExecutionResult> {
  const { schema, contextValue: context, variableValues, rootValue } = execution;
  const plans = plansOf(execution);
  const { coerced } = plans ? getVariableValues(schema, plans.operation.variableDefinitions ?? [], variableValues ?? {}) : {};
  const planned = plans && coerced && planOf(plans, coerced);
  if (!planned || !satisfies(context.viewer, planned.plan.requiredScopes)) return execute(execution);
  const { plan, guard } = planned;
  if (guard.closed) {
    return observed(execute(execution), ({ errors }) => {
      if (!errors) guard.open();
    });
  }
  const run = guard.begin();
  const startOver = (error: unknown): MaybePromise<ExecutionResult> => {
    // The database did not answer in time: a second execution would wait for it again.
    if (toDomainError(error) instanceof UnavailableError) return { data: null, errors: [locatedError(error, undefined)] };
    // Loaders cache rejections, which may no longer hold.
    context.loaders.clear();
    return observed(execute(execution), ({ errors }) => {
      if (errors) guard.failed(run);
    });
  };
  try {
    const json = plan.run({ context, rootValue, variables: coerced });
    return isPromise(json) ? json.then(lazyResult, startOver) : lazyResult(json);
  } catch (error) {
    return startOver(error);
  }
}
