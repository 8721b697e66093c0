/**
 * `npm run operator -- <command>`: what the operator of the cloud asks from a terminal, beside a running server or
 * without one. Only wires: settings, database, command, exit code.
 */
import { readConfig } from '../config.ts';
import { connect } from '../db/client.ts';
import { findDatabase } from '../db/find-database.ts';
import { ApiProblem } from '../http/problem.ts';
import { COMMANDS, usage } from './commands.ts';

async function main([name = '', ...args]: readonly string[]): Promise<number> {
  const command = COMMANDS[name];
  if (command === undefined || args.length !== command.takes.length) {
    console.error(usage());
    return 2;
  }
  const config = readConfig(process.env);
  const source = await findDatabase(config);
  const database = connect({ url: source.url, maxConnections: 2, isPooled: config.isPooled });
  try {
    console.log(await command.run(database.db, args));
    return 0;
  } catch (error) {
    // A refusal is an answer: one sentence, no stack.
    if (!(error instanceof ApiProblem)) throw error;
    console.error(error.message);
    return 1;
  } finally {
    await database.close();
    await source.close();
  }
}

process.exitCode = await main(process.argv.slice(2));
