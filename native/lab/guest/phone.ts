// A customer's phone as it joins after scanning the kiosk's code: an ordinary Wi-Fi client that knows a name and a
// passphrase, and nothing of Wi-Fi Direct.

import { parseKeyValues } from '../../src/supplicant-replies.ts';
import { Supplicant } from './supplicant.ts';
import { until } from './until.ts';

export class Phone extends Supplicant {
  /** Begins to join; `state()` says how far it came. */
  async knows(ssid: string, passphrase: string): Promise<void> {
    await this.forget();
    const id = await this.ask('ADD_NETWORK');
    await this.ask(`SET_NETWORK ${id} ssid ${Buffer.from(ssid).toString('hex')}`);
    await this.ask(`SET_NETWORK ${id} psk "${passphrase}"`);
    await this.ask(`SET_NETWORK ${id} key_mgmt WPA-PSK`);
    await this.ask(`SET_NETWORK ${id} scan_freq 2412 2437 2462`);
    await this.ask(`SELECT_NETWORK ${id}`);
  }

  async join(ssid: string, passphrase: string): Promise<void> {
    await this.knows(ssid, passphrase);
    await until(`${this.name} is in ${ssid}`, async () => (await this.state()) === 'COMPLETED', 30_000);
  }

  async forget(): Promise<void> {
    await this.ask('REMOVE_NETWORK all');
  }

  async state(): Promise<string> {
    return parseKeyValues(await this.ask('STATUS')).get('wpa_state') ?? '';
  }

  /** Gives it an address by hand, as a lease would. */
  async takeAddress(address: string): Promise<void> {
    await this.exec('ip', 'addr', 'flush', 'dev', this.interfaceName);
    await this.exec('ip', 'addr', 'add', address, 'dev', this.interfaceName);
  }
}
