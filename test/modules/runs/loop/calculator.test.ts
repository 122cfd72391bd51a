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
])('%s is %s', async (expression, result) => {
  expect(await calculate(expression)).toEqual({ status: 'SUCCEEDED', output: { result } });
});

test.each([
  ['1 / 0', 'finite'],
  ['9 ^ 9 ^ 9 ^ 9', 'finite'],
  ['171!', 'factorial'],
  ['3!!!!', 'factorial'],
  ['(-1)!', 'factorial'],
  ['import({ a: 1 })', 'no function called import'],
  ['createUnit("x")', 'no function called createUnit'],
  ['evaluate("1")', 'no function called evaluate'],
  ['parse("1")', 'no function called parse'],
  ['simplify("1")', 'no function called simplify'],
  ['derivative("x", "x")', 'no function called derivative'],
  ['config({ })', 'no function called config'],
  ['combinations(1e9, 5e8)', 'no function called combinations'],
  ['zeros(1e9)', 'no function called zeros'],
  ['x = 3', 'Only numbers'],
  ['f(x) = x', 'Only numbers'],
  ['[1, 2]', 'Only numbers'],
  ['1:1e9', 'Only numbers'],
  ['5 cm', 'cm'],
  ['"a" + 1', 'Texts'],
  ['(1).constructor', 'Only numbers'],
  ['abs.constructor("return process")', 'no function'],
  ['1; 2', 'Only numbers'],
  ['2 +', 'Unexpected end'],
  ['('.repeat(400) + 1 + ')'.repeat(400), 'nested'],
])('%s is refused with a reason', async (expression, reason) => {
  expect(await calculate(expression)).toEqual({ status: 'FAILED', error: expect.stringContaining(reason) });
});

test('the time is told in a time zone, and of none that is not there', async () => {
  const tell = (args: Record<string, unknown>) => currentTime(false).call(args, context);
  const here = (await tell({ time_zone: 'Asia/Kolkata' })) as { output: { time: string; weekday: string } };
  expect(here.output.time).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+05:30$/);
  expect(Math.abs(Date.parse(here.output.time) - Date.now())).toBeLessThan(10_000);
  expect(here.output.weekday).toMatch(/day$/);
  expect(await tell({})).toMatchObject({ output: { time: expect.stringMatching(/\+00:00$/), time_zone: 'UTC' } });
  expect(await tell({ time_zone: 'Mars/Olympus' })).toMatchObject({
    status: 'FAILED',
    error: expect.stringContaining('Mars/Olympus'),
  });
});
