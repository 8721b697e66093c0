/**
 * What the shop's own programs are told: where, of what, with which secret, and what came of it. A secret is shown once, by the answer
 * that made it, stays on this page until somebody has said that they have it, and is kept nowhere.
 */
import type { WebhookView, WebhookWithSecret } from '@tikiwallet/server/contract';
import { Button, ErrorNotice, Field, useAction } from '@tikiwallet/wallet/look';
import { useState } from 'preact/hooks';
import { t } from '../i18n/words.ts';
import { useOffice } from '../office.ts';
import { isThere, Shown, useLoad, usePages } from '../parts/load.tsx';
import { Area, Panel } from '../parts/pieces.tsx';
import { Deliveries } from './webhook-deliveries.tsx';
import { EVENT_NAMES } from './webhook-events.ts';
import { Endpoint } from './webhook-endpoint.tsx';

export function Webhooks() {
  const { office } = useOffice();
  const hooks = useLoad('webhooks', () => office.api.webhooks());
  const deliveries = usePages('deliveries', (cursor) => office.api.webhookDeliveries(cursor));
  /** By endpoint: a second address must not take away the secret of the first before it was written down. */
  const [secrets, setSecrets] = useState<ReadonlyMap<string, string>>(() => new Map());
  const items = hooks.value?.items ?? [];
  const put = (hook: WebhookView) =>
    hooks.change((now) => ({
      items: now.items.some(({ id }) => id === hook.id)
        ? now.items.map((one) => (one.id === hook.id ? hook : one))
        : [...now.items, hook],
    }));
  const forget = (id: string) => setSecrets((now) => new Map([...now].filter(([of]) => of !== id)));
  const tell = (made: WebhookWithSecret) => {
    put(made);
    setSecrets((now) => new Map(now).set(made.id, made.secret));
  };
  return (
    <Area title={t('webhooks.title')} testId="webhooks">
      <p class="muted">{t('webhooks.lead')}</p>
      <Shown of={hooks} lines={4}>
        {(view) =>
          view.items.length > 0 && (
            <ul class="cards cards-wide" data-testid="webhook-list">
              {view.items.map((hook) => (
                <li key={hook.id}>
                  <Endpoint
                    hook={hook}
                    secret={secrets.get(hook.id) ?? null}
                    onChange={put}
                    onSecret={tell}
                    onSecretSeen={() => forget(hook.id)}
                    onGone={() =>
                      hooks.change((now) => ({ items: now.items.filter(({ id }) => id !== hook.id) }))
                    }
                  />
                </li>
              ))}
            </ul>
          )
        }
      </Shown>
      {isThere(hooks) && <NewEndpoint onMade={tell} />}
      {isThere(hooks) && <Deliveries pages={deliveries} hooks={items} />}
    </Area>
  );
}

function NewEndpoint({ onMade }: { onMade: (made: WebhookWithSecret) => void }) {
  const { office } = useOffice();
  const [url, setUrl] = useState('');
  const [events, setEvents] = useState<ReadonlySet<string>>(() => new Set(['payment.settled']));
  // One decision, one key: a second press after a lost answer makes no second endpoint.
  const [key, setKey] = useState(() => crypto.randomUUID());
  const action = useAction();
  const change = (work: () => void) => {
    work();
    setKey(crypto.randomUUID());
  };
  const toggle = (event: string) => {
    const next = new Set(events);
    if (!next.delete(event)) next.add(event);
    setEvents(next);
  };
  const submit = (event: Event) => {
    event.preventDefault();
    action.run(async () => {
      onMade(await office.api.createWebhook({ url: url.trim(), events: [...events] }, key));
      setUrl('');
      setKey(crypto.randomUUID());
    });
  };
  return (
    <Panel title={t('webhooks.add')} lead={t('webhooks.add_text')} testId="new-webhook">
      <form class="stack" onSubmit={submit}>
        <Field
          label={t('webhooks.url')}
          value={url}
          onInput={(typed) => change(() => setUrl(typed))}
          hint={t('webhooks.url_hint')}
          testId="webhook-url"
          input={{
            type: 'url',
            inputMode: 'url',
            autoComplete: 'off',
            required: true,
            maxLength: 2_000,
            dir: 'ltr',
            placeholder: 'https://',
          }}
        />
        <fieldset class="checks">
          <legend>{t('webhooks.events')}</legend>
          {Object.entries(EVENT_NAMES).map(([event, name]) => (
            <label key={event} class="check">
              <input
                type="checkbox"
                checked={events.has(event)}
                data-testid={`event-${event}`}
                onChange={() => change(() => toggle(event))}
              />
              <span>{t(name)}</span>
            </label>
          ))}
        </fieldset>
        {action.code !== null && <ErrorNotice code={action.code} />}
        <Button
          type="submit"
          icon="plus"
          busy={action.busy}
          disabled={events.size === 0}
          testId="webhook-create"
        >
          {t('webhooks.create')}
        </Button>
      </form>
    </Panel>
  );
}
