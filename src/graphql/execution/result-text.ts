import type { ExecutionResult } from 'graphql';
import { type Written, wholeText } from './written.ts';

const written = new WeakMap<ExecutionResult, readonly Written[]>();

/** A result without errors, from the JSON of its data, which is only parsed for those who look into it. */
export function resultOf(json: readonly Written[]): ExecutionResult {
  let data: Record<string, unknown> | undefined;
  const result: ExecutionResult = {
    get data() {
      data ??= JSON.parse(wholeText(json)) as Record<string, unknown>;
      return data;
    },
  };
  written.set(result, json);
  return result;
}

/** The JSON of a result's data, where it was written before the result. */
export function writtenDataOf(result: ExecutionResult): readonly Written[] | undefined {
  return written.get(result);
}

/** The same as one text. */
export function dataTextOf(result: ExecutionResult): string | undefined {
  const json = written.get(result);
  return json && wholeText(json);
}
