import { describe, expect, test } from 'vitest';
import { createAddressPolicy } from '../../../src/platform/egress/address-policy.ts';

const policy = createAddressPolicy();

describe('without an allow list', () => {
  test.each([
    '8.8.8.8',
    '93.184.216.34',
    '100.63.255.255',
    '100.128.0.0',
    '172.15.255.255',
    '172.32.0.1',
    '192.167.255.255',
    '198.17.255.255',
    '198.20.0.0',
    '223.255.255.254',
    '2606:2800:220:1:248:1893:25c8:1946',
    '2a00:1450:4001:81b::200e',
    '::ffff:8.8.8.8',
    '::ffff:808:808',
    '64:ff9b::808:808',
  ])('%s is allowed', (address) => {
    expect(policy.allows(address)).toBe(true);
    expect(policy.lists(address)).toBe(false);
  });

  test.each([
    ['unspecified', ['0.0.0.0', '0.1.2.3', '::']],
    ['loopback', ['127.0.0.1', '127.255.255.254', '::1']],
    ['private', ['10.0.0.1', '172.16.0.1', '172.31.255.255', '192.168.1.1']],
    ['link-local', ['169.254.0.1', 'fe80::1', 'fe80::1%eth0', 'febf::1']],
    ['carrier-grade NAT', ['100.64.0.1', '100.127.255.255']],
    ['multicast', ['224.0.0.1', '239.255.255.255', 'ff02::1']],
    ['broadcast and reserved', ['255.255.255.255', '240.0.0.1', '192.0.0.1', '192.88.99.1']],
    ['documentation', ['192.0.2.1', '198.51.100.1', '203.0.113.1', '2001:db8::1', '3fff::1']],
    ['benchmarking', ['198.18.0.1', '198.19.255.255', '2001:2::1']],
    ['unique local', ['fc00::1', 'fd12:3456::1']],
    ['site local', ['fec0::1']],
    ['metadata', ['169.254.169.254', '169.254.170.2', '100.100.100.200', '168.63.129.16', '192.0.0.192', 'fd00:ec2::254']],
    ['IPv4-mapped', ['::ffff:127.0.0.1', '::ffff:7f00:1', '::ffff:10.0.0.1', '::ffff:a9fe:a9fe', '::ffff:168.63.129.16']],
    ['IPv4-compatible', ['::127.0.0.1', '0::8.8.8.8', '::808:808', '::7f00:1', '::8.8.8.8']],
    ['IPv4-translated', ['::ffff:0:127.0.0.1']],
    ['6to4', ['2002:7f00:1::', '2002:a00:1::1', '2002:808:808::1']],
    ['Teredo', ['2001::1', '2001:0:4136:e378:8000:63bf:3fff:fdd2']],
    ['NAT64', ['64:ff9b::127.0.0.1', '64:ff9b::a00:1', '64:ff9b::a9fe:a9fe', '64:ff9b::a83f:8110', '64:ff9b:1::808:808']],
    ['discard, ORCHID, segment routing, unassigned', ['100::1', '2001:20::1', '5f00::1', '4000::1']],
    [
      'no address',
      ['', 'localhost', '127.1', '0x7f000001', '017700000001', '2130706433', '8.8.8', '08.8.8.8', '8.8.8.8/32', '[::1]'],
    ],
  ])('%s is rejected', (_, addresses) => {
    for (const address of addresses) expect(policy.allows(address), address).toBe(false);
  });
});

describe('an allow list', () => {
  const listed = createAddressPolicy(['127.0.0.0/8', '10.1.0.0/16', ' 192.168.7.7 ', 'fd12:3456::/32', '::1']);

  test.each(['127.0.0.1', '127.9.9.9', '10.1.2.3', '192.168.7.7', 'fd12:3456:1::1', '::1', '::ffff:127.0.0.1', '::ffff:a01:1'])(
    'opens %s',
    (address) => {
      expect(listed.lists(address)).toBe(true);
      expect(listed.allows(address)).toBe(true);
    },
  );

  test.each(['10.2.0.1', '192.168.7.8', 'fd12:3457::1', '::2', '::7f00:1', '::127.0.0.1', '2002:7f00:1::', '64:ff9b::7f00:1'])(
    'leaves %s closed',
    (address) => expect(listed.allows(address)).toBe(false),
  );

  test('does not restrict public addresses', () => {
    expect(listed.allows('8.8.8.8')).toBe(true);
    expect(listed.lists('8.8.8.8')).toBe(false);
  });

  test('never allows metadata services', () => {
    const wide = createAddressPolicy(['0.0.0.0/0', '::/0', '169.254.169.254']);
    const metadata = [
      '169.254.169.254',
      '::ffff:169.254.169.254',
      '64:ff9b::a9fe:a9fe',
      '100.100.100.200',
      'fd00:ec2::254',
      '168.63.129.16',
    ];
    for (const address of metadata) expect(wide.allows(address), address).toBe(false);
    for (const address of ['169.254.1.1', '100.100.100.201', '10.0.0.1', 'fe80::1'])
      expect(wide.lists(address), address).toBe(true);
  });

  test.each([
    '',
    'localhost',
    '10.0.0.0/33',
    '10.0.0.0/',
    '10.0.0.0/8/8',
    '10.0/8',
    '10.0.0.0/-1',
    '::/129',
    '::ffff:10.0.0.0/104',
  ])('with the entry %j is rejected', (network) => expect(() => createAddressPolicy([network])).toThrow(/is not a network/));
});
