import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type FreshDatabase, freshDatabase } from '../../test/fresh-database.ts';

const SCRIPT = fileURLToPath(new URL('../../test/cut-connections.ts', import.meta.url));

let database: FreshDatabase;
beforeAll(async () => {
  database = await freshDatabase();
});
afterAll(() => database.close());

test('a connection that is cut at any byte ends no process, is refused to who asked, and is made anew', async () => {
  const child = spawn(process.execPath, [SCRIPT, database.appUrl]);
  const [said, complaints, [code]] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    once(child, 'exit'),
  ]);
  expect(complaints).toBe('');
  expect(code).toBe(0);
  const heard = JSON.parse(said) as { total: number; answered: number; refused: number; dialled: unknown };
  expect(heard.answered + heard.refused).toBe(2 * (heard.total + 1));
  // The last bytes say no more than that the database is ready for what comes next.
  expect(heard.answered).toBeLessThan(20);
  // Who waits for a database that is not there is told so, at the first try.
  expect(heard.dialled).toEqual({ ends: 1, resets: 1 });
}, 120_000);
