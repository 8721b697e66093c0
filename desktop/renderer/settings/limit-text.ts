/** How limits are written and typed: money in the shop's currency, hours for time, plain numbers else. Pure but the hook. */
import { currencyExponent } from '@tikiwallet/protocol';
import type { LimitLine, LimitName } from '../../ipc/agent-contract.ts';
import { useAgent } from '../agent/connection.ts';
import { useLanguage } from '../language/use-language.ts';

const HOUR_SECONDS = 3_600n;

function isMoney(name: LimitName): boolean {
  return name.endsWith('Minor');
}

/** A limit's value in words; "not set" for null. */
export function useLimitText(): (name: LimitName, value: string | null) => string {
  const { state } = useAgent();
  const { t, money, count } = useLanguage();
  const currency = state.kiosk?.currency ?? 'USD';
  return (name, value) => {
    if (value === null) return t('limits.none');
    if (isMoney(name)) return money(value, currency);
    if (name === 'maxOfflineSeconds')
      return t('limits.hours', { count: count(Number(BigInt(value) / HOUR_SECONDS)) });
    return count(Number(value));
  };
}

/** What is limited; the issuer's window with its number, rounded up to whole minutes. */
export function useLimitName(): (line: Pick<LimitLine, 'name' | 'windowSeconds'>) => string {
  const { t, count } = useLanguage();
  return ({ name, windowSeconds }) =>
    t(`limits.name.${name}`, { minutes: count(Math.ceil((windowSeconds ?? 0) / 60)) });
}

const OF_THE_TILL: readonly LimitName[] = [
  'perPaymentMinor',
  'storedSumMinor',
  'storedCount',
  'maxOfflineSeconds',
];

/** What bounds the till, and what bounds one customer. */
export function limitGroups(
  lines: readonly LimitLine[],
): readonly { readonly title: 'limits.thisTill' | 'limits.perCustomer'; readonly members: LimitLine[] }[] {
  const isOfTill = ({ name }: LimitLine) => OF_THE_TILL.includes(name);
  return [
    { title: 'limits.thisTill', members: lines.filter(isOfTill) },
    { title: 'limits.perCustomer', members: lines.filter((line) => !isOfTill(line)) },
  ];
}

/** What is typed (minor units, hours or a number, as digits) as the value that the agent keeps. */
export function valueOfDigits(name: LimitName, digits: string): string {
  const typed = BigInt(digits);
  return (name === 'maxOfflineSeconds' ? typed * HOUR_SECONDS : typed).toString();
}

/** `00` or `000` for money with cents or without; a plain zero for numbers. */
export function zerosOf(name: LimitName, currency: string): '00' | '000' {
  return isMoney(name) && currencyExponent(currency) === 0 ? '000' : '00';
}
