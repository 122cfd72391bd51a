import type { ChildProcess } from 'node:child_process';
import pg from 'pg';
import { startPostgres } from '../../scripts/private-services.ts';
import { generateSigningKey } from '../../src/auth/keyring.ts';
import { migrate } from '../../src/db/migrate.ts';
import { generateSealingKey, textOfSealingKeys } from '../../src/sealing/keys.ts';
import { freePort, type Helper, SETTINGS, startHelper, startProgram } from '../runs/cluster.ts';

const SERVER_ROLE = 'agentbase_bench_server';

/** A process of the bench that also says something nobody asked for at that moment. */
export type Speaker = ReturnType<typeof startHelper>;

export interface Cluster {
  agentbase: { url: string; pid: number };
  stock: { url: string; process: Helper };
  /** PostgreSQL's first process, the parent of its others. */
  postgresPid: number;
  subscriber: Speaker;
  writer: Helper;
  owner: pg.Pool;
  stop(): Promise<void>;
}

/** A private PostgreSQL, the server as it ships, the stock server, and those who use them: each a process of its own. */
export async function startCluster(): Promise<Cluster> {
  const children: ChildProcess[] = [];
  // The moment of each commit, to the microsecond, is what deliveries are measured from.
  const postgres = await startPostgres({ settings: { ...SETTINGS, track_commit_timestamp: 'on' } });
  const owner = new pg.Pool({ connectionString: postgres.url(), max: 4 });
  owner.on('error', () => {});
  const stop = async () => {
    for (const child of children) child.kill('SIGKILL');
    await owner.end();
    await postgres.stop();
  };
  try {
    await owner.query(`CREATE ROLE ${SERVER_ROLE} LOGIN`);
    await migrate(owner, { serverRole: SERVER_ROLE });
    const port = await freePort();
    const url = `http://127.0.0.1:${port}`;
    const pid = await startProgram(
      children,
      'main.ts',
      {
        PATH: process.env.PATH ?? '',
        NODE_ENV: 'production',
        LOG_LEVEL: 'warn',
        PORT: String(port),
        PUBLIC_URL: url,
        DATABASE_URL: postgres.url('postgres', SERVER_ROLE),
        AUTH_KEYS: JSON.stringify({ keys: [await generateSigningKey()] }),
        SEALING_KEYS: textOfSealingKeys([generateSealingKey()]),
        API_KEY_PEPPER: 'a pepper for the processes of this bench',
        RATE_LIMIT_PER_MINUTE: '10000000',
        RATE_LIMIT_ANONYMOUS_PER_MINUTE: '10000000',
        AGENTBASE_DATA_DIR: 'memory://',
        ...profiled(),
      },
      'listens at',
    );
    const stock = startHelper(children, '../live/stock-server.ts');
    const { url: stockUrl } = await stock.said<{ url: string }>();
    const { rows } = await owner.query<{ pid: string }>("SELECT split_part(pg_read_file('postmaster.pid'), E'\\n', 1) AS pid");
    return {
      agentbase: { url, pid },
      stock: { url: stockUrl, process: stock },
      postgresPid: Number(rows[0]?.pid),
      subscriber: startHelper(children, '../live/subscriber.ts'),
      writer: startHelper(children, '../live/writer.ts'),
      owner,
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** The server takes Node's options from whoever runs the bench: a profile of it is one of them. */
function profiled(): Record<string, string> {
  const { BENCH_SERVER_NODE_OPTIONS } = process.env;
  return BENCH_SERVER_NODE_OPTIONS ? { NODE_OPTIONS: BENCH_SERVER_NODE_OPTIONS } : {};
}
