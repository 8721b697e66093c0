/**
 * One payment as it leaves over HTTP: by reference while the kiosk is believed to have the certificate, whole from the moment
 * that it says otherwise. Each form is sealed once, so that every attempt carries the very same bytes. Never: sends.
 */
import { sealToKiosk, type KioskCertificate } from '@tikiwallet/protocol';

export interface Letter {
  readonly kiosk: KioskCertificate;
  readonly delivery: Uint8Array;
  readonly repeatDelivery: Uint8Array | null;
}

export class Bodies {
  readonly #letter: Letter;
  #repeat: Promise<Uint8Array> | null;
  #whole: Promise<Uint8Array> | null = null;

  constructor(letter: Letter) {
    this.#letter = letter;
    this.#repeat = letter.repeatDelivery === null ? null : sealToKiosk(letter.repeatDelivery, letter.kiosk);
  }

  /** What to send now, and whether it only names the certificate. */
  async next(): Promise<{ readonly bytes: Uint8Array; readonly isRepeat: boolean }> {
    const { delivery, kiosk } = this.#letter;
    if (this.#repeat !== null) return { bytes: await this.#repeat, isRepeat: true };
    this.#whole ??= sealToKiosk(delivery, kiosk);
    return { bytes: await this.#whole, isRepeat: false };
  }

  /** The kiosk does not know the certificate: nothing is sent by reference any more. */
  sendWhole(): void {
    this.#repeat = null;
  }
}
