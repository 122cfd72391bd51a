import { spawn } from 'node:child_process';
import { text } from 'node:stream/consumers';
import { expect, test } from 'vitest';
import { looped, textRowDecoder, valueRowDecoder } from '../../../src/platform/postgres/protocol/row-decoder.ts';

const columns = [
  { name: 'id', dataTypeID: 2950 },
  { name: 'created_at', dataTypeID: 1184 },
  { name: 'token_count', dataTypeID: 20 },
  { name: 'a"quoted_name', dataTypeID: 25 },
];
const row = ['0192', '2026-01-31 23:59:59.123456+00', '12', null];
const object = { id: '0192', createdAt: new Date('2026-01-31T23:59:59.123Z'), tokenCount: 12n, 'a"quotedName': null };

test('the fallback returns the same objects as generated code', () => {
  expect(textRowDecoder(columns)(row)).toEqual(object);
  expect(looped.reader(columns)(row)).toEqual(object);
  expect(Object.keys(looped.reader(columns)(row))).toEqual(Object.keys(textRowDecoder(columns)(row)));
  expect(looped.decoder(columns)(row)).toEqual(valueRowDecoder(columns)(row));
});

test('decodes rows if code generation from strings is disallowed', async () => {
  const script = `
    import { textRowDecoder, valueRowDecoder } from ${JSON.stringify(new URL('../../../src/platform/postgres/protocol/row-decoder.ts', import.meta.url).href)};
    let refused = false;
    try { new Function('return 1'); } catch { refused = true; }
    const columns = [{ name: 'some_name', dataTypeID: 25 }, { name: 'n', dataTypeID: 23 }];
    console.log(JSON.stringify([refused, textRowDecoder(columns)(['a', '1']), valueRowDecoder(columns)(['b', 2])]));
  `;
  const child = spawn(process.execPath, ['--disallow-code-generation-from-strings', '--input-type=module', '-e', script], {
    env: { ...process.env, NODE_OPTIONS: '' },
  });
  const [output, errors] = await Promise.all([text(child.stdout), text(child.stderr)]);
  expect(errors).toBe('');
  expect(JSON.parse(output)).toEqual([true, { someName: 'a', n: 1 }, { someName: 'b', n: 2 }]);
});
