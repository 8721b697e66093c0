// `npx wifi-direct` as people use it: two processes, two radios; and what the kernel tells without a supplicant.

import assert from 'node:assert/strict';
import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import process from 'node:process';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import type { LabCase } from '../stage.ts';
import type { Supplicant } from '../supplicant.ts';
import { until } from '../until.ts';

const program = join(import.meta.dirname, '..', '..', '..', 'src', 'cli', 'main.ts');

export const commandLineCases: readonly LabCase[] = [
  {
    name: 'wifi-direct hosts in one process and joins in another, and Ctrl-C ends both',
    run: async ({ kiosk, phones: [phone] }) => {
      const host = start(kiosk, 'host', '--pin', '--frequency', '2412', '--name', 'Till 1');
      const { pin } = await said(host, 'pin');
      const guest = start(phone, 'join', 'Till 1', '--pin', String(pin));
      await said(guest, 'group_started');
      await said(host, 'client_joined');
      for (const { child } of [guest, host]) {
        child.kill('SIGINT');
        assert.deepEqual(await once(child, 'exit'), [0, null]);
      }
    },
  },
  {
    name: 'the kernel tells of a radio that can do Wi-Fi Direct, and where it may host',
    run: async ({ kiosk }) => {
      const status = start(kiosk, 'status');
      const { state, radios } = await said(status, 'status');
      assert.equal(state, 'ready');
      const [radio] = Array.isArray(radios) ? radios : [];
      assert.equal(radio?.name, kiosk.radioName);
      assert.equal(radio?.isP2pCapable, true);
      assert.equal(radio?.isAccessPointCapable, true);
      assert.ok(radio?.hostableFrequenciesMhz.includes(2412), 'it may not host on 2412 MHz');
      assert.ok(radio?.interfaceNames.includes(kiosk.interfaceName), 'its interface is missing');
    },
  },
];

type Saying = { readonly type: string; readonly [key: string]: unknown };
type Started = { readonly child: ChildProcessByStdio<null, Readable, null>; readonly sayings: Saying[] };

function start(where: Supplicant, command: string, ...words: readonly string[]): Started {
  const folder = ['--control-folder', where.controlFolder, '--json'];
  const args = ['netns', 'exec', where.name, process.execPath, program, command, ...words, ...folder];
  const child = spawn('ip', args, {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { ...process.env, TMPDIR: where.clientFolder },
  });
  const sayings: Saying[] = [];
  createInterface({ input: child.stdout }).on('line', (line) => sayings.push(JSON.parse(line)));
  return { child, sayings };
}

/** The first thing of that kind that it says. */
async function said({ sayings }: Started, type: string): Promise<Saying> {
  const find = (one: string): Saying | undefined => sayings.find((saying) => saying.type === one);
  await until(`it says ${type}`, () => (find(type) ?? find('error')) !== undefined, 60_000);
  const saying = find(type);
  assert.ok(saying !== undefined, JSON.stringify(find('error')));
  return saying;
}
