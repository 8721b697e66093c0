/**
 * Many of the protocol's rules at once: each runs to its next signature, then all signatures are verified together.
 *
 * The rules are the same generators that run one by one elsewhere. Never: lets one rule's refusal touch another.
 */
import { setImmediate } from 'node:timers/promises';
import {
  attempt,
  type CryptoAnswer,
  type CryptoRequest,
  type Result,
  type Steps,
} from '@tikiwallet/protocol';
import { nodeCrypto } from '@tikiwallet/protocol/node';
import type { SignatureCheck } from '@tikiwallet/protocol/verify-many';
import type { SignatureVerifier } from './signature-pool.ts';

const primitives = nodeCrypto();

/** Rules between two pauses: a few milliseconds of reading, so that other requests are answered meanwhile. */
const PAUSE_EVERY = 64;

/** Results in the order of `rules`; a refusal is a value. */
export async function runTogether<T>(
  rules: readonly Steps<T>[],
  verifier: SignatureVerifier,
): Promise<readonly Result<T>[]> {
  const running = rules.map((steps) => new Running(steps));
  for (let waiting = await advance(running.map((rule) => [rule, undefined])); waiting.length > 0; ) {
    const verdicts = await verifier.verifyAll(waiting.map(({ check }) => check));
    waiting = await advance(waiting.map(({ rule }, index) => [rule, verdicts[index] === true]));
  }
  return running.map((rule) => rule.result);
}

interface Waiting<T> {
  readonly rule: Running<T>;
  readonly check: SignatureCheck;
}

/** @returns those that wait for a signature now. */
async function advance<T>(
  turns: readonly (readonly [Running<T>, boolean | undefined])[],
): Promise<readonly Waiting<T>[]> {
  const waiting: Waiting<T>[] = [];
  for (const [index, [rule, answer]] of turns.entries()) {
    if (index > 0 && index % PAUSE_EVERY === 0) await setImmediate();
    const check = rule.advance(answer);
    if (check !== null) waiting.push({ rule, check });
  }
  return waiting;
}

class Running<T> {
  readonly #steps: Steps<T>;
  #result: Result<T> | null = null;

  constructor(steps: Steps<T>) {
    this.#steps = steps;
  }

  get result(): Result<T> {
    if (this.#result === null) throw new Error('a rule was asked for its result before its end');
    return this.#result;
  }

  /** To the next signature, which is returned, or to the end. */
  advance(answer: boolean | undefined): SignatureCheck | null {
    const step = attempt(() => this.#toNextSignature(answer));
    if (!step.ok) {
      this.#result = step;
      return null;
    }
    if ('check' in step.value) return step.value.check;
    this.#result = { ok: true, value: step.value.end };
    return null;
  }

  #toNextSignature(answer: boolean | undefined): { check: SignatureCheck } | { end: T } {
    let turn = answer === undefined ? this.#steps.next() : this.#steps.next(answer);
    while (!turn.done) {
      const request: CryptoRequest = turn.value;
      if (request.op === 'verify') return { check: request };
      if (request.op === 'sign') throw new TypeError('these steps sign: they are for one at a time');
      const hashed: CryptoAnswer = primitives.digest(request.data);
      turn = this.#steps.next(hashed);
    }
    return { end: turn.value };
  }
}
