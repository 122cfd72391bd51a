import {
  coerceInputValue,
  type DocumentNode,
  type ExecutionArgs,
  GraphQLError,
  type GraphQLSchema,
  getOperationAST,
  isInputType,
  isNonNullType,
  typeFromAST,
} from 'graphql';
import type { Plugin } from 'graphql-yoga';

function badVariable(message: string): GraphQLError {
  return new GraphQLError(message, { extensions: { code: 'VALIDATION_FAILED', http: { status: 400, spec: true } } });
}

/** Throws for the first invalid variable. */
export function checkVariables(
  {
    schema,
    document,
    operationName,
    variableValues,
  }: Pick<ExecutionArgs, 'schema' | 'document' | 'operationName' | 'variableValues'>,
  hideSuggestions: boolean,
): void {
  const values = variableValues ?? {};
  for (const { variable, type: typeNode, defaultValue } of getOperationAST(document, operationName)?.variableDefinitions ?? []) {
    const name = variable.name.value;
    const type = typeFromAST(schema, typeNode as never);
    // Validation of the document has rejected other types.
    if (!isInputType(type)) continue;
    if (Object.hasOwn(values, name)) {
      const refuse = (path: readonly (string | number)[], _value: unknown, { message }: GraphQLError) => {
        throw badVariable(`Variable "$${[name, ...path].join('.')}": ${message}`);
      };
      coerceInputValue(values[name], type, refuse, hideSuggestions);
    } else if (!defaultValue && isNonNullType(type)) {
      throw badVariable(`Variable "$${name}" of required type "${type}" was not provided.`);
    }
  }
}

/**
 * Rejects variables at the first mistake. graphql-js reports every mistake with the whole value printed, which takes minutes for a value
 * with ten thousand mistakes.
 * @param hideSuggestions whether to omit suggestions for misspelt fields and values
 */
export function useVariableValidation({ hideSuggestions }: { hideSuggestions: boolean }): Plugin {
  const check = (args: object): { errors: GraphQLError[] } | undefined => {
    try {
      checkVariables(args as ExecutionArgs & { schema: GraphQLSchema; document: DocumentNode }, hideSuggestions);
      return undefined;
    } catch (error) {
      if (error instanceof GraphQLError) return { errors: [error] };
      throw error;
    }
  };
  return {
    onExecute({ args, setResultAndStopExecution }) {
      const refusal = check(args);
      if (refusal) setResultAndStopExecution(refusal);
    },
    onSubscribe({ args, setResultAndStopExecution }) {
      const refusal = check(args);
      if (refusal) setResultAndStopExecution(refusal);
    },
  };
}
