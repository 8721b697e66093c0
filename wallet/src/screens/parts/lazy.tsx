/** A screen whose code is fetched (from the precache) when it is first shown. */
import type { FunctionComponent } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import { t } from '../../i18n/translate.ts';
import { Button, LinkButton, Notice, Skeleton } from './ui.tsx';

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
    const fetchPart = async (): Promise<void> => {
      setShown({ component: null, failed: false });
      try {
        loaded = pick(await load());
        setShown({ component: loaded, failed: false });
      } catch (error) {
        console.error(error);
        setShown({ component: null, failed: true });
      }
    };
    useEffect(() => {
      if (loaded === null) void fetchPart();
    }, []);
    if (Shown.failed) return <NotStored onAgain={() => void again(fetchPart)} />;
    return Shown.component === null ? <Skeleton lines={4} /> : <Shown.component {...props} />;
  };
}

/** Until the first visit has put everything on the phone, a part of the wallet may be missing when the network goes. */
function NotStored({ onAgain }: { onAgain: () => void }) {
  return (
    <div class="screen" data-testid="not-stored">
      <Notice tone="warn" icon="offline" title={t('page.not_stored')} role="alert">
        <p>{t('page.not_stored_text')}</p>
      </Notice>
      <div class="actions">
        <Button testId="not-stored-again" onClick={onAgain}>
          {t('common.try_again')}
        </Button>
        <LinkButton to="">{t('common.to_home')}</LinkButton>
      </div>
    </div>
  );
}

/** Some browsers keep to a failed import for as long as the page lives; a page without a network must not be left, though. */
async function again(fetchPart: () => Promise<void>): Promise<void> {
  const isReached = await fetch(location.pathname, { method: 'HEAD', cache: 'no-store' }).then(
    ({ ok }) => ok,
    () => false,
  );
  if (isReached) location.reload();
  else await fetchPart();
}
