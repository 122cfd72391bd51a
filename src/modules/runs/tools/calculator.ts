import type { MathNode } from 'mathjs';
import type { RunTool, ToolOutcome } from './tool.ts';

const MAX_LENGTH = 1_000;
/** The factorial of a larger number exceeds the range of a double. */
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

/** Its message is returned to the model. */
class ExpressionError extends Error {}

/** Throws ExpressionError for nodes outside the allowlist, which bounds the time and excludes everything but numbers. */
function check(node: MathNode): void {
  const { type } = node;
  if (type === 'ConstantNode') {
    if (typeof (node as unknown as { value: unknown }).value === 'string')
      throw new ExpressionError('Strings are not supported.');
  } else if (type === 'SymbolNode') {
    const { name } = node as unknown as { name: string };
    if (!CONSTANTS.has(name)) throw new ExpressionError(`Unknown constant or function: ${name}.`);
  } else if (type === 'FunctionNode') {
    const { fn, args } = node as unknown as { fn: MathNode & { name?: string }; args: MathNode[] };
    const name = fn.type === 'SymbolNode' ? (fn.name ?? '') : '';
    if (!FUNCTIONS.has(name))
      throw new ExpressionError(`Unknown function: ${name || fn.toString()}. Available functions: ${[...FUNCTIONS].join(', ')}.`);
    for (const argument of args) check(argument);
  } else if (type === 'OperatorNode') {
    const { fn, args } = node as unknown as { fn: string; args: MathNode[] };
    if (!OPERATORS.has(fn)) throw new ExpressionError(`Unknown operator: ${fn}.`);
    for (const argument of args) check(argument);
  } else if (type === 'ParenthesisNode' || type === 'ConditionalNode' || type === 'RelationalNode') {
    node.forEach((child) => {
      check(child);
    });
  } else {
    throw new ExpressionError(
      'Only numbers, operators, functions and parentheses are supported: no units, matrices, strings or assignments.',
    );
  }
}

const parser = () => import('mathjs/number');

/** Throws ExpressionError. Rounds to 15 digits, the precision of a double. */
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
    // Syntax errors of mathjs contain the position; they have no class of their own.
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
