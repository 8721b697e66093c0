/** A kiosk of a test that settles with a cloud of a test: what the tests of the settle loop begin with. */
import { pino } from 'pino';
import { SettleLoop, type SettleLoopOptions } from '../settle/settle-loop.ts';
import type { CommandName, CommandParams, CommandResult } from '../store/messages.ts';
import { FakeCloud } from './fake-cloud.ts';
import type { TestIssuer, TestKiosk, TestPhone } from './world.ts';

/** A cloud that knows the kiosk, which is enrolled. */
export function cloudOf(kiosk: TestKiosk, issuer: TestIssuer): FakeCloud {
  const cloud = new FakeCloud(issuer);
  cloud.knowsKiosk(kiosk.desk.store.memory.kiosk?.certificate);
  return cloud;
}

/** Online, without chance in its back-off, and silent; over the kiosk's store as it is when it is asked. */
export function settleLoop(
  kiosk: TestKiosk,
  cloud: FakeCloud,
  changes: Partial<SettleLoopOptions> = {},
): SettleLoop {
  return new SettleLoop({
    api: cloud,
    store: {
      run: async <N extends CommandName>(name: N, params: CommandParams<N>): Promise<CommandResult<N>> =>
        kiosk.desk.run(name, params),
    },
    snapshot: () => kiosk.snapshot(),
    isOnline: () => true,
    onChange: () => undefined,
    log: pino({ level: 'silent' }),
    random: () => 0,
    ...changes,
  });
}

/** Every start begins with the question how far the cloud is (restored-copy.test.ts): asked and answered. */
export async function askHowFar(kiosk: TestKiosk, cloud: FakeCloud): Promise<void> {
  const question = kiosk.desk.run('nextBatch', { heartbeat: false });
  kiosk.desk.run('acknowledge', await cloud.settle('', question?.envelope ?? new Uint8Array(0)));
  cloud.calls = 0;
}

/** So many sales of one. @throws when one is not accepted */
export function sellTo(phone: TestPhone, kiosk: TestKiosk, count: number): void {
  for (let i = 0; i < count; i += 1) {
    const outcome = kiosk.acceptOne(phone.pay(kiosk.sell(100n).envelope).delivery);
    if (outcome.kind !== 'accepted') throw new Error(outcome.kind);
  }
}
