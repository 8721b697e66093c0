// One supplicant's control interface, held: commands on sockets of their own, events on another, and a new attempt
// whenever the supplicant went away, for as long as somebody wants it.

import { join } from 'node:path';
import { type ControlAddon, controlErrorCode, type ControlErrorCode, type EventMessage } from './addon.ts';
import { WifiDirectError } from './errors.ts';
import { parseEvent, type SupplicantEvent } from './supplicant-events.ts';

export type LinkState =
  | { readonly state: 'connecting' }
  | { readonly state: 'up' }
  /** Trying again after `retryInMs`. */
  | { readonly state: 'down'; readonly code: ControlErrorCode; readonly retryInMs: number };

export type LinkOptions = {
  readonly addon: ControlAddon;
  readonly controlFolder: string;
  readonly clientFolder: string;
  readonly interfaceName: string;
  readonly timeoutMs: number;
  readonly pingIntervalMs: number;
};

export type LinkListener = {
  readonly onEvent: (event: SupplicantEvent) => void;
  /** Events may have been missed before `up`, and after a loss: whoever keeps a picture asks for it anew. */
  readonly onState: (state: LinkState) => void;
};

const FIRST_RETRY_MS = 200;
const LONGEST_RETRY_MS = 5_000;

export class SupplicantLink {
  readonly #options: LinkOptions;
  readonly #listener: LinkListener;
  #end: (() => void) | undefined;
  #retry: NodeJS.Timeout | undefined;
  #retryMs = FIRST_RETRY_MS;
  #isClosed = false;
  #state: LinkState = { state: 'connecting' };

  constructor(options: LinkOptions, listener: LinkListener) {
    this.#options = options;
    this.#listener = listener;
    this.#connect();
  }

  get state(): LinkState {
    return this.#state;
  }

  /**
   * Sends one command; resolves with the reply without its last line break. Rejects with WifiDirectError:
   * supplicant_unreachable, supplicant_refused (FAIL…, UNKNOWN COMMAND), closed.
   */
  async ask(command: string): Promise<string> {
    if (this.#isClosed) throw new WifiDirectError('closed', 'The radio was closed.');
    const { addon, clientFolder, timeoutMs } = this.#options;
    let reply: string;
    try {
      const bytes = await addon.request({ socketPath: this.#socketPath(), clientFolder, command, timeoutMs });
      reply = new TextDecoder().decode(bytes);
    } catch (error) {
      const code = controlErrorCode(error);
      if (code === undefined || code === 'hostile_input') throw error;
      // The command is not named: it may carry a passphrase or a PIN.
      throw new WifiDirectError('supplicant_unreachable', `The supplicant cannot be asked: ${code}.`, {
        cause: error,
      });
    }
    if (reply.startsWith('FAIL-CHANNEL')) {
      throw new WifiDirectError('frequency_unavailable', `The supplicant refused: ${firstLine(reply)}`);
    }
    if (/^(?:FAIL|UNKNOWN COMMAND)/.test(reply)) {
      throw new WifiDirectError('supplicant_refused', `The supplicant refused: ${firstLine(reply)}`);
    }
    return reply.replace(/\n$/, '');
  }

  close(): void {
    this.#isClosed = true;
    clearTimeout(this.#retry);
    this.#end?.();
    this.#end = undefined;
  }

  #socketPath(): string {
    return join(this.#options.controlFolder, this.#options.interfaceName);
  }

  #connect(): void {
    if (this.#isClosed) return;
    const { addon, clientFolder, timeoutMs, pingIntervalMs } = this.#options;
    const subscription = { socketPath: this.#socketPath(), clientFolder, timeoutMs, pingIntervalMs };
    this.#end = addon.listen(subscription, (message) => {
      if (!this.#isClosed) this.#receive(message);
    });
  }

  #receive(message: EventMessage): void {
    switch (message.type) {
      case 'attached':
        this.#retryMs = FIRST_RETRY_MS;
        this.#setState({ state: 'up' });
        return;
      case 'event': {
        const event = parseEvent(new TextDecoder().decode(message.bytes));
        if (event !== undefined) this.#listener.onEvent(event);
        return;
      }
      case 'dropped':
        // The picture is torn: say `up` again, so that it is asked for anew.
        this.#setState({ state: 'up' });
        return;
      case 'ended':
        this.#end = undefined;
        this.#setState({ state: 'down', code: message.code, retryInMs: this.#retryMs });
        this.#retry = setTimeout(() => this.#connect(), this.#retryMs);
        this.#retryMs = Math.min(this.#retryMs * 2, LONGEST_RETRY_MS);
    }
  }

  #setState(state: LinkState): void {
    this.#state = state;
    this.#listener.onState(state);
  }
}

function firstLine(reply: string): string {
  return (reply.split('\n')[0] ?? '').slice(0, 80);
}
