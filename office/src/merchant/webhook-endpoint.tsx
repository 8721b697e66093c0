/** One address that is told: tried, paused, given a new secret, ended for ever. */
import type { WebhookTestResult, WebhookView, WebhookWithSecret } from '@tikiwallet/server/contract';
import { Bdi, Button, dateTime, ErrorNotice, Icon, Notice, useAction } from '@tikiwallet/wallet/look';
import { useState } from 'preact/hooks';
import { type Key, t } from '../i18n/words.ts';
import { useOffice } from '../office.ts';
import { Chip, Confirm } from '../parts/pieces.tsx';
import { EVENT_NAMES } from './webhook-events.ts';
import { attemptText } from './webhook-attempt.ts';

type Question = 'secret' | 'delete';
const QUESTIONS: Readonly<Record<Question, { readonly title: Key; readonly text: Key; readonly yes: Key }>> =
  {
    secret: { title: 'webhooks.secret_title', text: 'webhooks.secret_text', yes: 'webhooks.new_secret' },
    delete: { title: 'webhooks.delete_title', text: 'webhooks.delete_text', yes: 'webhooks.delete' },
  };

export function Endpoint({
  hook,
  secret,
  onChange,
  onSecret,
  onSecretSeen,
  onGone,
}: {
  hook: WebhookView;
  /** While it may be read: once. */
  secret: string | null;
  onChange: (hook: WebhookView) => void;
  onSecret: (made: WebhookWithSecret) => void;
  onSecretSeen: () => void;
  onGone: () => void;
}) {
  const { office } = useOffice();
  const [asks, setAsks] = useState<Question | null>(null);
  const [tried, setTried] = useState<WebhookTestResult | null>(null);
  // One decision, one key: two new secrets in a row would end the one that the shop's program knows.
  const [key, setKey] = useState(() => crypto.randomUUID());
  const act = useAction();
  const asked = useAction();
  const isTold = hook.disabledAt === null;
  const answer = (question: Question) =>
    asked.run(async () => {
      if (question === 'secret') {
        onSecret(await office.api.newWebhookSecret(hook.id, key));
        setKey(crypto.randomUUID());
      } else {
        await office.api.deleteWebhook(hook.id);
        onGone();
      }
      setAsks(null);
    });
  return (
    <article class="card" data-testid="webhook" data-told={isTold}>
      <header>
        <h2 class="webhook-url">
          <Bdi>{hook.url}</Bdi>
        </h2>
        <Chip tone={isTold ? 'ok' : 'warn'}>{t(isTold ? 'webhooks.told' : 'webhooks.paused')}</Chip>
      </header>
      <ul class="tags">
        {hook.events.map((event) => {
          const name = EVENT_NAMES[event];
          return <li key={event}>{name === undefined ? <Bdi>{event}</Bdi> : t(name)}</li>;
        })}
      </ul>
      <p class="muted">
        {hook.disabledAt === null
          ? t('webhooks.since', { when: dateTime(Date.parse(hook.createdAt)) })
          : t('webhooks.paused_since', { when: dateTime(Date.parse(hook.disabledAt)) })}
      </p>
      {secret !== null && <Secret secret={secret} onSeen={onSecretSeen} />}
      {tried !== null && <Tried result={tried} />}
      {act.code !== null && <ErrorNotice code={act.code} />}
      <div class="button-row">
        <Button
          kind="plain"
          icon="send"
          busy={act.busy}
          testId="webhook-test"
          onClick={() => act.run(async () => setTried(await office.api.tryWebhook(hook.id)))}
        >
          {t('webhooks.test')}
        </Button>
        <Button
          kind="plain"
          icon={isTold ? 'clock' : 'check'}
          disabled={act.busy}
          testId="webhook-pause"
          onClick={() => act.run(async () => onChange(await office.api.setWebhookTold(hook.id, !isTold)))}
        >
          {t(isTold ? 'webhooks.pause' : 'webhooks.resume')}
        </Button>
        <Button kind="quiet" icon="lock" testId="webhook-secret" onClick={() => setAsks('secret')}>
          {t('webhooks.new_secret')}
        </Button>
        <Button kind="quiet" icon="close" testId="webhook-delete" onClick={() => setAsks('delete')}>
          {t('webhooks.delete')}
        </Button>
      </div>
      {asks !== null && (
        <Confirm
          title={t(QUESTIONS[asks].title)}
          text={t(QUESTIONS[asks].text)}
          yes={t(QUESTIONS[asks].yes)}
          busy={asked.busy}
          code={asked.code}
          isFinal={asks === 'delete'}
          testId={`webhook-${asks}-question`}
          onNo={() => setAsks(null)}
          onYes={() => answer(asks)}
        />
      )}
    </article>
  );
}

function Secret({ secret, onSeen }: { secret: string; onSeen: () => void }) {
  const [isCopied, setCopied] = useState(false);
  return (
    <Notice tone="warn" icon="lock" title={t('webhooks.secret')} role="status" testId="webhook-secret-shown">
      <p>{t('webhooks.secret_once')}</p>
      <Bdi class="code secret">{secret}</Bdi>
      <div class="button-row">
        <Button
          kind="plain"
          icon={isCopied ? 'check' : 'copy'}
          onClick={() => void navigator.clipboard.writeText(secret).then(() => setCopied(true))}
        >
          {t(isCopied ? 'webhooks.copied' : 'webhooks.copy')}
        </Button>
        <Button kind="quiet" testId="webhook-secret-seen" onClick={onSeen}>
          {t('webhooks.secret_seen')}
        </Button>
      </div>
    </Notice>
  );
}

function Tried({ result }: { result: WebhookTestResult }) {
  return (
    <p class={result.isDelivered ? 'attempt' : 'attempt bad-line'} role="status" data-testid="webhook-tried">
      <Icon name={result.isDelivered ? 'check' : 'alert'} size={20} />
      <span>{attemptText({ lastStatus: result.status, lastError: result.error })}</span>
    </p>
  );
}
