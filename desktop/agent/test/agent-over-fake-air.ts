/**
 * The real agent's process with a radio in memory, for tests of how it ends: SIGHUP throws where nobody catches, SIGWINCH
 * fills its memory until the engine gives up.
 */
import { createFakeWorld } from 'node-wifi-direct/fake';
import { SoleHost } from '../radio/sole-host.ts';
import { runAgent } from '../run-agent.ts';
import { FakeSystem } from './fake-system.ts';

const machine = createFakeWorld().addMachine();
const system = new FakeSystem();
for (const name of ['wlan0', 'p2p-wlan0-0']) system.interfaces.add(name);

process.on('SIGHUP', () => {
  throw new Error('crashed on purpose');
});
process.on('SIGWINCH', () => {
  const kept: unknown[] = [];
  for (;;) kept.push(Array.from({ length: 100_000 }, String));
});

await runAgent({
  wifi: machine,
  open: (options) => machine.openRadio(options),
  programs: system,
  listen: system.listen,
  soleHost: new SoleHost(`tiki-air-${String(process.pid)}`),
});
