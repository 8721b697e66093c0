/** R14: whichever way an agent ends that hosts, nothing that it leaves behind has the passphrase in it. */
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { AgentState } from '../../ipc/index.ts';
import { AgentProcess, EnrollingCloud } from '../test/agent-process.ts';

const WAIT = { timeout: 30_000, interval: 20 };
/** The one file that is meant to hold it. */
const SHIFT = 'radio-shift.json';

let place: string;
let cloud: EnrollingCloud;
let agent: AgentProcess;
let told: unknown[];

beforeEach(async () => {
  place = mkdtempSync(join(tmpdir(), 'tiki-crash-'));
  for (const name of ['data', 'reports', 'cores']) mkdirSync(join(place, name));
  cloud = new EnrollingCloud();
  told = [];
  const reports = `--report-uncaught-exception --report-on-fatalerror --report-on-signal --report-directory=${join(place, 'reports')}`;
  agent = new AgentProcess(
    join(place, 'data'),
    await cloud.listen(),
    {
      TIKI_RADIO: 'on',
      LOG_LEVEL: 'trace',
      NODE_OPTIONS: `--max-old-space-size=96 ${reports}`,
    },
    {
      program: join(import.meta.dirname, '..', 'test', 'agent-over-fake-air.ts'),
      // Where the system lets it, every crash leaves what there is to leave.
      around: ['sh', '-c', 'ulimit -c unlimited 2>/dev/null; exec "$@"', 'sh'],
      workingFolder: join(place, 'cores'),
    },
  );
});
afterEach(async () => {
  await agent.end();
  cloud.close();
  rmSync(place, { recursive: true, force: true });
});

/** Resolves with the passphrase once phones could join. */
async function hosting(): Promise<string> {
  agent.client.onState((state) => told.push(state));
  await agent.start();
  await agent.client.call('kiosk.enrol', { code: 'abcd-efgh' });
  const radio = async (): Promise<AgentState['radio']> => (await agent.client.call('agent.state', {})).radio;
  await expect.poll(async () => (await radio()).state, WAIT).toBe('up');
  const joinCode = await agent.client.call('radio.joinCode', {});
  expect(joinCode.picture).toMatch(/^data:image\/png;base64,/);
  told.push(joinCode, await agent.client.call('radio.selfTest', {}));
  const shift: { readonly passphrase: string } = JSON.parse(readFileSync(join(place, 'data', SHIFT), 'utf8'));
  return shift.passphrase;
}

function filesIn(folder: string): readonly string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map(({ parentPath, name }) => join(parentPath, name));
}

/** The files that hold it, as text of one or of two bytes a letter. */
function holding(secret: string): readonly string[] {
  const forms = (['latin1', 'utf16le'] as const).map((form) => Buffer.from(secret, form));
  return filesIn(place).filter((file) => {
    const bytes = readFileSync(file);
    return forms.some((form) => bytes.includes(form));
  });
}

describe.runIf(process.platform === 'linux')(
  'R14 the passphrase of an agent that hosts is left behind in no log, report, core or message',
  () => {
    test.each([
      { way: 'by an error that nobody catches', signal: 'SIGHUP', reports: 0 },
      { way: 'out of memory', signal: 'SIGWINCH', reports: 1 },
      { way: 'by a fault of its machine code', signal: 'SIGSEGV', reports: 0 },
      { way: 'aborted', signal: 'SIGABRT', reports: 0 },
    ] as const)('when it ends $way', async ({ signal, reports }) => {
      const secret = await hosting();
      expect(readFileSync(`/proc/${String(agent.pid)}/coredump_filter`, 'utf8').trim()).toMatch(/^0+$/);
      // A report that somebody asks for while it lives, as support would.
      agent.signal('SIGUSR2');
      await expect.poll(() => filesIn(join(place, 'reports')).length, WAIT).toBe(1);
      await agent.kill(signal);
      expect(filesIn(join(place, 'reports')).length).toBe(1 + reports);
      expect(agent.output.length).toBeGreaterThan(500);
      expect(agent.output).not.toContain(secret);
      expect(JSON.stringify(told)).not.toContain(secret);
      const shift = join(place, 'data', SHIFT);
      expect(holding(secret)).toEqual([shift]);
      expect(statSync(shift).mode & 0o777).toBe(0o600);
    });
  },
);
