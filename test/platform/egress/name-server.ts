import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { onTestFinished } from 'vitest';

export interface Zone {
  A?: string[];
  /** An IPv6 address in eight groups. */
  AAAA?: string[];
  /** The response code, such as 2 for SERVFAIL and 3 for NXDOMAIN. */
  code?: { A?: number; AAAA?: number };
}

/** Starts a loopback name server with one zone. It does not respond for other names. Returns its address. */
export async function startNameServer(zones: Record<string, Zone>): Promise<{ address: string; asked: string[] }> {
  const socket = createSocket('udp4');
  const asked: string[] = [];
  socket.on('message', (query, from) => {
    const { name, end } = readName(query);
    const kind = query.readUInt16BE(end) === 1 ? 'A' : 'AAAA';
    asked.push(`${kind} ${name}`);
    const zone = zones[name];
    if (!zone) return;
    const records = (zone[kind] ?? []).map((address) => {
      const data = kind === 'A' ? Buffer.from(address.split('.').map(Number)) : Buffer.from(groups(address), 'hex');
      const record = Buffer.alloc(12);
      record.writeUInt16BE(0xc00c, 0);
      record.writeUInt16BE(kind === 'A' ? 1 : 28, 2);
      record.writeUInt16BE(1, 4);
      record.writeUInt16BE(data.length, 10);
      return Buffer.concat([record, data]);
    });
    const header = Buffer.alloc(12);
    query.copy(header, 0, 0, 2);
    header.writeUInt16BE(0x8180 | (zone.code?.[kind] ?? 0), 2);
    header.writeUInt16BE(1, 4);
    header.writeUInt16BE(records.length, 6);
    socket.send(Buffer.concat([header, query.subarray(12, end + 4), ...records]), from.port, from.address);
  });
  socket.bind(0, '127.0.0.1');
  await once(socket, 'listening');
  onTestFinished(() => void socket.close());
  return { address: `127.0.0.1:${socket.address().port}`, asked };
}

function readName(query: Buffer): { name: string; end: number } {
  const labels: string[] = [];
  let at = 12;
  for (let length = query[at] ?? 0; length > 0; length = query[at] ?? 0) {
    labels.push(query.toString('latin1', at + 1, at + 1 + length));
    at += 1 + length;
  }
  return { name: labels.join('.').toLowerCase(), end: at + 1 };
}

function groups(address: string): string {
  return address
    .split(':')
    .map((group) => group.padStart(4, '0'))
    .join('');
}
