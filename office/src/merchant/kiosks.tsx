/** The shop's tills: how far each has handed in, the codes by which machines enrol, and the end of one that is lost. */
import type { KioskView } from '@tikiwallet/server/contract';
import {
  Bdi,
  Button,
  dateTime,
  Empty,
  ErrorNotice,
  Field,
  Icon,
  QrCode,
  relative,
  useAction,
} from '@tikiwallet/wallet/look';
import { useState } from 'preact/hooks';
import { t } from '../i18n/words.ts';
import { useOffice } from '../office.ts';
import { isThere, Shown, useLoad } from '../parts/load.tsx';
import { useMay } from '../parts/permissions.ts';
import { Area, Chip, Confirm, Panel, type Tone } from '../parts/pieces.tsx';
import { useNowEvery } from '../parts/use-now.ts';

/** Longer than a till that has internet ever leaves it at. */
const SILENT_MS = 24 * 3_600_000;

export function Kiosks() {
  const { office } = useOffice();
  const kiosks = useLoad('kiosks', () => office.api.kiosks());
  const mayManage = useMay('kiosks.manage');
  const put = (kiosk: KioskView) =>
    kiosks.change(({ items }) => {
      const isKnown = items.some(({ id }) => id === kiosk.id);
      return { items: isKnown ? items.map((one) => (one.id === kiosk.id ? kiosk : one)) : [...items, kiosk] };
    });
  return (
    <Area
      title={t('kiosks.title')}
      testId="kiosks"
      actions={
        <Button kind="plain" busy={kiosks.busy && kiosks.value !== null} onClick={kiosks.reload}>
          {t('office.look_again')}
        </Button>
      }
    >
      <Shown of={kiosks} lines={4}>
        {({ items }) =>
          items.length === 0 ? (
            <Empty icon="shop" title={t('kiosks.none')}>
              {t('kiosks.none_text')}
            </Empty>
          ) : (
            <ul class="cards" data-testid="kiosk-list">
              {items.map((kiosk) => (
                <li key={kiosk.id}>
                  <KioskCard kiosk={kiosk} onChange={put} />
                </li>
              ))}
            </ul>
          )
        }
      </Shown>
      {mayManage && isThere(kiosks) && (
        <NewKiosk names={kiosks.value?.items.map(({ name }) => name) ?? []} onMade={put} />
      )}
    </Area>
  );
}

function KioskCard({ kiosk, onChange }: { kiosk: KioskView; onChange: (kiosk: KioskView) => void }) {
  const mayManage = useMay('kiosks.manage');
  return (
    <article
      class="card"
      data-testid="kiosk"
      data-status={kiosk.status}
      data-suspended={kiosk.suspendedAt !== null}
    >
      <header>
        <h2>
          <bdi>{kiosk.name}</bdi>
        </h2>
        <KioskChip kiosk={kiosk} />
      </header>
      <KioskState kiosk={kiosk} />
      {kiosk.enrolment !== null && <EnrolmentCode kiosk={kiosk} code={kiosk.enrolment} />}
      {mayManage && kiosk.status !== 'denied' && <KioskActs kiosk={kiosk} onChange={onChange} />}
    </article>
  );
}

/** A till is made to stop for a while or for ever; each is asked about first, and said what it does to a till without internet. */
function KioskActs({ kiosk, onChange }: { kiosk: KioskView; onChange: (kiosk: KioskView) => void }) {
  const { office } = useOffice();
  const [asks, setAsks] = useState<'suspend' | 'deny' | null>(null);
  const act = useAction();
  const asked = useAction();
  const isSuspended = kiosk.suspendedAt !== null;
  const leave = () => setAsks(null);
  const change = (work: (id: string) => Promise<KioskView>) => async () => {
    onChange(await work(kiosk.id));
    leave();
  };
  return (
    <>
      {act.code !== null && <ErrorNotice code={act.code} />}
      <div class="button-row">
        {isSuspended ? (
          <Button
            kind="primary"
            icon="check"
            busy={act.busy}
            testId="kiosk-resume"
            onClick={() => act.run(change(office.api.resumeKiosk))}
          >
            {t('kiosks.resume')}
          </Button>
        ) : (
          <>
            <Button
              kind="plain"
              icon="code"
              busy={act.busy}
              testId="kiosk-code"
              onClick={() => act.run(change(office.api.kioskCode))}
            >
              {kiosk.status === 'active' ? t('kiosks.replace') : t('kiosks.new_code')}
            </Button>
            <Button kind="plain" icon="clock" testId="kiosk-suspend" onClick={() => setAsks('suspend')}>
              {t('kiosks.suspend')}
            </Button>
          </>
        )}
        <Button kind="quiet" icon="lock" testId="kiosk-deny" onClick={() => setAsks('deny')}>
          {t('kiosks.deny')}
        </Button>
      </div>
      {asks === 'suspend' && (
        <Confirm
          title={t('kiosks.suspend_title', { name: kiosk.name })}
          text={t('kiosks.suspend_text')}
          yes={t('kiosks.suspend')}
          busy={asked.busy}
          code={asked.code}
          isFinal={false}
          testId="suspend"
          onNo={leave}
          onYes={() => asked.run(change(office.api.suspendKiosk))}
        >
          <p class="muted">{t('kiosks.suspend_offline')}</p>
        </Confirm>
      )}
      {asks === 'deny' && (
        <Confirm
          title={t('kiosks.deny_title', { name: kiosk.name })}
          text={t('kiosks.deny_text')}
          yes={t('kiosks.deny_yes')}
          busy={asked.busy}
          code={asked.code}
          testId="deny"
          onNo={leave}
          onYes={() => asked.run(change(office.api.denyKiosk))}
        />
      )}
    </>
  );
}

function chipOf(kiosk: KioskView): { readonly tone: Tone; readonly text: string } {
  if (kiosk.status === 'denied') return { tone: 'bad', text: t('kiosks.state_denied') };
  if (kiosk.quarantinedAt !== null) return { tone: 'bad', text: t('kiosks.state_quarantined') };
  if (kiosk.suspendedAt !== null) return { tone: 'warn', text: t('kiosks.state_suspended') };
  if (kiosk.status === 'awaiting_enrolment') return { tone: 'plain', text: t('kiosks.state_waiting') };
  const silentMs = Date.now() - Date.parse(kiosk.lastContactAt ?? kiosk.createdAt);
  if (silentMs > SILENT_MS) return { tone: 'warn', text: t('kiosks.state_silent') };
  return { tone: 'ok', text: t('kiosks.state_active') };
}

function KioskChip({ kiosk }: { kiosk: KioskView }) {
  const { tone, text } = chipOf(kiosk);
  return (
    <Chip tone={tone} testId="kiosk-state">
      {text}
    </Chip>
  );
}

function KioskState({ kiosk }: { kiosk: KioskView }) {
  const now = useNowEvery(30_000);
  if (kiosk.status === 'awaiting_enrolment' && kiosk.lastContactAt === null) {
    return (
      <p class="muted">
        {t(kiosk.suspendedAt === null ? 'kiosks.waiting_text' : 'kiosks.suspended_waiting')}
      </p>
    );
  }
  return (
    <>
      <dl class="rows">
        <Row label={t('kiosks.last_contact')} at={kiosk.lastContactAt} now={now} />
        <Row label={t('kiosks.last_settled')} at={kiosk.lastSettledAt} now={now} />
        <div class="row">
          <dt>{t('kiosks.settled_to')}</dt>
          <dd>{kiosk.settledSequence === 0 ? t('kiosks.nothing_yet') : kiosk.settledSequence}</dd>
        </div>
      </dl>
      {kiosk.quarantinedAt !== null && <p class="bad-line">{t('kiosks.quarantined_text')}</p>}
      {kiosk.suspendedAt !== null && <SuspendedNote kiosk={kiosk} since={kiosk.suspendedAt} />}
      {kiosk.status === 'active' && kiosk.quarantinedAt === null && kiosk.suspendedAt === null && (
        <p class="muted">{t('kiosks.since_then')}</p>
      )}
      {kiosk.status === 'denied' && <p class="muted">{t('kiosks.denied_text')}</p>}
    </>
  );
}

/** Whether the till can have heard of it: it asks every few minutes while it has internet. */
function SuspendedNote({ kiosk, since }: { kiosk: KioskView; since: string }) {
  const sinceMs = Date.parse(since);
  const hasHeard = kiosk.lastContactAt !== null && Date.parse(kiosk.lastContactAt) > sinceMs;
  return (
    <>
      <p class="warn-text">{t('kiosks.suspended_since', { when: dateTime(sinceMs) })}</p>
      <p class="muted">{t(hasHeard ? 'kiosks.suspended_text' : 'kiosks.suspended_unheard')}</p>
    </>
  );
}

function Row({ label, at, now }: { label: string; at: string | null; now: number }) {
  return (
    <div class="row">
      <dt>{label}</dt>
      <dd>
        {at === null ? (
          t('kiosks.never')
        ) : (
          <time dateTime={at} title={dateTime(Date.parse(at))}>
            {relative(Date.parse(at), now)}
          </time>
        )}
      </dd>
    </div>
  );
}

/** What a new machine types or reads: the code alone, so that any reader of QR codes shows just that. */
function EnrolmentCode({ kiosk, code }: { kiosk: KioskView; code: NonNullable<KioskView['enrolment']> }) {
  const now = useNowEvery(1_000);
  const leftMinutes = Math.ceil((Date.parse(code.expiresAt) - now) / 60_000);
  if (leftMinutes <= 0) return <p class="muted">{t('kiosks.code_over')}</p>;
  return (
    <div class="enrolment">
      <QrCode text={code.code} label={t('kiosks.code_picture')} testId="enrolment-qr" />
      <div class="stack">
        <span class="muted">{t('kiosks.code')}</span>
        <Bdi class="enrolment-code">
          <span data-testid="enrolment-code">{code.code}</span>
        </Bdi>
        <p>{t('kiosks.code_text')}</p>
        <p class="muted">
          <Icon name="clock" size={18} /> {t('kiosks.code_left', { minutes: leftMinutes })}
        </p>
        {kiosk.status === 'active' && <p class="warn-text">{t('kiosks.replace_text')}</p>}
      </div>
    </div>
  );
}

const plain = (name: string): string => name.normalize('NFKC').trim().toLocaleLowerCase('und');

/** @param names of all tills, blocked ones too: sales and reports would speak of two by one name. */
function NewKiosk({ names, onMade }: { names: readonly string[]; onMade: (kiosk: KioskView) => void }) {
  const { office } = useOffice();
  const [name, setName] = useState('');
  const isTaken = names.some((one) => plain(one) === plain(name));
  // One decision, one key: a second press after a lost answer makes no second till.
  const [key, setKey] = useState(() => crypto.randomUUID());
  const action = useAction();
  const submit = (event: Event) => {
    event.preventDefault();
    if (isTaken) return;
    action.run(async () => {
      onMade(await office.api.createKiosk(name.trim(), key));
      setName('');
      setKey(crypto.randomUUID());
    });
  };
  const rename = (typed: string) => {
    setName(typed);
    setKey(crypto.randomUUID());
  };
  return (
    <Panel title={t('kiosks.add')} lead={t('kiosks.add_text')} testId="new-kiosk">
      <form class="inline-form" onSubmit={submit}>
        <Field
          label={t('kiosks.name')}
          value={name}
          onInput={rename}
          testId="kiosk-name"
          input={{ required: true, minLength: 1, maxLength: 40, autoComplete: 'off' }}
        />
        <Button type="submit" icon="plus" busy={action.busy} disabled={isTaken} testId="kiosk-create">
          {t('kiosks.create')}
        </Button>
      </form>
      {isTaken && (
        <p class="bad-line" role="alert" data-testid="kiosk-name-taken">
          {t('kiosks.name_taken')}
        </p>
      )}
      {action.code !== null && <ErrorNotice code={action.code} />}
    </Panel>
  );
}
