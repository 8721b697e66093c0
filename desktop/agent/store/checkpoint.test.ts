/** When the log is written back into the database: not while somebody waits, and never too late. */
import { statSync } from 'node:fs';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { TestIssuer, TestKiosk } from '../test/world.ts';

let kiosk: TestKiosk;

beforeEach(() => {
  kiosk = new TestKiosk();
  kiosk.enrol(new TestIssuer());
});
afterEach(() => kiosk.dispose());

const writtenBackAt = () => statSync(kiosk.path, { bigint: true }).mtimeNs;

/** The log is longer by what `writes` transactions write at the most. */
function grow(writes: number): void {
  const { store } = kiosk.desk;
  store.write(() => store.setMostOpen(store.memory.mostOpen === 1 ? 2 : 1));
  for (let write = 1; write < writes; write += 1) store.write(() => undefined);
}

test('a log that has grown is written back when nobody waits, and at the latest at four times its length', () => {
  const { store } = kiosk.desk;
  const before = writtenBackAt();
  grow(400);
  expect(store.checkpointIfDue({ isAwaited: false })).toBe(false);
  expect(writtenBackAt()).toBe(before);

  grow(200);
  expect(store.checkpointIfDue({ isAwaited: true }), 'still to be done').toBe(true);
  expect(writtenBackAt()).toBe(before);
  expect(store.checkpointIfDue({ isAwaited: false })).toBe(false);
  const first = writtenBackAt();
  expect(first).toBeGreaterThan(before);

  grow(1_900);
  expect(store.checkpointIfDue({ isAwaited: true })).toBe(true);
  expect(writtenBackAt()).toBe(first);
  grow(200);
  expect(store.checkpointIfDue({ isAwaited: true })).toBe(false);
  expect(writtenBackAt()).toBeGreaterThan(first);
});
