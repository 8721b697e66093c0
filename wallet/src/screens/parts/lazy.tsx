/** A screen whose code is fetched (from the precache) when it is first shown. */
import type { FunctionComponent } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import { ErrorNotice, Skeleton } from './ui.tsx';

export function lazy<M, P extends object>(
  load: () => Promise<M>,
  pick: (module: M) => FunctionComponent<P>,
): FunctionComponent<P> {
  let loaded: FunctionComponent<P> | null = null;
  return function Lazy(props: P) {
    const [Shown, setShown] = useState<{ component: FunctionComponent<P> | null; failed: boolean }>({
      component: loaded,
      failed: false,
    });
    useEffect(() => {
      if (loaded !== null) return;
      load().then(
        (module) => {
          loaded = pick(module);
          setShown({ component: loaded, failed: false });
        },
        (error: unknown) => {
          console.error(error);
          setShown({ component: null, failed: true });
        },
      );
    }, []);
    if (Shown.failed) return <ErrorNotice code="network_unreachable" />;
    return Shown.component === null ? <Skeleton lines={4} /> : <Shown.component {...props} />;
  };
}
