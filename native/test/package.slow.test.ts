// The package as others get it: packed, put into an empty project, and used there without a compiler.

import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { loadAddon } from '../src/addon.ts';

const run = promisify(execFile);
const script = join(import.meta.dirname, '..', 'scripts', 'pack.mjs');

test.skipIf(typeof loadAddon() === 'string')(
  'is packed, loads its prebuilt addon, and serves both its doors and its command (needs Linux and g++)',
  { timeout: 240_000 },
  async () => {
    const project = await mkdtemp(join(tmpdir(), 'project-'));
    try {
      const installed = join(project, 'node_modules', 'node-wifi-direct');
      await run(process.execPath, [script, installed], {
        env: {
          ...process.env,
          PATH: `${join(import.meta.dirname, '../../node_modules/.bin')}:${process.env['PATH'] ?? ''}`,
        },
      });
      const qr = join(import.meta.dirname, '..', '..', 'node_modules', 'uqr');
      await symlink(qr, join(project, 'node_modules', 'uqr'));
      const manifest: { readonly private?: boolean } = JSON.parse(
        await readFile(join(installed, 'package.json'), 'utf8'),
      );
      expect(manifest.private).toBeUndefined();
      expect(await readdir(join(installed, 'prebuilds'))).toContain(`linux-${process.arch}`);
      const files = await readdir(installed, { recursive: true });
      expect(files.filter((name) => name.includes('.test.') || name === 'build')).toEqual([]);

      await mkdir(join(project, 'src'));
      const program = join(project, 'src', 'main.mjs');
      await writeFile(
        program,
        `import { readMachineFacts } from 'node-wifi-direct';
         import { createFakeWorld } from 'node-wifi-direct/fake';
         const radio = await createFakeWorld().addMachine().openRadio({ deviceName: 'x' });
         const { interfaces } = await readMachineFacts();
         console.log((await radio.host()).role, interfaces.some(({ name }) => name === 'lo'));
         await radio.close();`,
      );
      expect((await run(process.execPath, [program])).stdout).toBe('group_owner true\n');
      const command = join(installed, 'dist', 'cli', 'main.js');
      expect((await run(process.execPath, [command, '--help'])).stdout).toContain('wifi-direct status');
    } finally {
      await rm(project, { recursive: true, force: true });
    }
  },
);
