/** How money is written: from decimal strings of minor units, as the protocol writes it for both screens. */
import { moneyText } from '@tikiwallet/protocol';
import { localeOf } from './i18n.ts';

/** `formatMoney('1250', 'SGD', 'en')` is `SGD 12.50`, as the phone writes it. */
export function formatMoney(minor: string, currency: string, language: string): string {
  return moneyText(BigInt(minor), currency, language);
}

export function formatCount(count: number, language: string): string {
  return new Intl.NumberFormat(localeOf(language)).format(count);
}
