/** A clock for the screens that count: re-renders on a beat and gives the monotonic time. */
import { useEffect, useState } from 'react';

export function useNow(everyMs: number, running = true): number {
  const [now, setNow] = useState(() => performance.now());
  useEffect(() => {
    if (!running) return;
    setNow(performance.now());
    const timer = setInterval(() => setNow(performance.now()), everyMs);
    return () => clearInterval(timer);
  }, [everyMs, running]);
  return now;
}
