import type { MathNode } from 'mathjs';
import type { RunTool, ToolOutcome } from './tool.ts';

const MAX_LENGTH = 1_000;
/** Past this a factorial is more than a number can hold, and takes ever longer. */
const MAX_FACTORIAL = 170;

const FUNCTIONS = new Set(
  (
    'abs acos acosh asin asinh atan atan2 atanh cbrt ceil cos cosh exp expm1 floor fix hypot log log10 log1p log2 max mean median min mod ' +
    'nthRoot pow round sign sin sinh sqrt square cube sum tan tanh'
  ).split(' '),
);
const CONSTANTS = new Set(['pi', 'PI', 'e', 'E', 'tau', 'phi', 'true', 'false']);
const OPERATORS = new Set(
  'add subtract multiply divide pow mod unaryMinus unaryPlus factorial equal unequal smaller smallerEq larger largerEq and or not xor'.split(
    ' ',
  ),
);

/** Thrown with what the model should know. */
class ExpressionError extends Error {}

/** What may stand in an expression: everything takes a bounded time, and nothing reaches beyond numbers. */
function check(node: MathNode): void {
  const { type } = node;
  if (type === 'ConstantNode') {
    if (typeof (node as unknown as { value: unknown }).value === 'string')
      throw new ExpressionError('Texts cannot be calculated with.');
  } else if (type === 'SymbolNode') {
    const { name } = node as unknown as { name: string };
    if (!CONSTANTS.has(name)) throw new ExpressionError(`There is no constant or function called ${name}.`);
  } else if (type === 'FunctionNode') {
    const { fn, args } = node as unknown as { fn: MathNode & { name?: string }; args: MathNode[] };
    const name = fn.type === 'SymbolNode' ? (fn.name ?? '') : '';
    if (!FUNCTIONS.has(name))
      throw new ExpressionError(`There is no function called ${name || fn.toString()}. There are: ${[...FUNCTIONS].join(', ')}.`);
    for (const argument of args) check(argument);
  } else if (type === 'OperatorNode') {
    const { fn, args } = node as unknown as { fn: string; args: MathNode[] };
    if (!OPERATORS.has(fn)) throw new ExpressionError(`The operator ${fn} is not known.`);
    for (const argument of args) check(argument);
  } else if (type === 'ParenthesisNode' || type === 'ConditionalNode' || type === 'RelationalNode') {
    node.forEach((child) => {
      check(child);
    });
  } else {
    throw new ExpressionError(
      'Only numbers, operators, functions and parentheses are understood: no units, matrices, texts or assignments.',
    );
  }
}

const parser = () => import('mathjs/number');

/** Throws ExpressionError. Rounds to 15 digits, which is what a number holds. */
async function evaluate(expression: string): Promise<string> {
  const { create, all } = await parser();
  const math = create(all ?? {});
  math.import(
    {
      factorial: (value: number) => {
        if (value > MAX_FACTORIAL) throw new ExpressionError(`The factorial of more than ${MAX_FACTORIAL} is too large.`);
        if (value < 0) throw new ExpressionError('A negative number has no factorial.');
        return math.gamma(value + 1);
      },
    },
    { override: true },
  );
  const node = math.parse(expression);
  check(node);
  const value: unknown = node.compile().evaluate({});
  if (typeof value === 'boolean') return String(value);
  if (typeof value !== 'number') throw new ExpressionError('The result is not a number.');
  if (!Number.isFinite(value)) throw new ExpressionError('The result is not a finite number, as after a division by zero.');
  return Number.isSafeInteger(value) ? String(value) : String(Number(value.toPrecision(15)));
}

async function call({ expression }: Record<string, unknown>): Promise<ToolOutcome> {
  try {
    return { status: 'SUCCEEDED', output: { result: await evaluate(String(expression)) } };
  } catch (error) {
    // mathjs says where in the expression it stopped understanding; its errors have no types to tell them by.
    const reason =
      error instanceof RangeError
        ? 'The expression is nested too deeply.'
        : error instanceof Error
          ? error.message
          : String(error);
    return { status: 'FAILED', error: reason };
  }
}

const INPUT_SCHEMA = {
  type: 'object',
  properties: { expression: { type: 'string', minLength: 1, maxLength: MAX_LENGTH, description: 'The expression.' } },
  required: ['expression'],
  additionalProperties: false,
};

export function calculator(approval: boolean): RunTool {
  return {
    name: 'calculator',
    description:
      'Calculates an arithmetic expression, such as (3 + 4) * 2 ^ 10 or sqrt(2) * sin(pi / 4). Numbers only. Results have 15 digits.',
    inputSchema: INPUT_SCHEMA,
    source: 'BUILT_IN',
    approval,
    repeatable: true,
    call,
  };
}
