/** The time, drawn again now and then. */
import { useEffect, useState } from 'preact/hooks';

export function useNowEvery(everyMs: number): number {
  const [now, setNow] = useState(() => Date.now());
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), everyMs);
    return () => clearInterval(timer);
  }, [everyMs]);
  return now;
}
