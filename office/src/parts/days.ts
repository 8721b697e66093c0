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

export function monthLabel(month: string): string {
  return write(`${month}-01`, { month: 'long', year: 'numeric' });
}

/** The month of a day and those before it, the newest first. */
export function monthsBefore(day: string, count: number): readonly string[] {
  const [year = 1970, month = 1] = day.split('-').map(Number);
  return Array.from({ length: count }, (_, back) => {
    const at = new Date(Date.UTC(year, month - 1 - back, 1));
    return at.toISOString().slice(0, 7);
  });
}
