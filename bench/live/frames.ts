/**
 * Cuts what comes from a server into messages, as cheaply as it can be done: the reader shares the machine with the server that is
 * measured. Bytes are read as Latin-1, whose characters are bytes again.
 */

/** Called for each message with where it stands in the text. */
export type OnMessage = (text: string, start: number, end: number) => void;

/** @returns what takes the next bytes of a connection */
export type Cutter = (bytes: Buffer) => void;

const DATA = 'data: ';
const END_OF_EVENT = '\n\n';

/** Events of a stream of server-sent events in an HTTP body, chunked or not. Comments and other fields are left out. */
export function sseEvents(onMessage: OnMessage): Cutter {
  let rest = '';
  return (bytes) => {
    const text = rest + bytes.toString('latin1');
    let from = 0;
    for (;;) {
      const start = text.indexOf(DATA, from);
      if (start < 0) break;
      const end = text.indexOf(END_OF_EVENT, start);
      if (end < 0) {
        rest = text.slice(start);
        return;
      }
      onMessage(text, start + DATA.length, end);
      from = end + END_OF_EVENT.length;
    }
    // The end may be the first letters of the next field.
    rest = text.slice(Math.max(from, text.length - DATA.length + 1));
  };
}

const TEXT = 1;
const CLOSE = 8;
const PING = 9;
/** A pong with nothing in it, masked with zeros, as clients must. */
export const PONG = Buffer.from([0x8a, 0x80, 0, 0, 0, 0]);

export interface WebSocketEvents {
  onMessage: OnMessage;
  onPing: () => void;
  onClose: (reason: string) => void;
}

/** Messages of a WebSocket, each of which came in one frame. */
export function webSocketMessages({ onMessage, onPing, onClose }: WebSocketEvents): Cutter {
  let rest = '';
  return (bytes) => {
    const text = rest + bytes.toString('latin1');
    let from = 0;
    for (;;) {
      const [start, length] = payloadAt(text, from);
      if (start + length > text.length) break;
      const operation = text.charCodeAt(from) & 0x0f;
      if (operation === TEXT) onMessage(text, start, start + length);
      else if (operation === PING) onPing();
      else if (operation === CLOSE) onClose(text.slice(start + 2, start + length));
      from = start + length;
    }
    rest = text.slice(from);
  };
}

/** Where the payload of a frame begins, and its length; beyond the end while the head is not whole. */
function payloadAt(text: string, from: number): [start: number, length: number] {
  const length = text.charCodeAt(from + 1) & 0x7f;
  const bytes = length === 127 ? 8 : length === 126 ? 2 : 0;
  const start = from + 2 + bytes;
  if (start > text.length) return [text.length, 1];
  if (bytes === 0) return [start, length];
  let long = 0;
  for (let index = from + 2; index < start; index++) long = long * 256 + text.charCodeAt(index);
  return [start, long];
}

/** A text frame of a client: masked with zeros, which leaves it as it is. */
export function textFrame(text: string): Buffer {
  const payload = Buffer.from(text);
  const long = payload.length > 125;
  const head = Buffer.alloc(long ? 8 : 6);
  head[0] = 0x81;
  head[1] = 0x80 | (long ? 126 : payload.length);
  if (long) head.writeUInt16BE(payload.length, 2);
  return Buffer.concat([head, payload]);
}
