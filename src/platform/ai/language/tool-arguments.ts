import type { ModelStepToolCall } from './language-model.ts';

/** Deeper values can overflow the stack of recursive code. */
const MAX_DEPTH = 64;

type Checked = Pick<ModelStepToolCall, 'arguments' | 'invalid'>;

/** Validates the arguments of a tool call. @param bytes their size as JSON */
export function checkedArguments(sent: unknown, bytes: number, maxBytes: number): Checked {
  const invalidArguments = (invalid: string): Checked => ({ arguments: {}, invalid });
  if (bytes > maxBytes) return invalidArguments(`The arguments are larger than ${maxBytes} bytes.`);
  // Many models send an empty string for a tool without parameters.
  if (typeof sent === 'string' && sent.trim() === '') return { arguments: {} };
  if (typeof sent !== 'object' || sent === null || Array.isArray(sent))
    return invalidArguments('The arguments are not a JSON object.');
  if (isDeeperThan(sent, MAX_DEPTH)) return invalidArguments(`The arguments are nested more than ${MAX_DEPTH} levels deep.`);
  return { arguments: sent as Record<string, unknown> };
}

function isDeeperThan(value: object, depth: number): boolean {
  let level: object[] = [value];
  for (let deep = 1; level.length > 0; deep++) {
    if (deep > depth) return true;
    level = level.flatMap((parent) => Object.values(parent).filter((child) => typeof child === 'object' && child !== null));
  }
  return false;
}
