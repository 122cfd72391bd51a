import { expect, test } from 'vitest';
import { createDnsResolver } from '../../../src/platform/egress/dns-resolver.ts';
import { startNameServer, type Zone } from './name-server.ts';
import { failure } from './net-harness.ts';

const NAME = 'mcp.example.com';
const never = new AbortController().signal;

async function lookUp(zone: Zone): Promise<string[]> {
  const { address } = await startNameServer({ [NAME]: zone });
  return createDnsResolver([address])(NAME, never);
}

test('returns all IPv4 and IPv6 addresses', async () => {
  const zone = { A: ['93.184.216.34', '10.0.0.1'], AAAA: ['2606:2800:220:1:248:1893:25c8:1946'] };
  expect(await lookUp(zone)).toEqual([...zone.A, ...zone.AAAA]);
});

test('returns the addresses of one family if the other fails', async () => {
  expect(await lookUp({ A: ['127.0.0.1'] })).toEqual(['127.0.0.1']);
  expect(await lookUp({ AAAA: ['0:0:0:0:0:0:0:1'] })).toEqual(['::1']);
  expect(await lookUp({ A: ['127.0.0.1'], code: { AAAA: 2 } })).toEqual(['127.0.0.1']);
});

test('rejects unknown names, transient failures and names with too many addresses', async () => {
  expect(await failure(lookUp({}))).toMatchObject({ code: 'ENOTFOUND' });
  expect(await failure(lookUp({ code: { A: 3, AAAA: 3 } }))).toMatchObject({ code: 'ENOTFOUND' });
  expect(await failure(lookUp({ code: { A: 2, AAAA: 3 } }))).toMatchObject({ code: 'EAI_AGAIN' });
  const many = Array.from({ length: 65 }, (_, index) => `93.184.216.${index}`);
  expect(await lookUp({ A: many.slice(1) })).toHaveLength(64);
  expect(await failure(lookUp({ A: many }))).toMatchObject({ code: 'ENOTFOUND' });
});

test('waits for a silent name server until the signal aborts', async () => {
  const { address, asked } = await startNameServer({});
  const abort = new AbortController();
  const found = failure(createDnsResolver([address])(NAME, abort.signal));
  await expect.poll(() => asked.length).toBeGreaterThan(0);
  abort.abort();
  expect(await found).toMatchObject({ code: 'EAI_AGAIN' });
  expect(await failure(createDnsResolver([address])(NAME, abort.signal))).toMatchObject({ name: 'AbortError' });
});
