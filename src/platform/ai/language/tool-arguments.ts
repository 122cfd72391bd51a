import type { ModelStepToolCall } from './language-model.ts';

/** Deeper ones end the stack of whoever walks over them. */
const MAX_DEPTH = 64;

type Checked = Pick<ModelStepToolCall, 'arguments' | 'invalid'>;

/** What a model sent as arguments, parsed where it can be. @param bytes of it as JSON */
export function checkedArguments(sent: unknown, bytes: number, maxBytes: number): Checked {
  const refuse = (invalid: string): Checked => ({ arguments: {}, invalid });
  if (bytes > maxBytes) return refuse(`The arguments are larger than ${maxBytes} bytes.`);
  // Many models send nothing for a tool without arguments.
  if (typeof sent === 'string' && sent.trim() === '') return { arguments: {} };
  if (typeof sent !== 'object' || sent === null || Array.isArray(sent)) return refuse('The arguments are not a JSON object.');
  if (isDeeperThan(sent, MAX_DEPTH)) return refuse(`The arguments are nested more than ${MAX_DEPTH} levels deep.`);
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
