import { expect, test } from 'vitest';
import { requireUsableSchema, validateJson } from '../../../src/modules/tool-servers/json-schema/json-schema.ts';
import { newId } from '../../../src/platform/lib/ids.ts';
import { runWithContext } from '../../../src/platform/postgres/request-scope.ts';

const slow = { type: 'string', pattern: '^(a+)+$' };
const hopeless = `${'a'.repeat(50)}!`;

test('a tenant can spend two seconds of validation per minute; further slow validations are refused at once', async () => {
  const [hostile, other] = [{ tenantId: newId() }, { tenantId: newId() }];
  const start = performance.now();
  for (let call = 0; call < 100; call++) {
    const issues = await runWithContext(hostile, () => validateJson(slow, hopeless));
    expect(issues).toEqual([{ path: [], message: 'Takes too long to validate.' }]);
  }
  expect(performance.now() - start).toBeLessThan(10_000);
  // The budget is per tenant: another one can use the same schema, and a schema whose check was refused.
  expect(await runWithContext(other, () => validateJson(slow, 'aaa'))).toEqual([]);
  const fresh = { type: 'object', properties: { [newId()]: slow } };
  await expect(runWithContext(hostile, () => requireUsableSchema(fresh))).rejects.toThrow('too long');
  await runWithContext(other, () => requireUsableSchema(fresh));
});
