/**
 * Signed webhook delivery of the Stripe stand-in: retried until the server says 2xx, and able to misbehave on request.
 *
 * Owns: when an event is sent. Never: forgets one over a restart; what is pending stands in the state file.
 */
import Stripe from 'stripe';
import type { Clock } from '../../clock.ts';
import type { JsonFile } from '../../json-file.ts';
import type { EventRecord, StripeState } from './state.ts';

const FIRST_RETRY_MS = 1_000;
const LONGEST_RETRY_MS = 30_000;
const TICK_MS = 500;
const TIMEOUT_MS = 10_000;

/** What a network does to webhooks, on demand. */
export interface WebhookFaults {
  /** Every event arrives this many times. */
  copies: number;
  /** The next so many deliveries are lost; retries come later as usual. */
  loseNext: number;
  delayMs: number;
  /** The next so many events are never delivered; only who asks for events finds them. */
  dropNext: number;
  /** So many of the next events are held back until all are there, and go out last first. */
  reorderNext: number;
}

export interface WebhookTarget {
  readonly url: string;
  readonly secret: string;
}

export class WebhookSender {
  readonly faults: WebhookFaults = {
    copies: 1,
    loseNext: 0,
    delayMs: 0,
    dropNext: 0,
    reorderNext: 0,
  };
  readonly #held: EventRecord[] = [];
  readonly #file: JsonFile<StripeState>;
  readonly #target: WebhookTarget;
  readonly #clock: Clock;
  readonly #onAttempt: (line: string) => void;
  readonly #inFlight = new Set<string>();
  readonly #timer: NodeJS.Timeout;

  constructor(
    file: JsonFile<StripeState>,
    target: WebhookTarget,
    clock: Clock,
    onAttempt: (line: string) => void,
  ) {
    this.#file = file;
    this.#target = target;
    this.#clock = clock;
    this.#onAttempt = onAttempt;
    this.#timer = setInterval(() => void this.#sendDue(), TICK_MS);
    this.#timer.unref();
  }

  close(): void {
    clearInterval(this.#timer);
  }

  /** Sends an event now. Resolves after the first attempt, whatever became of it; the rest goes on by itself. */
  async enqueue(event: EventRecord): Promise<void> {
    const isDropped = this.faults.dropNext > 0;
    if (isDropped) this.faults.dropNext -= 1;
    event.pendingDeliveries = isDropped ? 0 : this.faults.copies;
    event.nextAttemptMs = this.#clock.nowMs() + this.faults.delayMs;
    this.#file.value.events.push(event);
    if (this.faults.reorderNext > 0 && !isDropped) return this.#hold(event);
    this.#file.save();
    if (this.faults.delayMs === 0 && !isDropped) await this.#send(event);
  }

  async #hold(event: EventRecord): Promise<void> {
    // Longer than anybody waits: only the last of them releases the others.
    event.nextAttemptMs = Number.MAX_SAFE_INTEGER;
    this.#held.push(event);
    this.faults.reorderNext -= 1;
    this.#file.save();
    if (this.faults.reorderNext > 0) return;
    for (const held of this.#held.splice(0).toReversed()) {
      held.nextAttemptMs = this.#clock.nowMs();
      await this.#send(held);
    }
  }

  /** Sends an event again, as Stripe's dashboard can. */
  async resend(eventId: string): Promise<boolean> {
    const event = this.#file.value.events.find((item) => item.id === eventId);
    if (event === undefined) return false;
    event.pendingDeliveries += 1;
    await this.#send(event);
    return true;
  }

  async #sendDue(): Promise<void> {
    const nowMs = this.#clock.nowMs();
    const due = this.#file.value.events.filter(
      (event) => event.pendingDeliveries > 0 && event.nextAttemptMs <= nowMs,
    );
    for (const event of due) await this.#send(event);
  }

  async #send(event: EventRecord): Promise<void> {
    if (this.#inFlight.has(event.id)) return;
    this.#inFlight.add(event.id);
    try {
      for (let ok = true; ok && event.pendingDeliveries > 0; ) {
        ok = await this.#attempt(event);
        event.attempts += 1;
        if (ok) event.pendingDeliveries -= 1;
        else
          event.nextAttemptMs =
            this.#clock.nowMs() + Math.min(FIRST_RETRY_MS * 2 ** (event.attempts - 1), LONGEST_RETRY_MS);
        this.#file.save();
      }
    } finally {
      this.#inFlight.delete(event.id);
    }
  }

  async #attempt(event: EventRecord): Promise<boolean> {
    if (this.faults.loseNext > 0) {
      this.faults.loseNext -= 1;
      this.#onAttempt(`${event.type} ${event.id}: lost on purpose`);
      return false;
    }
    const timestamp = Math.floor(this.#clock.nowMs() / 1000);
    const { document: payload } = event;
    const signature = Stripe.webhooks.generateTestHeaderString({
      payload,
      secret: this.#target.secret,
      timestamp,
    });
    try {
      const response = await fetch(this.#target.url, {
        method: 'POST',
        headers: {
          'content-type': 'application/json; charset=utf-8',
          'stripe-signature': signature,
          'user-agent': 'Stripe/1.0 (stand-in)',
        },
        body: payload,
        redirect: 'manual',
        signal: AbortSignal.timeout(TIMEOUT_MS),
      });
      await response.body?.cancel();
      this.#onAttempt(`${event.type} ${event.id}: HTTP ${response.status}`);
      return response.ok;
    } catch (error) {
      this.#onAttempt(
        `${event.type} ${event.id}: ${error instanceof Error ? error.message : 'not delivered'}`,
      );
      return false;
    }
  }
}
