/** Numbers of things, grouped as the language groups them, in the digits that the rest of the page has. */
import { localeState } from '@tikiwallet/wallet/look';

export function grouped(count: number): string {
  return new Intl.NumberFormat(`${localeState.value.locale}-u-nu-latn`).format(count);
}
