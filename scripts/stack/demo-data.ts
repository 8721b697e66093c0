// The people of `npm start`: one customer with money, one merchant with an enrolled
// kiosk. Made through the same calls that a person's clicks make; a second start finds
// them and adds nothing.

import { randomUUID } from 'node:crypto';
import type { AgentClient } from '@tikiwallet/desktop/agent-client';
import { CloudClient, type Person } from './cloud-client.ts';
import type { Stack } from './stack.ts';

/** Known to everyone who reads this: for a stack of stand-ins on one's own machine only. */
export const demoCustomer: Person = {
  role: 'customer',
  phone: '+6581110001',
  username: 'Ayu',
  password: 'demo-customer-1',
};
export const demoMerchant: Person = {
  role: 'merchant',
  phone: '+6581110002',
  username: 'Sari',
  password: 'demo-merchant-1',
  businessName: 'Warung Sari',
};
const startingBalanceMinor = 10_000n;

export async function ensureDemoCustomer(stack: Stack): Promise<void> {
  const cloud = new CloudClient(stack);
  const session = await cloud.signInOrRegister(demoCustomer);
  const wallet = await cloud.wallet(session);
  if (wallet.onlineMinor === '0' && wallet.offlineMinor === '0')
    await cloud.topUp(session, startingBalanceMinor);
}

/** Registers the merchant and enrols this stack's kiosk, unless that was done before. */
export async function ensureDemoKiosk(stack: Stack): Promise<void> {
  await new CloudClient(stack).signInOrRegister(demoMerchant);
  const agent = stack.connectAgent();
  try {
    await agent.whenConnected(10_000);
    if ((await startedPhase(agent)) !== 'not_enrolled') return;
    await agent.call('merchant.signIn', { phone: demoMerchant.phone, password: demoMerchant.password });
    const kiosk = await agent.call('kiosks.create', { idempotencyKey: randomUUID(), name: 'Counter' });
    if (kiosk.enrolment === null) throw new Error('the cloud made a kiosk without an enrolment code');
    await agent.call('kiosk.enrol', { code: kiosk.enrolment.code });
    await agent.call('merchant.signOut', {});
  } finally {
    agent.close();
  }
}

/** A large store takes seconds to open. */
const STARTED_WITHIN_MS = 60_000;

type Phase = Parameters<Parameters<AgentClient['onState']>[0]>[0]['phase'];

/** Until it has started, an agent does not know whether it is enrolled. Rejects when it does not start in time. */
export function startedPhase(
  agent: Pick<AgentClient, 'onState'>,
  withinMs = STARTED_WITHIN_MS,
): Promise<Exclude<Phase, 'starting'>> {
  const { promise, resolve, reject } = Promise.withResolvers<Exclude<Phase, 'starting'>>();
  const seconds = String(withinMs / 1000);
  const timer = setTimeout(
    () =>
      reject(new Error(`the till's agent has not started within ${seconds} s: its demo till is not set up`)),
    withinMs,
  );
  const unsubscribe = agent.onState(({ phase }) => {
    if (phase !== 'starting') resolve(phase);
  });
  return promise.finally(() => {
    clearTimeout(timer);
    unsubscribe();
  });
}
