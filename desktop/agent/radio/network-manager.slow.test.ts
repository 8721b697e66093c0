/** Beside a real NetworkManager: it keeps its hands off the group, and the kiosk knows what it holds. */
import { execFile, spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, test } from 'vitest';

const run = promisify(execFile);
const SCRIPT = join(import.meta.dirname, '..', 'test', 'beside-network-manager.sh');
const RULE = join(import.meta.dirname, '..', '..', 'packaging', 'tikiwallet-networkmanager.conf');
const OWN_MACHINE = ['--net', '--mount', '--pid', '--fork', '--kill-child', '--mount-proc'];

/** The package is not installed by itself: on somebody's own machine it would take over the network. */
function whyNot(): string | undefined {
  if (process.getuid?.() !== 0) return 'needs root';
  const missing = ['NetworkManager', 'nmcli', 'dbus-daemon', 'unshare'].filter(
    (program) => spawnSync('sh', ['-c', `command -v ${program}`]).status !== 0,
  );
  if (missing.length > 0) return `apt-get install network-manager dbus: ${missing.join(', ')} is missing`;
  // The kernel may allow no network of one's own.
  return spawnSync('unshare', [...OWN_MACHINE, 'true']).status === 0 ? undefined : 'no namespaces here';
}

const missing = whyNot();

describe('beside NetworkManager', () => {
  test('by the rule that is shipped the group keeps its address, and what NetworkManager holds is known by name', async ({
    skip,
  }) => {
    if (missing !== undefined) skip(missing);
    const ask = `import { managedInterfaces } from ${JSON.stringify(join(import.meta.dirname, 'network-manager.ts'))};
        console.log('held ' + JSON.stringify(await managedInterfaces()));`;
    const program = [process.execPath, '--input-type=module', '--eval', ask];
    const { stdout } = await run('unshare', [...OWN_MACHINE, 'sh', SCRIPT, RULE, ...program]);
    const lines = stdout.trim().split('\n');
    expect(lines).toContain('state p2p-wlan9-0:unmanaged');
    expect(lines.some((line) => /^state wlan9:(?!unmanaged)/.test(line))).toBe(true);
    expect(lines.find((line) => line.startsWith('address '))).toContain('inet 192.168.49.1/24');
    const held = lines.find((line) => line.startsWith('held ')) ?? '';
    expect(held).toContain('"wlan9"');
    expect(held).not.toContain('p2p-wlan9-0');
  }, 60_000);
});
