// Listeners beside the async iterator, for those who prefer them: `radio.on('client_joined', listener)`.

import type { RadioEvent } from './radio.ts';

export class RadioEmitter {
  readonly #listeners = new Map<string, Set<(event: RadioEvent) => void>>();

  /** Returns what ends it. What a listener throws is thrown again where Node reports it, and stops no other listener. */
  on<Type extends RadioEvent['type']>(
    type: Type,
    listener: (event: RadioEvent & { readonly type: Type }) => void,
  ): () => void {
    const isWanted = (event: RadioEvent): event is RadioEvent & { readonly type: Type } =>
      event.type === type;
    const call = (event: RadioEvent): void => {
      if (isWanted(event)) listener(event);
    };
    const listeners = this.#listeners.get(type) ?? new Set();
    this.#listeners.set(type, listeners.add(call));
    return () => {
      listeners.delete(call);
    };
  }

  emit(event: RadioEvent): void {
    for (const listener of this.#listeners.get(event.type) ?? []) {
      try {
        listener(event);
      } catch (error) {
        queueMicrotask(() => {
          throw error;
        });
      }
    }
  }

  close(): void {
    this.#listeners.clear();
  }
}
