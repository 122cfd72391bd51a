import type { ExecutionResult } from 'graphql';
import { type JsonChunk, joinChunks } from './json-chunks.ts';

const written = new WeakMap<ExecutionResult, readonly JsonChunk[]>();

/** A result without errors, from the JSON of its data. The JSON is parsed when `data` is read. */
export function lazyResult(json: readonly JsonChunk[]): ExecutionResult {
  let data: Record<string, unknown> | undefined;
  const result: ExecutionResult = {
    get data() {
      data ??= JSON.parse(joinChunks(json)) as Record<string, unknown>;
      return data;
    },
  };
  written.set(result, json);
  return result;
}

/** The JSON of a result's data, if the result was created from it. */
export function serializedChunks(result: ExecutionResult): readonly JsonChunk[] | undefined {
  return written.get(result);
}

/** The same as one string. */
export function serializedData(result: ExecutionResult): string | undefined {
  const json = written.get(result);
  return json && joinChunks(json);
}
