import pg from 'pg';

/** Methods of the connection of pg that its types omit. */
interface CopyConnection {
  sendCopyFromChunk(chunk: Buffer): void;
  endCopyFrom(): void;
}

/** COPY … FROM STDIN of a buffer. */
class CopyQuery extends pg.Query {
  readonly #data: Buffer;

  constructor(text: string, data: Buffer, callback: (error: Error | null) => void) {
    super({ text } as pg.QueryConfig, callback as never);
    this.#data = data;
  }

  handleCopyInResponse(connection: CopyConnection): void {
    connection.sendCopyFromChunk(this.#data);
    connection.endCopyFrom();
  }
}

export function copyFrom(client: pg.ClientBase, text: string, data: Buffer): Promise<void> {
  return new Promise((resolve, reject) => {
    client.query(new CopyQuery(text, data, (error) => (error ? reject(error) : resolve())));
  });
}

const SIGNATURE = Buffer.from('PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0', 'latin1');

/** Rows in the binary format of COPY. As text, vectors would be three times as large. */
export class CopyRows {
  #parts: Buffer[] = [SIGNATURE];

  row(fields: readonly Buffer[]): void {
    const count = Buffer.alloc(2);
    count.writeInt16BE(fields.length);
    this.#parts.push(count);
    for (const field of fields) {
      const length = Buffer.alloc(4);
      length.writeInt32BE(field.length);
      this.#parts.push(length, field);
    }
  }

  end(): Buffer {
    const whole = Buffer.concat([...this.#parts, Buffer.from([0xff, 0xff])]);
    this.#parts = [SIGNATURE];
    return whole;
  }
}

export function uuidField(id: string): Buffer {
  return Buffer.from(id.replaceAll('-', ''), 'hex');
}

export function integerField(value: number): Buffer {
  const field = Buffer.alloc(4);
  field.writeInt32BE(value);
  return field;
}

export function vectorField(vector: Float32Array): Buffer {
  const field = Buffer.alloc(4 + vector.length * 4);
  field.writeInt16BE(vector.length);
  vector.forEach((value, i) => {
    field.writeFloatBE(value, 4 + i * 4);
  });
  return field;
}
