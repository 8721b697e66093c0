/** The time that is left, as a ring and as digits. Counts on the monotonic clock from the moment the state arrived. */
import type { ReactElement } from 'react';
import { useLanguage } from '../language/use-language.ts';
import { formatSpan } from '../language/moments.ts';
import { useNow } from '../look/use-now.ts';
import classes from './countdown.module.css';

/** The longest life of a request (protocol). */
const FULL_MS = 120_000;
const HURRY_MS = 20_000;
const RADIUS = 44;
const LENGTH = 2 * Math.PI * RADIUS;

export function Countdown({
  remainingMs,
  receivedAtMs,
  fullMs = FULL_MS,
}: {
  remainingMs: number;
  receivedAtMs: number;
  /** The longest life: the ring is full at this. */
  fullMs?: number;
}): ReactElement {
  const { t } = useLanguage();
  const now = useNow(250);
  const left = Math.max(0, remainingMs - (now - receivedAtMs));
  const share = Math.min(1, left / fullMs);
  const text = formatSpan(left);
  return (
    <div
      className={classes.countdown}
      role="timer"
      aria-label={t('waiting.timeLeft', { time: text })}
      data-testid="sale-countdown"
      data-hurry={left <= HURRY_MS || undefined}
    >
      <svg viewBox="0 0 100 100" aria-hidden="true" className={classes.ring}>
        <circle cx="50" cy="50" r={RADIUS} className={classes.track} />
        <circle
          cx="50"
          cy="50"
          r={RADIUS}
          className={classes.left}
          strokeDasharray={LENGTH}
          strokeDashoffset={LENGTH * (1 - share)}
        />
      </svg>
      <span className={`${classes.digits} tiki-number`}>{text}</span>
    </div>
  );
}
