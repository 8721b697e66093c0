// A part that died comes back with a word; one that was stopped stays stopped.

import { expect, test } from 'vitest';
import { keepRunning, type Part } from './keep-running.ts';

class FakePart implements Part {
  readonly name = 'till agent';
  started = 0;
  wasStopped = false;
  readonly said: string[] = [];
  readonly onStart: (part: FakePart) => void;
  #end: () => void = () => undefined;
  #exited: Promise<void>;

  constructor(onStart: (part: FakePart) => void = () => undefined) {
    this.onStart = onStart;
    this.#exited = this.#begin();
  }

  #begin(): Promise<void> {
    return new Promise((resolve) => {
      this.#end = resolve;
    });
  }

  readonly current = () => this;
  get exited(): Promise<void> {
    return this.#exited;
  }
  readonly start = (): Promise<void> => {
    this.started += 1;
    this.#exited = this.#begin();
    this.onStart(this);
    return Promise.resolve();
  };
  end(): void {
    this.#end();
  }
  stop(): void {
    this.wasStopped = true;
    this.end();
  }
  keep(nowMs: () => number = () => 0): Promise<void> {
    return keepRunning(this, { say: (line) => void this.said.push(line), nowMs });
  }
}

test('a part that ended by itself is started again, and the terminal says so', async () => {
  const part = new FakePart((started) => setImmediate(() => started.stop()));
  part.end();
  await part.keep();
  expect(part.started).toBe(1);
  expect(part.said).toEqual(['The till agent ended by itself. Starting it again.']);
});

test('a part that was stopped on purpose stays stopped, without a word', async () => {
  const part = new FakePart();
  const kept = part.keep();
  part.stop();
  await kept;
  expect(part.started).toBe(0);
  expect(part.said).toEqual([]);
});

test('a part that keeps ending is given up after five times in a minute, not before', async () => {
  const part = new FakePart((started) => started.end());
  part.end();
  await part.keep();
  expect(part.started).toBe(5);
  expect(part.said.at(-1)).toContain('keeps ending');
});

test('a part that ends now and then is never given up', async () => {
  let minutes = 0;
  const part = new FakePart((started) => {
    minutes += 1;
    if (minutes < 20) started.end();
    else started.stop();
  });
  part.end();
  await part.keep(() => minutes * 60_000);
  expect(part.started).toBe(20);
});
