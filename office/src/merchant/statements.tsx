/** The balance of a day or of a month as a file for the books. */
import { Button, ErrorNotice, Field, useAction } from '@tikiwallet/wallet/look';
import type { ComponentChildren } from 'preact';
import { useState } from 'preact/hooks';
import { t } from '../i18n/words.ts';
import { useOffice } from '../office.ts';
import { dayLabel, monthLabel, monthsBefore } from '../parts/days.ts';
import { Shown, useLoad } from '../parts/load.tsx';
import { Area, Panel, SelectField } from '../parts/pieces.tsx';

/** As far back as a list is still looked through; a day can be any. */
const MONTHS_LISTED = 24;

export function Statements() {
  const { office } = useOffice();
  // The shop's days are the cloud's, not those of this browser.
  const today = useLoad('today', async () => (await office.api.salesDays(1)).days.at(-1)?.day ?? '');
  return (
    <Area title={t('statements.title')} testId="statements">
      <p class="muted">{t('statements.lead')}</p>
      <Shown of={today} lines={4}>
        {(day) => (
          <div class="two-panels">
            <OfADay today={day} />
            <OfAMonth today={day} />
          </div>
        )}
      </Shown>
    </Area>
  );
}

function OfADay({ today }: { today: string }) {
  const [day, setDay] = useState(today);
  return (
    <Panel title={t('statements.day')} lead={t('statements.day_text', { day: dayLabel(today) })}>
      <Download query={`day=${day}`} period={day} testId="statement-day">
        <Field
          label={t('sales.day')}
          value={day}
          onInput={setDay}
          testId="statement-date"
          input={{ type: 'date', required: true, max: today, dir: 'ltr' }}
        />
      </Download>
    </Panel>
  );
}

function OfAMonth({ today }: { today: string }) {
  const months = monthsBefore(today, MONTHS_LISTED);
  const [month, setMonth] = useState(today.slice(0, 7));
  return (
    <Panel title={t('statements.month')} lead={t('statements.month_text')}>
      <Download query={`month=${month}`} period={month} testId="statement-month">
        <SelectField
          label={t('statements.month_name')}
          value={month}
          onChange={setMonth}
          testId="statement-months"
          options={months.map((one) => ({ value: one, text: monthLabel(one) }))}
        />
      </Download>
    </Panel>
  );
}

function Download({
  query,
  period,
  testId,
  children,
}: {
  query: string;
  period: string;
  testId: string;
  children: ComponentChildren;
}) {
  const { office } = useOffice();
  const action = useAction();
  const submit = (event: Event) => {
    event.preventDefault();
    action.run(() => office.save(`/v1/statement?${query}`, `tikiwallet-${period}.csv`));
  };
  return (
    <form class="stack" onSubmit={submit}>
      {children}
      {action.code !== null && <ErrorNotice code={action.code} />}
      <Button type="submit" kind="plain" icon="down" busy={action.busy} testId={testId}>
        {t('statements.download')}
      </Button>
    </form>
  );
}
