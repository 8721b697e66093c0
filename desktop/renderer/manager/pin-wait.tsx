/** Why no PIN is asked for at the moment: a wait that counts down, or a lock. Null while a try is allowed. */
import { type ReactElement, useRef } from 'react';
import { useAgent } from '../agent/connection.ts';
import { formatSpan } from '../language/moments.ts';
import { useLanguage } from '../language/use-language.ts';
import { Problem } from '../look/panel.tsx';
import { useNow } from '../look/use-now.ts';
import classes from './manager.module.css';

/** Milliseconds until the next try, counted down on the page's own clock from what the agent said last. */
export function usePinWaitMs(): number {
  const { state } = useAgent();
  const { retryAfterMs } = state.managerPin;
  const heard = useRef({ retryAfterMs, atMs: performance.now() });
  if (heard.current.retryAfterMs !== retryAfterMs) heard.current = { retryAfterMs, atMs: performance.now() };
  const now = useNow(500, retryAfterMs > 0);
  return Math.max(0, heard.current.retryAfterMs - Math.max(0, now - heard.current.atMs));
}

export function PinWait(): ReactElement | null {
  const { state } = useAgent();
  const { t } = useLanguage();
  const waitMs = usePinWaitMs();
  if (state.managerPin.state === 'locked') return <Problem code="manager_pin_locked" />;
  if (waitMs <= 0) return null;
  return (
    <p className={classes.wait} role="status" data-testid="pin-wait">
      {t('manager.waitFor', { time: formatSpan(waitMs) })}
    </p>
  );
}
