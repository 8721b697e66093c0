import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { expect, test } from 'vitest';
import { loadAddon } from './addon.ts';
import { createWifiDirect, openRadio } from './index.ts';

test.each(['darwin', 'win32', 'freebsd'])(
  'on %s everything loads, and says that it is not supported',
  async (platform) => {
    const load = () => loadAddon({ platform });
    expect(load()).toBe('platform_not_linux');
    expect(await createWifiDirect({ load }).probe()).toEqual({
      state: 'unsupported_platform',
      code: 'platform_not_linux',
    });
    await expect(openRadio({ interfaceName: 'wlan0', deviceName: 'Till 1', load })).rejects.toMatchObject({
      code: 'unsupported_platform',
    });
  },
);

test('a prebuilt addon that does not load here is passed over', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'prebuilt-'));
  const prebuilds = join(folder, 'prebuilds', `${process.platform}-${process.arch}`);
  await mkdir(prebuilds, { recursive: true });
  await writeFile(join(prebuilds, 'node-wifi-direct.glibc.node'), 'of another machine');
  expect(loadAddon({ platform: 'linux', folder })).toBe('addon_missing');
  await rm(folder, { recursive: true });
});
