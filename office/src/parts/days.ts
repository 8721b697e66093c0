/** Days as the cloud names them (`2026-11-30`): already in the shop's time zone, so they are written as they are. */
import { localeState } from '@tikiwallet/wallet/look';

function write(day: string, options: Intl.DateTimeFormatOptions): string {
  const tag = `${localeState.value.locale}-u-nu-latn`;
  return new Intl.DateTimeFormat(tag, { timeZone: 'UTC', ...options }).format(Date.parse(`${day}T00:00:00Z`));
}

export function dayLabel(day: string): string {
  return write(day, { day: 'numeric', month: 'short' });
}

export function longDay(day: string): string {
  return write(day, { weekday: 'long', day: 'numeric', month: 'long' });
}
