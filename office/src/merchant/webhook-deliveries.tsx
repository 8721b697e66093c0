/** What was told lately, and what came of it. */
import type { WebhookDeliveryView, WebhookView } from '@tikiwallet/server/contract';
import { Bdi, Button, ErrorNotice, shortWhen, useAction } from '@tikiwallet/wallet/look';
import { useState } from 'preact/hooks';
import { type Key, t } from '../i18n/words.ts';
import { useOffice } from '../office.ts';
import type { Pages } from '../parts/load.tsx';
import { Chip, PagedList, type Tone } from '../parts/pieces.tsx';
import { attemptText } from './webhook-attempt.ts';
import { EVENT_NAMES } from './webhook-events.ts';

const STATES: Readonly<Record<WebhookDeliveryView['state'], { readonly tone: Tone; readonly name: Key }>> = {
  waiting: { tone: 'plain', name: 'webhooks.state_waiting' },
  delivered: { tone: 'ok', name: 'webhooks.state_delivered' },
  dead: { tone: 'bad', name: 'webhooks.state_dead' },
};

export function Deliveries({
  pages,
  hooks,
}: {
  pages: Pages<WebhookDeliveryView>;
  hooks: readonly WebhookView[];
}) {
  return (
    <section class="stack">
      <header class="area-head">
        <h2>{t('webhooks.deliveries')}</h2>
        <Button kind="plain" onClick={pages.reload} testId="deliveries-again">
          {t('office.look_again')}
        </Button>
      </header>
      <PagedList
        pages={pages}
        keyOf={({ id }) => id}
        draw={(delivery) => (
          <DeliveryLine
            first={delivery}
            url={hooks.find(({ id }) => id === delivery.endpointId)?.url ?? null}
          />
        )}
        empty={{ icon: 'send', title: t('webhooks.none'), text: t('webhooks.none_text') }}
        testId="delivery-list"
      />
    </section>
  );
}

function DeliveryLine({ first, url }: { first: WebhookDeliveryView; url: string | null }) {
  const { office } = useOffice();
  const [later, setLater] = useState<WebhookDeliveryView | null>(null);
  const action = useAction();
  // What the list says anew counts over what a press here said before.
  const delivery = later !== null && later.attempts >= first.attempts ? later : first;
  const { tone, name } = STATES[delivery.state];
  const event = EVENT_NAMES[delivery.type];
  return (
    <div class="line" data-testid="delivery" data-state={delivery.state}>
      <span class="line-main">
        <span class="line-title">{event === undefined ? <Bdi>{delivery.type}</Bdi> : t(event)}</span>
        {url !== null && <Bdi class="code">{url}</Bdi>}
        <span class="line-note">
          {shortWhen(Date.parse(delivery.createdAt), Date.now())} ·{' '}
          {t('webhooks.attempts', { count: delivery.attempts })} · {attemptText(delivery)}
        </span>
      </span>
      <span class="line-end">
        <Chip tone={tone}>{t(name)}</Chip>
      </span>
      {action.code !== null && <ErrorNotice code={action.code} />}
      {delivery.state !== 'waiting' && (
        <span class="line-actions">
          <Button
            kind="plain"
            busy={action.busy}
            testId="delivery-replay"
            onClick={() => action.run(async () => setLater(await office.api.replayDelivery(delivery.id)))}
          >
            {t('webhooks.replay')}
          </Button>
        </span>
      )}
    </div>
  );
}
