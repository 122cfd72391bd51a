import type { RequestId } from '@modelcontextprotocol/sdk/types.js';
import type { BodyFilter } from '../transports/tap-body.ts';
import { isObject, jsonOf, parseJson, withoutNulls } from './json-values.ts';
import { readMessages } from './read-message.ts';

const NOTHING = new Uint8Array();
/** Two line ends in a row. A carriage return before a line feed is no line end of its own. */
const EVENT_END = /(?:\r\n|\n|\r(?!\n))(?:\r\n|\n|\r)/g;
const MAX_END_LENGTH = 4;

/** Repairs the messages in a JSON body, see `readMessages`. Returns any other body as it is. */
export function repairJson(answerTo: RequestId): BodyFilter {
  return repairText((text) => {
    const messages = readMessages(text, answerTo);
    return messages && jsonOf(messages.length === 1 ? messages[0] : messages);
  });
}

/** Removes null members of a JSON object. Returns any other body as it is. */
export function removeNullMembers(): BodyFilter {
  return repairText((text) => {
    const value = parseJson(text);
    return isObject(value) ? jsonOf(withoutNulls(value)) : undefined;
  });
}

function repairText(repair: (text: string) => string | undefined): BodyFilter {
  const chunks: Uint8Array[] = [];
  return {
    push(chunk) {
      chunks.push(chunk);
      return NOTHING;
    },
    end() {
      const body = Buffer.concat(chunks);
      const repaired = repair(body.toString());
      return repaired === undefined ? body : Buffer.from(repaired);
    },
  };
}

/** Repairs the messages in a stream of events. Returns other events as they are. Also ends the last event, which some servers leave open. */
export function repairEvents(answerTo?: RequestId): BodyFilter {
  /** The pieces of the current event, in Latin-1, which keeps the bytes. Not joined before its end: a server may send single bytes. */
  let pieces: string[] = [];
  /** What the end of the event may begin with. */
  let tail = '';
  return {
    push(chunk) {
      const text = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength).toString('latin1');
      const searched = tail + text;
      const repaired: string[] = [];
      let start = 0;
      for (const { index, 0: end } of searched.matchAll(EVENT_END)) {
        const next = index + end.length - tail.length;
        repaired.push(repairEvent([...pieces, text.slice(start, next)].join(''), answerTo));
        pieces = [];
        start = next;
      }
      pieces.push(text.slice(start));
      tail = (start > 0 ? text.slice(start) : searched).slice(-MAX_END_LENGTH + 1);
      return Buffer.from(repaired.join(''), 'latin1');
    },
    end() {
      const rest = pieces.join('');
      return rest.trim() === '' ? NOTHING : Buffer.from(repairEvent(`${rest}\n\n`, answerTo), 'latin1');
    },
  };
}

function repairEvent(event: string, answerTo: RequestId | undefined): string {
  const lines = event.split(/\r\n|\r|\n/).filter((line) => line !== '');
  const data = lines.filter((line) => line.startsWith('data:')).map((line) => line.slice('data:'.length).replace(/^ /, ''));
  const type = lines
    .findLast((line) => line.startsWith('event:'))
    ?.slice('event:'.length)
    .trim();
  if (data.length === 0 || (type && type !== 'message')) return event;
  const messages = readMessages(Buffer.from(data.join('\n'), 'latin1').toString(), answerTo)?.map(jsonOf);
  if (!messages || messages.includes(undefined)) return event;
  const others = lines.filter((line) => !line.startsWith('data:')).map((line) => `${line}\n`);
  return messages.map((json) => `${others.join('')}data: ${Buffer.from(String(json)).toString('latin1')}\n\n`).join('');
}
