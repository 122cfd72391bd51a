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

/** A private PostgreSQL, a server, two workers and a model, and the two who use them: each a process of its own. */
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
    const model = started.help(file('./model-server.ts'));
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
      SEALING_KEYS: serializeSealingKeys([generateSealingKey()]),
      API_KEY_PEPPER: 'a pepper for the processes of this bench',
      RATE_LIMIT_PER_MINUTE: '10000000',
      RATE_LIMIT_ANONYMOUS_PER_MINUTE: '10000000',
      AGENTBASE_DATA_DIR: 'memory://',
      MODEL_PROVIDERS: JSON.stringify([{ name: 'bench', kind: 'openai-compatible', baseUrl }]),
    };
    const server = await started.start(file('../../src/main.ts'), { ...environment, PORT: String(port) }, 'listens at');
    const workers = await Promise.all(
      [1, 2].map(() => started.start(file('../../src/worker.ts'), { ...environment, PORT: '0' }, 'worker started')),
    );
    const subscriber = started.help(file('./subscriber.ts'));
    const reader = started.help(file('./reader.ts'));
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
