/** Somebody, by the whole number, shown masked; suspended, let in again, or signed out everywhere, each with a reason. */
import type { OperatorUserView } from '@tikiwallet/server/contract';
import { Bdi, Button, dateTime, ErrorNotice, Row, useAction } from '@tikiwallet/wallet/look';
import { useState } from 'preact/hooks';
import { type Key, t } from '../i18n/words.ts';
import { useOffice } from '../office.ts';
import { PhoneField } from '../parts/phone-field.tsx';
import { Area, Chip, Panel, Sum } from '../parts/pieces.tsx';
import { Reasoned } from '../parts/reasoned.tsx';

export function People() {
  const { office } = useOffice();
  const [phone, setPhone] = useState('');
  const [person, setPerson] = useState<OperatorUserView | null>(null);
  const action = useAction();
  const submit = (event: Event) => {
    event.preventDefault();
    setPerson(null);
    action.run(async () => setPerson(await office.api.operator.findUser(phone.trim())));
  };
  return (
    <Area title={t('people.title')} testId="people">
      <Panel lead={t('people.lead')}>
        <form class="inline-form" onSubmit={submit}>
          <PhoneField value={phone} onInput={setPhone} testId="find-phone" />
          <Button type="submit" busy={action.busy} testId="find-submit">
            {t('people.find')}
          </Button>
        </form>
        {action.code !== null && <ErrorNotice code={action.code} />}
      </Panel>
      {person !== null && <Person person={person} onChange={setPerson} />}
    </Area>
  );
}

type Act = 'suspend' | 'restore' | 'end-sessions';
const WORDS: Readonly<Record<Act, { readonly title: Key; readonly text: Key }>> = {
  suspend: { title: 'people.suspend', text: 'people.suspend_text' },
  restore: { title: 'people.restore', text: 'people.restore_text' },
  'end-sessions': { title: 'people.end_sessions', text: 'people.end_sessions_text' },
};
const ROLES: Readonly<Record<OperatorUserView['role'], Key>> = {
  customer: 'people.customer',
  merchant: 'people.merchant',
  operator: 'operator.title',
};

function Person({
  person,
  onChange,
}: {
  person: OperatorUserView;
  onChange: (person: OperatorUserView) => void;
}) {
  const { office } = useOffice();
  const [act, setAct] = useState<Act | null>(null);
  const { suspension } = person;
  return (
    <article class="card" data-testid="person" data-suspended={suspension !== null}>
      <header>
        <h2>
          <bdi>{person.maskedName}</bdi> <Bdi class="whole">{person.maskedPhone}</Bdi>
        </h2>
        <Chip tone={suspension === null ? 'ok' : 'bad'}>
          {suspension === null ? t('people.active') : t('people.suspended')}
        </Chip>
      </header>
      <dl class="rows">
        <Row label={t('people.role')}>{t(ROLES[person.role])}</Row>
        {person.businessName !== null && (
          <Row label={t('people.business')}>
            <bdi>{person.businessName}</bdi>
          </Row>
        )}
        <Row label={t('people.since')}>{dateTime(Date.parse(person.createdAt))}</Row>
        <Row label={t('people.sessions')}>{person.openSessionCount}</Row>
        <Row label={t('people.debt')}>
          <Sum minor={person.openDebtMinor} currency={person.currency} />
        </Row>
        {suspension !== null && (
          <Row label={t('people.suspended_since', { when: dateTime(Date.parse(suspension.since)) })}>
            <bdi>{suspension.reason}</bdi>
          </Row>
        )}
      </dl>
      <div class="button-row">
        {suspension === null ? (
          <Button kind="plain" icon="lock" testId="suspend" onClick={() => setAct('suspend')}>
            {t('people.suspend')}
          </Button>
        ) : (
          <Button kind="plain" icon="check" testId="restore" onClick={() => setAct('restore')}>
            {t('people.restore')}
          </Button>
        )}
        <Button kind="plain" testId="end-sessions" onClick={() => setAct('end-sessions')}>
          {t('people.end_sessions')}
        </Button>
      </div>
      {act !== null && (
        <Reasoned
          title={t(WORDS[act].title)}
          text={t(WORDS[act].text)}
          yes={t(WORDS[act].title)}
          onLeave={() => setAct(null)}
          onAct={async (reason) => onChange(await office.api.operator.actOnUser(person.id, act, reason))}
        />
      )}
    </article>
  );
}
