/** The laws of keeping an agent: real processes stand in for it, and each of them is this test's own child. */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { type AgentProcess, superviseAgent } from './agent-process.ts';
import { agentRecord, birth } from './agent-record.ts';

/** Lives, notes its id, and says nothing; ends when asked, unless it is the first of the stubborn. */
const silent = `
  const { appendFileSync, existsSync } = require('node:fs');
  const notes = process.argv[2] ?? process.env.NOTES;
  if (process.env.STUBBORN && !existsSync(notes)) process.on('SIGTERM', () => {});
  appendFileSync(notes, process.pid + '\\n');
  setInterval(() => {}, 1000);
`;

let folder: string;
let supervisor: AgentProcess | undefined;
const children: ChildProcess[] = [];

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tiki-supervise-'));
  await writeFile(join(folder, 'silent.cjs'), silent);
});
afterEach(async () => {
  await supervisor?.stop();
  supervisor = undefined;
  for (const child of children.splice(0)) child.kill('SIGKILL');
  await rm(folder, { recursive: true, force: true });
});

const record = () => agentRecord(join(folder, 'app', 'agent.json'));

function supervise(env: NodeJS.ProcessEnv = {}): AgentProcess {
  supervisor = superviseAgent({
    command: process.execPath,
    entry: join(folder, 'silent.cjs'),
    env: { ...process.env, ...env, NOTES: join(folder, 'pids') },
    socketPath: join(folder, 'nobody.sock'),
    record: record(),
    log: () => undefined,
    hungAfterMs: 250,
  });
  return supervisor;
}

async function pids(): Promise<number[]> {
  const notes = await readFile(join(folder, 'pids'), 'utf8').catch(() => '');
  return notes.split('\n').filter(Boolean).map(Number);
}

/** As the app does: it looks every now and then while nobody answers. */
async function untilStarted(count: number, agent: AgentProcess): Promise<number[]> {
  return vi.waitFor(
    async () => {
      await agent.ensure();
      const started = await pids();
      if (started.length < count) throw new Error(`${started.length} started so far`);
      return started;
    },
    { timeout: 25_000, interval: 40 },
  );
}

/** An agent that an earlier run of the app started and left behind. */
async function orphan(): Promise<number> {
  const child = spawn(process.execPath, [join(folder, 'silent.cjs'), join(folder, 'orphan')], {
    stdio: 'ignore',
  });
  children.push(child);
  await vi.waitFor(() => readFile(join(folder, 'orphan')), { timeout: 20_000 });
  return child.pid ?? -1;
}

const isLinux = process.platform === 'linux';

describe('an agent that lives and does not answer', () => {
  it('is ended and replaced, even when it does not hear', async () => {
    const agent = supervise({ STUBBORN: '1' });
    const [first = -1] = await untilStarted(2, agent);
    expect(birth(first)).toBeUndefined();
  });

  it('is left alone while it answers', async () => {
    const agent = supervise();
    const [first = -1] = await untilStarted(1, agent);
    for (let look = 0; look < 10; look += 1) {
      agent.answered();
      await new Promise((resolve) => setTimeout(resolve, 60));
      await agent.ensure();
    }
    expect(await pids()).toEqual([first]);
  });
});

describe.runIf(isLinux)('an agent that a crashed app left behind', () => {
  it('is this app’s again, and ends with it', async () => {
    const pid = await orphan();
    record().remember(pid);
    const agent = supervise();
    await agent.ensure();
    await agent.stop();
    expect(birth(pid)).toBeUndefined();
    expect(await pids()).toEqual([]);
    expect(record().recall()).toBeUndefined();
  });

  it('is replaced when it has died since', async () => {
    const pid = await orphan();
    record().remember(pid);
    const agent = supervise();
    await agent.ensure();
    process.kill(pid, 'SIGKILL');
    expect(await untilStarted(1, agent)).not.toContain(pid);
  });

  it('is a stranger when only its id is the same', async () => {
    const pid = await orphan();
    const file = join(folder, 'agent.json');
    await writeFile(file, JSON.stringify({ pid, birth: 'another boot 42' }));
    expect(agentRecord(file).recall()).toBeUndefined();
    await writeFile(file, '{"pid":');
    expect(agentRecord(file).recall()).toBeUndefined();
  });
});
