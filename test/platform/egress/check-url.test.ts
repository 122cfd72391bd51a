import { describe, expect, test } from 'vitest';
import { createAddressPolicy } from '../../../src/platform/egress/address-policy.ts';
import { AddressNotAllowedError, checkUrl } from '../../../src/platform/egress/check-url.ts';

const closed = createAddressPolicy();
const open = createAddressPolicy(['127.0.0.0/8', '10.1.0.0/16']);

test.each([
  'https://mcp.example.com/mcp?a=b',
  'https://MCP.example.com',
  'https://mcp.example.com:443/',
  'https://mcp.example.com:8443/',
  'https://mcp.example.com:80/',
  'https://bücher.example/',
  'https://a_b.example.com/%20',
  'https://8.8.8.8/',
  'https://134744072/',
  'https://[2606:4700::1111]:8443/mcp',
  'https://[::ffff:8.8.8.8]/',
  'https://localhost.example.com/',
  'https://internal.example.com/',
  `https://example.com/${'a'.repeat(2028)}`,
])('%s is allowed', (url) => {
  expect(checkUrl(url, closed).href).toBe(new URL(url).href);
  expect(checkUrl(new URL(url), open).href).toBe(new URL(url).href);
});

test.each([
  'http://127.0.0.1:3000/mcp',
  'http://0x7f.1:3000/',
  'http://[::ffff:127.0.0.1]:3000/',
  'http://localhost:3000/',
  'https://localhost/',
  'http://10.1.2.3/',
  'http://mcp.internal/',
  'http://redis:3000/',
  'http://mcp.example.com/',
])('%s is allowed or left to the DNS lookup with an allowed network', (url) => {
  expect(checkUrl(url, open).href).toBe(new URL(url).href);
  expect(() => checkUrl(url, closed)).toThrow(AddressNotAllowedError);
});

test.each(['http://10.2.0.1/', 'https://10.2.0.1/', 'http://8.8.8.8/', 'https://[::1]/', 'http://127.0.0.1:22/'])(
  '%s is refused all the same',
  (url) => expect(() => checkUrl(url, open)).toThrow(AddressNotAllowedError),
);

test('localhost is rejected if another network is allowed', () => {
  expect(() => checkUrl('http://localhost/', createAddressPolicy(['10.1.0.0/16']))).toThrow(AddressNotAllowedError);
});

describe('the error explains the rejection', () => {
  test.each([
    ['nonsense', 'The address is not valid.'],
    ['ftp://example.com/', 'The address must begin with https://.'],
    ['http://example.com/', 'The address must begin with https://.'],
    ['https://user:secret@example.com/', 'The address must not contain a user name or password.'],
    ['https://example.com/#part', 'The address must not contain a fragment (#).'],
    ['https://example.com:22/', 'The address has a port that is not allowed for web servers.'],
    ['https://example.com./', 'The address has a host that is not valid.'],
    ['https://10.0.0.1/', 'The host of the address is not on the public internet.'],
    ['https://localhost/', 'The host of the address is not on the public internet.'],
    [`https://example.com/${'a'.repeat(2048)}`, 'The address is too long or contains invalid characters.'],
  ])('of %s', (url, message) => expect(() => checkUrl(url, closed)).toThrow(message));
});
