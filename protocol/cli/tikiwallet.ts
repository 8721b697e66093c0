#!/usr/bin/env node
/**
 * `npx tikiwallet <command>`: what anybody can check with files and the root's public key, without a server, an
 * account or a kiosk. Only wires: picks the command, prints its text, exits with its code.
 */
import process from 'node:process';
import type { Command, Outcome } from './command.ts';
import { verifyFork } from './verify-fork.ts';
import { verifyJournal } from './verify-journal.ts';

const COMMANDS: Readonly<Record<string, Command>> = {
  'verify-fork': verifyFork,
  'verify-journal': verifyJournal,
};

function usage(): string {
  return [
    'usage:',
    ...Object.values(COMMANDS).map(
      ({ synopsis, purpose }) => `  npx tikiwallet ${synopsis}\n      ${purpose}`,
    ),
    '',
    'KEY is the public key of the root (GET /v1/trust names it): base64url, hex, or a file that holds one of them.',
  ].join('\n');
}

function main(args: readonly string[]): Outcome {
  const [name = '', ...rest] = args;
  if (name === 'help' || name === '--help' || name === '-h') return { exitCode: 0, text: usage() };
  const command = COMMANDS[name];
  if (command === undefined) return { exitCode: 2, text: usage() };
  return command.run(rest);
}

const { exitCode, text } = main(process.argv.slice(2));
// What is not the answer goes where errors go, so that a pipe carries answers only.
(exitCode === 2 ? process.stderr : process.stdout).write(`${text}\n`);
process.exitCode = exitCode;
