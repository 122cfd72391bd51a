import { type ChildProcess, fork, spawn } from 'node:child_process';
import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { fileURLToPath } from 'node:url';
import pg from 'pg';
import { startPostgres } from '../../scripts/private-services.ts';
import { generateSigningKey } from '../../src/auth/keyring.ts';
import { migrate } from '../../src/db/migrate.ts';
import { generateSealingKey, textOfSealingKeys } from '../../src/sealing/keys.ts';

const file = (path: string) => fileURLToPath(new URL(path, import.meta.url));
const SERVER_ROLE = 'agentbase_bench_server';

/** What differs from the defaults of PostgreSQL, besides what every private cluster has (fsync off). */
export const SETTINGS = { shared_buffers: '256MB', max_wal_size: '4GB' };

export interface Cluster {
  /** Of the server, without `/graphql`. */
  url: string;
  /** The ids of the processes, by what they are. PostgreSQL's is the parent of its others. */
  processes: Record<string, number>;
  subscriber: Helper;
  reader: Helper;
  owner: pg.Pool;
  stop(): Promise<void>;
}

/** A process of the bench itself. */
export interface Helper {
  pid: number;
  /** Asks it for something, one thing at a time. */
  ask<Answer>(message: object): Promise<Answer>;
}

/** A private PostgreSQL, a server, two workers and a model, and the two who use them: each a process of its own. */
export async function startCluster(): Promise<Cluster> {
  const children: ChildProcess[] = [];
  const postgres = await startPostgres({ settings: SETTINGS });
  const owner = new pg.Pool({ connectionString: postgres.url(), max: 2 });
  owner.on('error', () => {});
  const stop = async () => {
    for (const child of children) child.kill('SIGKILL');
    await owner.end();
    await postgres.stop();
  };
  try {
    await owner.query(`CREATE ROLE ${SERVER_ROLE} LOGIN`);
    await migrate(owner, { serverRole: SERVER_ROLE });
    const model = startHelper(children, 'model-server.ts');
    const { baseUrl } = await model.said<{ baseUrl: string }>();
    const port = await freePort();
    const url = `http://127.0.0.1:${port}`;
    const environment = {
      PATH: process.env.PATH ?? '',
      NODE_ENV: 'production',
      LOG_LEVEL: 'info',
      PUBLIC_URL: url,
      DATABASE_URL: postgres.url('postgres', SERVER_ROLE),
      AUTH_KEYS: JSON.stringify({ keys: [await generateSigningKey()] }),
      SEALING_KEYS: textOfSealingKeys([generateSealingKey()]),
      API_KEY_PEPPER: 'a pepper for the processes of this bench',
      RATE_LIMIT_PER_MINUTE: '10000000',
      RATE_LIMIT_ANONYMOUS_PER_MINUTE: '10000000',
      AGENTBASE_DATA_DIR: 'memory://',
      MODEL_PROVIDERS: JSON.stringify([{ name: 'bench', kind: 'openai-compatible', baseUrl }]),
    };
    const server = await startProgram(children, 'main.ts', { ...environment, PORT: String(port) }, 'listens at');
    const workers = await Promise.all(
      [1, 2].map(() => startProgram(children, 'worker.ts', { ...environment, PORT: '0' }, 'the worker runs')),
    );
    const subscriber = startHelper(children, 'subscriber.ts');
    const reader = startHelper(children, 'reader.ts');
    const { rows } = await owner.query<{ pid: string }>("SELECT split_part(pg_read_file('postmaster.pid'), E'\\n', 1) AS pid");
    return {
      url,
      processes: {
        server,
        'worker 1': workers[0] as number,
        'worker 2': workers[1] as number,
        PostgreSQL: Number(rows[0]?.pid),
        model: model.pid,
        subscriber: subscriber.pid,
        reader: reader.pid,
      },
      subscriber,
      reader,
      owner,
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** @returns its process id, once it says that it is ready */
export async function startProgram(
  children: ChildProcess[],
  name: string,
  env: Record<string, string>,
  ready: string,
): Promise<number> {
  const child = spawn(process.execPath, [file(`../../src/${name}`)], { env, stdio: ['ignore', 'pipe', 'inherit'] });
  children.push(child);
  let said = '';
  while (!said.includes(ready)) {
    const [chunk] = await Promise.race([once(child.stdout, 'data'), once(child, 'exit')]);
    if (child.exitCode !== null) throw new Error(`${name} ended:\n${said}`);
    said += chunk;
  }
  child.stdout.resume();
  return child.pid as number;
}

export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** @param name of its file, beside this one */
export function startHelper(children: ChildProcess[], name: string): Helper & { said<Answer>(): Promise<Answer> } {
  const child = fork(file(`./${name}`), { stdio: ['ignore', 'inherit', 'inherit', 'ipc'], serialization: 'advanced' });
  children.push(child);
  const said = async <Answer>() => {
    const gone = once(child, 'exit').then(() => {
      throw new Error(`${name} ended`);
    });
    const [answer] = await Promise.race([once(child, 'message'), gone]);
    return answer as Answer;
  };
  return {
    pid: child.pid as number,
    said,
    ask<Answer>(message: object) {
      const answer = said<Answer>();
      child.send(message);
      return answer;
    },
  };
}
