import { fileURLToPath } from 'node:url';
import pg from 'pg';
import { startPostgres } from '../../scripts/private-services.ts';
import { install } from '../../src/modules/index.ts';
import { generateSigningKey } from '../../src/platform/auth/keyring.ts';
import { generateSealingKey, serializeSealingKeys } from '../../src/platform/encryption/keys.ts';
import { migrate } from '../../src/platform/migrations/migrate.ts';
import { freePort, type Helper, Processes, postmasterOf } from '../lib/processes.ts';
import { SETTINGS } from '../runs/cluster.ts';

const file = (path: string) => fileURLToPath(new URL(path, import.meta.url));
const SERVER_ROLE = 'agentbase_bench_server';

export interface Cluster {
  agentbase: { url: string; pid: number };
  stock: { url: string; process: Helper };
  /** The postmaster, the parent of the backends. */
  postgresPid: number;
  subscriber: Helper;
  writer: Helper;
  owner: pg.Pool;
  stop(): Promise<void>;
}

/** Starts a private PostgreSQL, the server, stock Yoga, the subscriber and the writer, each as a separate process. */
export async function startCluster(): Promise<Cluster> {
  const started = new Processes();
  // Latencies are measured from the commit timestamps, which have a resolution of a microsecond.
  const postgres = await startPostgres({ settings: { ...SETTINGS, track_commit_timestamp: 'on' } });
  const owner = new pg.Pool({ connectionString: postgres.url(), max: 4 });
  owner.on('error', () => {});
  const stop = async () => {
    started.stop();
    await owner.end();
    await postgres.stop();
  };
  try {
    await owner.query(`CREATE ROLE ${SERVER_ROLE} LOGIN`);
    await migrate(owner, { install, serverRole: SERVER_ROLE });
    const port = await freePort();
    const url = `http://127.0.0.1:${port}`;
    const pid = await started.start(
      file('../../src/main.ts'),
      {
        PATH: process.env.PATH ?? '',
        NODE_ENV: 'production',
        LOG_LEVEL: 'warn',
        PORT: String(port),
        PUBLIC_URL: url,
        DATABASE_URL: postgres.url('postgres', SERVER_ROLE),
        AUTH_KEYS: JSON.stringify({ keys: [await generateSigningKey()] }),
        SEALING_KEYS: serializeSealingKeys([generateSealingKey()]),
        API_KEY_PEPPER: 'a pepper for the processes of this benchmark',
        RATE_LIMIT_PER_MINUTE: '10000000',
        RATE_LIMIT_ANONYMOUS_PER_MINUTE: '10000000',
        AGENTBASE_DATA_DIR: 'memory://',
        ...nodeOptions(),
      },
      'listens at',
    );
    const stock = started.fork(file('./stock-server.ts'));
    const { url: stockUrl } = await stock.nextMessage<{ url: string }>();
    return {
      agentbase: { url, pid },
      stock: { url: stockUrl, process: stock },
      postgresPid: await postmasterOf(owner),
      subscriber: started.fork(file('./subscriber.ts')),
      writer: started.fork(file('./writer.ts')),
      owner,
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** Passes BENCH_SERVER_NODE_OPTIONS to the server as NODE_OPTIONS, for example to profile it. */
function nodeOptions(): Record<string, string> {
  const { BENCH_SERVER_NODE_OPTIONS } = process.env;
  return BENCH_SERVER_NODE_OPTIONS ? { NODE_OPTIONS: BENCH_SERVER_NODE_OPTIONS } : {};
}
