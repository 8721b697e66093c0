/**
 * What the Wi-Fi Direct radio is able to do, as the screen names it. Asks the addon, now and then again; anything
 * that goes wrong in there is a state, never the end of the agent. QR and LAN work whatever this says.
 */
import { createWifiDirect, type WifiDirect } from 'node-wifi-direct';
import type { AgentState } from '../../ipc/index.ts';
import type { Log } from '../log.ts';

export type RadioState = AgentState['radio']['state'];

/** A stick that is plugged in later is noticed within this time. */
const ASK_AGAIN_MS = 30_000;

export interface RadioWatchOptions {
  readonly onChange: () => void;
  readonly log: Log;
  readonly wifi?: WifiDirect;
}

export class RadioWatch {
  readonly #options: RadioWatchOptions;
  readonly #wifi: WifiDirect;
  #state: RadioState = 'checking';
  #timer: NodeJS.Timeout | undefined;
  #isStopped = false;

  constructor(options: RadioWatchOptions) {
    this.#options = options;
    this.#wifi = options.wifi ?? createWifiDirect();
  }

  get state(): RadioState {
    return this.#state;
  }

  start(): void {
    void this.#ask();
  }

  stop(): void {
    this.#isStopped = true;
    clearTimeout(this.#timer);
  }

  async #ask(): Promise<void> {
    const state = await this.#probe();
    if (this.#isStopped) return;
    if (state !== this.#state) {
      this.#state = state;
      this.#options.onChange();
    }
    this.#timer = setTimeout(() => void this.#ask(), ASK_AGAIN_MS);
    this.#timer.unref();
  }

  async #probe(): Promise<RadioState> {
    try {
      return (await this.#wifi.probe()).state;
    } catch (error) {
      // It promises not to reject; a radio that breaks its promise must not take the till with it.
      this.#options.log.error({ err: error }, 'the radio could not be asked');
      return 'checking';
    }
  }
}
