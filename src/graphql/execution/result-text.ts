import type { ExecutionResult } from 'graphql';

const texts = new WeakMap<ExecutionResult, string>();

/** A result without errors, from the JSON of its data, which is only parsed for those who look into it. */
export function resultOf(text: string): ExecutionResult {
  let data: Record<string, unknown> | undefined;
  const result: ExecutionResult = {
    get data() {
      data ??= JSON.parse(text) as Record<string, unknown>;
      return data;
    },
  };
  texts.set(result, text);
  return result;
}

/** The JSON of a result's data, where it was written before the result. */
export function dataTextOf(result: ExecutionResult): string | undefined {
  return texts.get(result);
}
