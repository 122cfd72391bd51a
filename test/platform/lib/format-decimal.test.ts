import { expect, test } from 'vitest';
import { Prisma } from '../../../src/generated/prisma/client.ts';
import { formatDecimal } from '../../../src/platform/lib/format-decimal.ts';

test.each([
  ['0.000000400000', '0.0000004'],
  ['12345678901.000000000001', '12345678901.000000000001'],
  ['100', '100'],
  ['2.50', '2.5'],
  ['0.000000000000', '0'],
])('formats %s as %s, as a text and as a number of Prisma', (given, expected) => {
  expect(formatDecimal(given)).toBe(expected);
  expect(formatDecimal(new Prisma.Decimal(given))).toBe(expected);
});
