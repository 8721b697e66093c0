// The command line as a process of its own, over a scripted supplicant.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { describe, expect, test } from 'vitest';
import { loadAddon } from '../src/addon.ts';
import { settingCommands, defaultRadioSettings } from '../src/supplicant-settings.ts';
import { startScriptedSupplicant } from './scripted-supplicant.ts';

const program = join(import.meta.dirname, '..', 'src', 'cli', 'main.ts');

describe.skipIf(typeof loadAddon() === 'string')(
  'npx wifi-direct (needs Linux and g++ when installing)',
  () => {
    test('ends with Ctrl-C, and leaves no file behind', { timeout: 30_000 }, async () => {
      const folder = await mkdtemp(join(tmpdir(), 'cli-'));
      const settings = settingCommands('Till 1', defaultRadioSettings).map(({ command }) => [
        command,
        ['OK\n'],
      ]);
      const supplicant = await startScriptedSupplicant(join(folder, 'wlan0'), {
        ...Object.fromEntries(settings),
        PING: ['PONG\n'],
        'P2P_LISTEN 60': ['OK\n'],
        P2P_STOP_FIND: ['OK\n'],
      });
      const words = ['listen', '--interface', 'wlan0', '--control-folder', folder, '--name', 'Till 1'];
      const child = spawn(process.execPath, [program, ...words, '--seconds', '60'], {
        env: { ...process.env, TMPDIR: folder },
        stdio: ['ignore', 'pipe', 'inherit'],
      });
      try {
        await once(child.stdout, 'data');
        child.kill('SIGINT');
        expect(await once(child, 'exit')).toEqual([0, null]);
        expect((await readdir(folder)).filter((name) => name.startsWith('wifi-direct-'))).toEqual([]);
      } finally {
        child.kill('SIGKILL');
        await supplicant.stop();
        await rm(folder, { recursive: true, force: true });
      }
    });
  },
);
