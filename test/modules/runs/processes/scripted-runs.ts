import { type ScriptedRound, script } from '../../../testkit/scripted-model.ts';

/** A message that scripts its run, and the expected result. */
export interface Play {
  content: string;
  status: 'COMPLETED' | 'FAILED';
  errorCode: string | null;
  /** The last answer. Undefined where the run fails. */
  text?: string;
  /** Number of tool calls in all steps. */
  calls: number;
}

export type Random = () => number;

/** Deterministic pseudo-random numbers. */
export function randomNumbers(seed: number): Random {
  let state = seed;
  return () => {
    state = (state * 1_103_515_245 + 12_345) % 2_147_483_648;
    return state / 2_147_483_648;
  };
}

const WORDS = 'the old town has a bridge of stone and no one knows who built it 𝄞 or when ünder whose roof'.split(' ');

function between(random: Random, least: number, most: number): number {
  return least + Math.floor(random() * (most - least + 1));
}

function sentence(random: Random): string {
  return `${Array.from({ length: between(random, 8, 30) }, () => WORDS[Math.floor(random() * WORDS.length)]).join(' ')}.`;
}

function completed(rounds: ScriptedRound[]): Play {
  return {
    content: script(...rounds),
    status: 'COMPLETED',
    errorCode: null,
    text: rounds.at(-1)?.say ?? '',
    calls: rounds.reduce((sum, { call }) => sum + (call?.length ?? 0), 0),
  };
}

function failed(errorCode: string, ...rounds: ScriptedRound[]): Play {
  return { content: script(...rounds), status: 'FAILED', errorCode, calls: 0 };
}

export interface PlayTools {
  /** Name of the tool whose calls must not be repeated. */
  pay: string;
  /** Name of the read-only tool. */
  look: string;
}

let keys = 0;

/** A random script: mostly text and tool calls, sometimes a failure. */
export function anyPlay(random: Random, { pay, look }: PlayTools): Play {
  const speak = (): ScriptedRound => ({ say: sentence(random), delayMs: between(random, 5, 25) });
  const call = (name: string) => ({ name, arguments: { key: `key-${++keys}`, ms: between(random, 50, 1_000) } });
  const tools = (): ScriptedRound => ({ ...speak(), call: [call(pay), call(look), call(pay)].slice(0, between(random, 1, 3)) });
  const dice = random();
  if (dice < 0.3) return completed([speak()]);
  if (dice < 0.6) return completed([tools(), speak()]);
  if (dice < 0.75)
    return completed([tools(), { call: [call(pay), { name: 'calculator', arguments: { expression: '6 * 7' } }] }, speak()]);
  if (dice < 0.8)
    return completed([{ call: [{ name: 'no_such_tool' }, { name: 'calculator', rawArguments: '{"expr' }] }, speak()]);
  if (dice < 0.85) return completed([{ ...speak(), fail: 500, times: 1 }]);
  if (dice < 0.9) return completed([{ ...speak(), cutOff: 'hard', times: 1 }]);
  if (dice < 0.94) return failed('MODEL_REFUSED', { fail: 400 });
  if (dice < 0.97) return failed('MODEL_NONSENSE', { ...speak(), cutOff: 'cleanly' });
  return failed('MODEL_NONSENSE', { body: '<!doctype html><title>Sign in</title>' });
}

/** A model that stalls during its answer until the agent's time limit. */
export function stall(random: Random): Play {
  return failed('TIMEOUT', { say: sentence(random), delayMs: 10, stall: 'end' });
}
