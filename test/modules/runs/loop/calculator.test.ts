import { expect, test } from 'vitest';
import { calculator } from '../../../../src/modules/runs/tools/calculator.ts';
import { currentTime } from '../../../../src/modules/runs/tools/current-time.ts';

const context = { signal: new AbortController().signal, messageId: null, approved: false };
const calculate = (expression: string) => calculator(false).call({ expression }, context);

test.each([
  ['0.1 + 0.2', '0.3'],
  ['(3 + 4) * 2 ^ 10', '7168'],
  ['-2 ^ 2', '-4'],
  ['10 % 4 + 5!', '122'],
  ['sqrt(2) * sin(pi / 4)', '1'],
  ['max(1, 7, 3) - mean(2, 4)', '4'],
  ['round(2.567, 2)', '2.57'],
  ['log(1000, 10)', '3'],
  ['3 > 2 ? 5 : 6', '5'],
  ['2 >= 3 or not false', 'true'],
  ['2 ^ 53 - 1', '9007199254740991'],
])('evaluates %s to %s', async (expression, result) => {
  expect(await calculate(expression)).toEqual({ status: 'SUCCEEDED', output: { result } });
});

test.each([
  ['1 / 0', 'finite'],
  ['9 ^ 9 ^ 9 ^ 9', 'finite'],
  ['171!', 'factorial'],
  ['3!!!!', 'factorial'],
  ['(-1)!', 'factorial'],
  ['import({ a: 1 })', 'Unknown function: import'],
  ['createUnit("x")', 'Unknown function: createUnit'],
  ['evaluate("1")', 'Unknown function: evaluate'],
  ['parse("1")', 'Unknown function: parse'],
  ['simplify("1")', 'Unknown function: simplify'],
  ['derivative("x", "x")', 'Unknown function: derivative'],
  ['config({ })', 'Unknown function: config'],
  ['combinations(1e9, 5e8)', 'Unknown function: combinations'],
  ['zeros(1e9)', 'Unknown function: zeros'],
  ['x = 3', 'Only numbers'],
  ['f(x) = x', 'Only numbers'],
  ['[1, 2]', 'Only numbers'],
  ['1:1e9', 'Only numbers'],
  ['5 cm', 'cm'],
  ['"a" + 1', 'Strings'],
  ['(1).constructor', 'Only numbers'],
  ['abs.constructor("return process")', 'Unknown function'],
  ['1; 2', 'Only numbers'],
  ['2 +', 'Unexpected end'],
  ['('.repeat(400) + 1 + ')'.repeat(400), 'nested'],
])('rejects %s with a reason', async (expression, reason) => {
  expect(await calculate(expression)).toEqual({ status: 'FAILED', error: expect.stringContaining(reason) });
});

test('current_time returns the time in a zone and rejects an unknown zone', async () => {
  const callTool = (args: Record<string, unknown>) => currentTime(false).call(args, context);
  const here = (await callTool({ time_zone: 'Asia/Kolkata' })) as { output: { time: string; weekday: string } };
  expect(here.output.time).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+05:30$/);
  expect(Math.abs(Date.parse(here.output.time) - Date.now())).toBeLessThan(10_000);
  expect(here.output.weekday).toMatch(/day$/);
  expect(await callTool({})).toMatchObject({ output: { time: expect.stringMatching(/\+00:00$/), time_zone: 'UTC' } });
  expect(await callTool({ time_zone: 'Mars/Olympus' })).toMatchObject({
    status: 'FAILED',
    error: expect.stringContaining('Mars/Olympus'),
  });
});
