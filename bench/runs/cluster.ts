import { fileURLToPath } from 'node:url';
import pg from 'pg';
import { startPostgres } from '../../scripts/private-services.ts';
import { install } from '../../src/modules/index.ts';
import { generateSigningKey } from '../../src/platform/auth/keyring.ts';
import { generateSealingKey, serializeSealingKeys } from '../../src/platform/encryption/keys.ts';
import { migrate } from '../../src/platform/migrations/migrate.ts';
import { freePort, type Helper, Processes, postmasterOf } from '../lib/processes.ts';

const file = (path: string) => fileURLToPath(new URL(path, import.meta.url));
const SERVER_ROLE = 'agentbase_bench_server';

/** Settings that differ from the defaults of PostgreSQL, in addition to those of every private cluster (fsync off). */
export const SETTINGS = { shared_buffers: '256MB', max_wal_size: '4GB' };

export interface Cluster {
  /** Base URL of the server, without `/graphql`. */
  url: string;
  /** Process ids by name. That of PostgreSQL is the postmaster. */
  processes: Record<string, number>;
  subscriber: Helper;
  reader: Helper;
  owner: pg.Pool;
  stop(): Promise<void>;
}

/** Starts a private PostgreSQL, a server, two workers, a model server, a subscriber and a reader, each as a separate process. */
export async function startCluster(): Promise<Cluster> {
  const started = new Processes();
  const postgres = await startPostgres({ settings: SETTINGS });
  const owner = new pg.Pool({ connectionString: postgres.url(), max: 2 });
  owner.on('error', () => {});
  const stop = async () => {
    started.stop();
    await owner.end();
    await postgres.stop();
  };
  try {
    await owner.query(`CREATE ROLE ${SERVER_ROLE} LOGIN`);
    await migrate(owner, { install, serverRole: SERVER_ROLE });
    const model = started.fork(file('./model-server.ts'));
    const { baseUrl } = await model.nextMessage<{ baseUrl: string }>();
    const port = await freePort();
    const url = `http://127.0.0.1:${port}`;
    const environment = {
      PATH: process.env.PATH ?? '',
      NODE_ENV: 'production',
      LOG_LEVEL: 'info',
      PUBLIC_URL: url,
      DATABASE_URL: postgres.url('postgres', SERVER_ROLE),
      AUTH_KEYS: JSON.stringify({ keys: [await generateSigningKey()] }),
      SEALING_KEYS: serializeSealingKeys([generateSealingKey()]),
      API_KEY_PEPPER: 'a pepper for the processes of this benchmark',
      RATE_LIMIT_PER_MINUTE: '10000000',
      RATE_LIMIT_ANONYMOUS_PER_MINUTE: '10000000',
      AGENTBASE_DATA_DIR: 'memory://',
      MODEL_PROVIDERS: JSON.stringify([{ name: 'bench', kind: 'openai-compatible', baseUrl }]),
    };
    const server = await started.start(file('../../src/main.ts'), { ...environment, PORT: String(port) }, 'listens at');
    const workers = await Promise.all(
      [1, 2].map(() => started.start(file('../../src/worker.ts'), { ...environment, PORT: '0' }, 'worker started')),
    );
    const subscriber = started.fork(file('./subscriber.ts'));
    const reader = started.fork(file('./reader.ts'));
    return {
      url,
      processes: {
        server,
        'worker 1': workers[0] as number,
        'worker 2': workers[1] as number,
        PostgreSQL: await postmasterOf(owner),
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
