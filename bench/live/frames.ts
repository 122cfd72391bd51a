/**
 * Splits the bytes of a server into messages with little work, because the subscriber shares the machine with the measured server.
 * Bytes are decoded as Latin-1, which maps each byte to one character.
 */

/** Called for each message with its position in the text. */
export type OnMessage = (text: string, start: number, end: number) => void;

/** Takes the next bytes of a connection. */
export type Splitter = (bytes: Buffer) => void;

const DATA = 'data: ';
const END_OF_EVENT = '\n\n';

/** Splits server-sent events in an HTTP body, chunked or not. Ignores comments and other fields. */
export function sseEvents(onMessage: OnMessage): Splitter {
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
    // The text may end inside the next `data: `.
    rest = text.slice(Math.max(from, text.length - DATA.length + 1));
  };
}

const TEXT = 1;
const CLOSE = 8;
const PING = 9;
/** An empty pong. Clients must mask frames; the mask is zero. */
export const PONG = Buffer.from([0x8a, 0x80, 0, 0, 0, 0]);

export interface WebSocketEvents {
  onMessage: OnMessage;
  onPing: () => void;
  onClose: (reason: string) => void;
}

/** Splits WebSocket messages. Each must consist of one frame. */
export function webSocketMessages({ onMessage, onPing, onClose }: WebSocketEvents): Splitter {
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

/** Start and length of the payload of a frame. They exceed the text while the frame header is incomplete. */
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

/** A text frame of a client. The mask is zero, so the payload is unchanged. */
export function textFrame(text: string): Buffer {
  const payload = Buffer.from(text);
  const long = payload.length > 125;
  const head = Buffer.alloc(long ? 8 : 6);
  head[0] = 0x81;
  head[1] = 0x80 | (long ? 126 : payload.length);
  if (long) head.writeUInt16BE(payload.length, 2);
  return Buffer.concat([head, payload]);
}
