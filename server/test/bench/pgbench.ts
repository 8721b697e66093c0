/** pgbench's TPC-B-like script against the same cluster, where Debian's postgresql-contrib has brought pgbench. */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import type { BenchCloud } from './cloud.ts';

const run = promisify(execFile);
const PROGRAM = 'pgbench';
const NAME = 'pgbench';

export interface Pgbench {
  /** Transactions a second of eight clients. */
  perSecond(): Promise<number>;
}

/** Null where there is no pgbench. */
export async function layPgbench(cloud: BenchCloud): Promise<Pgbench | null> {
  try {
    await run(PROGRAM, ['--version']);
  } catch {
    return null;
  }
  await cloud.owner.unsafe(`create database ${NAME}`);
  const url = new URL(cloud.ownerUrl);
  const env = { ...process.env, PGPASSWORD: url.password };
  const where = ['-h', url.hostname, '-p', url.port, '-U', url.username, NAME];
  await run(PROGRAM, ['-i', '-q', '-s', '10', ...where], { env });
  return {
    perSecond: async () => {
      const { stdout } = await run(
        PROGRAM,
        ['-n', '-M', 'prepared', '-c', '8', '-j', '2', '-T', '3', ...where],
        { env },
      );
      return Number(/tps = ([\d.]+)/.exec(stdout)?.[1]);
    },
  };
}
