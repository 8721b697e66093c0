// The files that make the agent a service of Debian: systemd itself judges the unit, and what hosting the Wi-Fi needs is
// granted by name and no more.

import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { HANDSHAKE_POOL } from '../desktop/agent/radio/address-plan.ts';
import { repositoryRoot } from './run-command.ts';

const folder = join(repositoryRoot, 'desktop', 'packaging');
const unit = readFileSync(join(folder, 'tikiwallet-agent.service'), 'utf8');
const settings = unit.split('\n').filter((line) => !line.startsWith('#'));
const valuesOf = (name: string): readonly string[] =>
  settings
    .filter((line) => line.startsWith(`${name}=`))
    .flatMap((line) => line.slice(name.length + 1).split(' '));

const hasSystemd = spawnSync('systemd-analyze', ['--version']).status === 0;
const note = hasSystemd ? '' : ' (needs systemd-analyze: apt-get install systemd)';
/** In tenths, as systemd counts: from 0 (safe) to 100. */
const HIGHEST_EXPOSURE = 25;

describe('the unit of the agent', () => {
  test('R66 grants what hosting needs, to a user that is not root', () => {
    const needed = ['CAP_NET_ADMIN', 'CAP_NET_BIND_SERVICE'];
    expect(valuesOf('AmbientCapabilities')).toEqual(needed);
    expect(valuesOf('CapabilityBoundingSet')).toEqual(needed);
    expect(valuesOf('User')).toEqual(['tikiwallet']);
    expect(valuesOf('SupplementaryGroups')).toEqual(['netdev']);
    expect(valuesOf('NoNewPrivileges')).toEqual(['yes']);
    // The agent's engine makes machine code as it goes.
    expect(valuesOf('MemoryDenyWriteExecute')).toEqual([]);
    // The supplicant must find the agent's sockets under the name that the agent knows.
    expect(valuesOf('RuntimeDirectory')).toEqual(['tikiwallet']);
  });

  test.skipIf(!hasSystemd)(`is understood by systemd without a complaint${note}`, () => {
    const place = mkdtempSync(join(tmpdir(), 'tiki-unit-'));
    try {
      const file = join(place, 'tikiwallet-agent.service');
      // The program is not installed here; that it is there is the package's promise.
      writeFileSync(file, unit.replace(/^ExecStart=.*$/m, 'ExecStart=/bin/true'));
      const verdict = spawnSync('systemd-analyze', ['verify', '--man=no', file], { encoding: 'utf8' });
      expect(verdict.stderr.split('\n').filter((line) => line.includes('tikiwallet-agent'))).toEqual([]);
    } finally {
      rmSync(place, { recursive: true, force: true });
    }
  });

  test.skipIf(!hasSystemd)(`R66 is hardly exposed, by systemd's own measure${note}`, () => {
    execFileSync(
      'systemd-analyze',
      [
        'security',
        '--offline=true',
        '--no-pager',
        `--threshold=${String(HIGHEST_EXPOSURE)}`,
        join(folder, 'tikiwallet-agent.service'),
      ],
      { stdio: 'pipe' },
    );
  });
});

test('R16 R17 the supplicant of the package allows no push button and gives out the pool that DHCP does not', () => {
  const text = readFileSync(join(folder, 'tikiwallet-wpa_supplicant.conf'), 'utf8');
  expect(text).toContain(`ip_addr_start=${HANDSHAKE_POOL.first}\n`);
  expect(text).toContain(`ip_addr_end=${HANDSHAKE_POOL.last}\n`);
  expect(text).toMatch(/^config_methods=display keypad$/m);
  expect(text).toMatch(/^p2p_intra_bss=0$/m);
});
