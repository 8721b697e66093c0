/**
 * Serves the fake agent on a socket, for work on the screens: `node desktop/ipc/serve-fake-agent.ts FOLDER SCENARIO`,
 * then open the window with `TIKI_AGENT_SOCKET=FOLDER/agent.sock`. Lines on standard input are its controls:
 * pay, refuse CODE, expire, give-back, refuse-refund CODE, expire-refund, settle-refunds, suspend, online, offline, connecting, radio STATE, quit; and become SCENARIO, as if
 * the agent ended and another one came.
 */
import { randomBytes } from 'node:crypto';
import { mkdir, writeFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { serveAgent } from './agent-server.ts';
import { FAKE_SCENARIOS, FakeAgent } from './fake-agent.ts';
import { fakeRadio } from './fake-radio.ts';
import { RadioState } from './radio-contract.ts';
import { agentEndpoint } from './transport.ts';

type Scenario = (typeof FAKE_SCENARIOS)[number];

const scenarioOf = (wanted: string): Scenario | undefined => FAKE_SCENARIOS.find((name) => name === wanted);

const [folder, wanted = 'ready', currency = 'IDR'] = process.argv.slice(2);
const first = scenarioOf(wanted);
if (folder === undefined || first === undefined) {
  process.stderr.write(`usage: serve-fake-agent.ts FOLDER ${FAKE_SCENARIOS.join('|')} [CURRENCY]\n`);
  process.exit(2);
}
const endpoint = agentEndpoint(resolve(folder));
await mkdir(folder, { recursive: true, mode: 0o700 });

async function serve(scenario: Scenario) {
  const token = randomBytes(32).toString('base64url');
  await writeFile(endpoint.tokenPath, token, { mode: 0o600 });
  const agent = new FakeAgent({ scenario, currency });
  const server = await serveAgent(endpoint.socketPath, { token, version: '0.1.0', handlers: agent.handlers });
  server.publish(agent.state);
  agent.onState((state) => server.publish(state));
  process.stdout.write(`fake agent (${scenario}) on ${endpoint.socketPath}\n`);
  return { agent, server };
}

let { agent, server } = await serve(first);
for await (const line of createInterface({ input: process.stdin })) {
  const [command, argument = 'payment_exceeds_allowance'] = line.trim().split(/\s+/);
  if (command === 'pay') agent.pay();
  else if (command === 'refuse') agent.refuse(argument);
  else if (command === 'give-back') agent.refunds.giveBack();
  else if (command === 'refuse-refund') agent.refunds.refuse(argument);
  else if (command === 'expire-refund') agent.refunds.expire();
  else if (command === 'settle-refunds') agent.refunds.settle();
  else if (command === 'suspend') agent.suspend();
  else if (command === 'expire') agent.expire();
  else if (command === 'online' || command === 'offline' || command === 'connecting')
    agent.hearOfCloud(command);
  else if (command === 'radio') agent.set({ radio: fakeRadio(RadioState.parse(argument)) });
  else if (command === 'become') {
    const next = scenarioOf(argument);
    if (next === undefined) continue;
    await server.close();
    ({ agent, server } = await serve(next));
  } else if (command === 'quit') break;
}
await server.close();
