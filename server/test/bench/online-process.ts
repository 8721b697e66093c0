/** The server's whole HTTP surface in a process of its own, over a database that is there. Ends with its standard input. */
import { z } from 'zod';
import { createApp } from '../../src/app.ts';
import { systemClock } from '../../src/clock.ts';
import { readConfig } from '../../src/config.ts';
import { createContext } from '../../src/context-from-config.ts';
import { connect } from '../../src/db/client.ts';
import { listen } from '../../src/http/listen.ts';
import { shortWayOf } from '../../src/http/short-way.ts';
import { createLogger } from '../../src/log.ts';

const Setup = z.object({ url: z.string(), folder: z.string() });
const { url, folder } = Setup.parse(JSON.parse(process.argv[2] ?? ''));

const database = connect({ url, maxConnections: 10 });
const config = readConfig({
  TIKI_DATA_DIR: folder,
  TIKI_WALLET_DIR: folder,
  TIKI_RATE_LIMIT_FACTOR: '1000000',
});
const log = createLogger({ level: 'silent' });
const context = await createContext({ config, clock: systemClock, db: database.db, log });
const app = createApp(context);
const shortWay = shortWayOf(app, context);
const server = await listen({ fetch: app.fetch, shortWay, host: '127.0.0.1', port: 0, setting: 'none' });
console.log(server.port);
process.stdin.resume();
process.stdin.on('end', () => process.exit());
