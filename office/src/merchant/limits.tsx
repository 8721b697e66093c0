/** What the merchant wants of all tills: amounts, numbers and hours, each below the service's own or not set. */
import { Amount } from '@tikiwallet/protocol';
import type { LimitName, MerchantLimitsView } from '@tikiwallet/server/contract';
import {
  Button,
  dateTime,
  ErrorNotice,
  Field,
  money,
  Notice,
  parseTyped,
  useAction,
} from '@tikiwallet/wallet/look';
import { useState } from 'preact/hooks';
import { type Key, t } from '../i18n/words.ts';
import { useOffice } from '../office.ts';
import { grouped } from '../parts/figures.ts';
import { Shown, useLoad } from '../parts/load.tsx';
import { Area, Panel } from '../parts/pieces.tsx';

const HOUR_SECONDS = 3_600n;
type Unit = 'money' | 'count' | 'hours';
interface LimitField {
  readonly name: LimitName;
  readonly unit: Unit;
  readonly label: Key;
}

const OF_A_TILL: readonly LimitField[] = [
  { name: 'perPaymentMinor', unit: 'money', label: 'limits.per_payment' },
  { name: 'storedSumMinor', unit: 'money', label: 'limits.stored_sum' },
  { name: 'storedCount', unit: 'count', label: 'limits.stored_count' },
  { name: 'maxOfflineSeconds', unit: 'hours', label: 'limits.max_offline' },
];
const OF_A_CUSTOMER: readonly LimitField[] = [
  { name: 'perAllowanceMinor', unit: 'money', label: 'limits.per_allowance' },
  { name: 'firstPaymentMinor', unit: 'money', label: 'limits.first_payment' },
  { name: 'newStandingMinor', unit: 'money', label: 'limits.new_standing' },
  { name: 'splitSumMinor', unit: 'money', label: 'limits.split_sum' },
  { name: 'splitCount', unit: 'count', label: 'limits.split_count' },
  { name: 'hourSumMinor', unit: 'money', label: 'limits.hour_sum' },
  { name: 'hourCount', unit: 'count', label: 'limits.hour_count' },
  { name: 'daySumMinor', unit: 'money', label: 'limits.day_sum' },
  { name: 'dayCount', unit: 'count', label: 'limits.day_count' },
];

export function Limits() {
  const { office } = useOffice();
  const limits = useLoad('limits', () => office.api.limits());
  // Of this page, not of the form: what was saved has a new version, and with it a new form.
  const [savedVersion, setSavedVersion] = useState<number | null>(null);
  return (
    <Area title={t('limits.title')} testId="limits">
      <p class="muted">{t('limits.lead')}</p>
      <Shown of={limits} lines={8}>
        {(view) => (
          <LimitForm
            key={view.version}
            view={view}
            isSaved={view.version === savedVersion}
            onSet={(set) => {
              setSavedVersion(set.version);
              limits.set(set);
            }}
            onStale={limits.reload}
          />
        )}
      </Shown>
    </Area>
  );
}

type Typed = Readonly<Partial<Record<LimitName, string>>>;

/** The service's own limit, as people read it. */
function serviceText({ name, unit }: LimitField, { service, currency }: MerchantLimitsView): string | null {
  const value = service[name];
  if (value === undefined) return null;
  if (unit === 'money') return money(value, currency);
  if (unit === 'count') return grouped(Number(value));
  return `${(BigInt(value) / HOUR_SECONDS).toString()} ${t('limits.hours')}`;
}

function textOf({ name, unit }: LimitField, view: MerchantLimitsView): string {
  const value = view.limits[name];
  if (value === undefined) return '';
  if (unit === 'money') return Amount.of(BigInt(value), view.currency).toDecimal();
  return unit === 'hours' ? (BigInt(value) / HOUR_SECONDS).toString() : value;
}

/** Undefined: not limited. Null: cannot be read. */
function valueOf({ unit }: LimitField, text: string, currency: string): string | undefined | null {
  const typed = text.trim();
  if (typed === '') return undefined;
  if (unit === 'money') return parseTyped(typed, currency)?.minor.toString() ?? null;
  if (!/^[1-9][0-9]{0,6}$/.test(typed)) return null;
  return unit === 'hours' ? (BigInt(typed) * HOUR_SECONDS).toString() : typed;
}

/** Then the service's counts, and this one does nothing. */
function isAbove(value: string | undefined | null, service: string | undefined): boolean {
  if (value === undefined || value === null || service === undefined) return false;
  return BigInt(value) > BigInt(service);
}

/** A figure keeps its own direction inside a sentence. */
const isolated = (text: string) => `\u2068${text}\u2069`;

function LimitForm({
  view,
  isSaved,
  onSet,
  onStale,
}: {
  view: MerchantLimitsView;
  isSaved: boolean;
  onSet: (view: MerchantLimitsView) => void;
  onStale: () => void;
}) {
  const { office } = useOffice();
  const all = [...OF_A_TILL, ...OF_A_CUSTOMER];
  const [typed, setTyped] = useState<Typed>(() =>
    Object.fromEntries(all.map((field) => [field.name, textOf(field, view)])),
  );
  const action = useAction();
  const values = all.map((field) => ({
    field,
    value: valueOf(field, typed[field.name] ?? '', view.currency),
  }));
  const isReadable = values.every(({ value }) => value !== null);
  const isChanged = values.some(({ field, value }) => value !== view.limits[field.name]);
  const submit = (event: Event) => {
    event.preventDefault();
    action.run(async () => {
      const limits = Object.fromEntries(
        values.flatMap(({ field, value }) =>
          value === undefined || value === null ? [] : [[field.name, value]],
        ),
      );
      onSet(await office.api.setLimits({ basedOn: view.version, limits }));
    });
  };
  const group = (title: Key, fields: readonly LimitField[]) => (
    <Panel title={t(title)}>
      <div class="field-grid">
        {fields.map((field) => {
          const value = valueOf(field, typed[field.name] ?? '', view.currency);
          const service = serviceText(field, view);
          const isIdle = isAbove(value, view.service[field.name]);
          return (
            <Field
              key={field.name}
              label={t(field.label, { minutes: grouped(Math.ceil(view.splitWindowSeconds / 60)) })}
              value={typed[field.name] ?? ''}
              onInput={(text) => setTyped((before) => ({ ...before, [field.name]: text }))}
              problem={
                value === null
                  ? t(field.unit === 'money' ? 'error.amount_not_understood' : 'limits.whole')
                  : null
              }
              hint={
                service === null
                  ? undefined
                  : t(isIdle ? 'limits.above_service' : 'limits.service', { value: isolated(service) })
              }
              testId={`limit-${field.name}`}
              input={{
                inputMode: field.unit === 'money' ? 'decimal' : 'numeric',
                placeholder: t('limits.none'),
                autoComplete: 'off',
                maxLength: 16,
              }}
              suffix={
                field.unit === 'count' ? undefined : (
                  <span class="amount-currency">
                    {field.unit === 'money' ? view.currency : t('limits.hours')}
                  </span>
                )
              }
            />
          );
        })}
      </div>
    </Panel>
  );
  return (
    <form class="stack limit-form" onSubmit={submit}>
      {group('limits.of_till', OF_A_TILL)}
      {group('limits.of_customer', OF_A_CUSTOMER)}
      {action.code !== null && (
        <ErrorNotice code={action.code}>
          {action.code === 'limits_changed' && (
            <Button kind="plain" onClick={onStale}>
              {t('office.look_again')}
            </Button>
          )}
        </ErrorNotice>
      )}
      {isSaved && !isChanged && (
        <Notice tone="ok" icon="check" role="status" testId="limits-saved">
          <p>{t('limits.saved')}</p>
        </Notice>
      )}
      <div class="button-row">
        <Button type="submit" busy={action.busy} disabled={!isReadable || !isChanged} testId="limits-save">
          {t('limits.save')}
        </Button>
      </div>
      {view.setAt !== null && (
        <p class="muted">{t('limits.set_at', { when: dateTime(Date.parse(view.setAt)) })}</p>
      )}
    </form>
  );
}
