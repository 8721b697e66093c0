/** Makes an event of something that happened, and hands it to whoever delivers it. */
import Stripe from 'stripe';
import type { Clock } from '../../clock.ts';
import { eventDocument } from './documents.ts';
import { newId } from './state.ts';
import type { WebhookSender } from './webhooks.ts';

export class Emitter {
  readonly #clock: Clock;
  readonly #webhooks: WebhookSender;
  constructor(clock: Clock, webhooks: WebhookSender) {
    this.#clock = clock;
    this.#webhooks = webhooks;
  }

  nowSeconds(): number {
    return Math.floor(this.#clock.nowMs() / 1000);
  }

  /** `account` for what happened in somebody's connected account. Resolves after the first attempt to deliver it. */
  emit(type: string, object: unknown, account: string | null = null): Promise<void> {
    const [id, created] = [newId('evt'), this.nowSeconds()];
    const event = eventDocument({ id, type, created, apiVersion: Stripe.API_VERSION, object });
    const document = JSON.stringify(account === null ? event : { ...event, account });
    return this.#webhooks.enqueue({
      id,
      type,
      account,
      created,
      document,
      pendingDeliveries: 1,
      attempts: 0,
      nextAttemptMs: 0,
    });
  }
}
