/** How times and spans are written. Takes the clock as a parameter wherever "now" matters. */
import { localeOf } from './i18n.ts';

export function formatTime(iso: string, language: string): string {
  return new Intl.DateTimeFormat(localeOf(language), { hour: 'numeric', minute: '2-digit' }).format(
    new Date(iso),
  );
}

export function formatDay(iso: string, language: string): string {
  return new Intl.DateTimeFormat(localeOf(language), { dateStyle: 'medium' }).format(new Date(iso));
}

export function formatMoment(iso: string, language: string): string {
  return new Intl.DateTimeFormat(localeOf(language), { dateStyle: 'medium', timeStyle: 'medium' }).format(
    new Date(iso),
  );
}

/** Only the time for today, day and time before. */
export function formatWhen(iso: string, language: string, now: Date): string {
  const then = new Date(iso);
  if (then.toDateString() === now.toDateString()) return formatTime(iso, language);
  return new Intl.DateTimeFormat(localeOf(language), {
    day: 'numeric',
    month: 'short',
    hour: 'numeric',
    minute: '2-digit',
  }).format(then);
}

/** `2:05`; never negative. Digits and a colon read the same in all our languages. */
export function formatSpan(ms: number): string {
  const seconds = Math.max(0, Math.ceil(ms / 1000));
  return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, '0')}`;
}
