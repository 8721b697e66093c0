/**
 * `npm run bound -- [TILLS]`: what one copied phone can cost under the configured limits, in the worst case. Reads
 * the settings and computes; asks no database.
 */
import { kiosksThatAccept, lossBound, mostAtOneKiosk } from '@tikiwallet/protocol';
import { type Config, readConfig } from '../config.ts';
import { formatMinor } from '../ledger/print.ts';

const USUAL_KIOSKS = 10;
const TILLS_OF_A_MERCHANT = 3;
const HOUR = 3600;

type BoundSettings = Pick<Config, 'currency' | 'offline'>;

interface Exposure {
  /** A: what the reserve holds. */
  readonly capMinor: bigint;
  /** c: what one kiosk accepts of it. */
  readonly mostMinor: bigint;
  readonly lossMinor: bigint;
  /** The same where only the tills of one merchant accept it. */
  readonly lossAtMerchantMinor: bigint;
}

function exposureOf({ offline }: BoundSettings, kiosks: number) {
  const { kiosk, allowance } = offline;
  const perPaymentMinor =
    allowance.perPaymentMinor < kiosk.perPaymentMinor ? allowance.perPaymentMinor : kiosk.perPaymentMinor;
  const of = (capMinor: bigint, count: number): Exposure => {
    const limits = {
      capMinor,
      perPaymentMinor,
      hardCounterLimit: allowance.hardCounterLimit * count,
      storedSumMinor: kiosk.storedSumMinor,
      // Several allowances of one phone: the limit counts each by itself.
      perAllowanceMinor: kiosk.perAllowanceMinor * BigInt(count),
    };
    const ofMerchant = kiosksThatAccept('merchant', { all: kiosks, ofMerchant: TILLS_OF_A_MERCHANT });
    return {
      capMinor,
      mostMinor: mostAtOneKiosk(limits),
      lossMinor: lossBound({ ...limits, kiosks }),
      lossAtMerchantMinor: lossBound({ ...limits, kiosks: ofMerchant }),
    };
  };
  const allTogether = allowance.maxMinor * BigInt(allowance.maxActive);
  const held = allTogether < allowance.maxOutstandingMinor ? allTogether : allowance.maxOutstandingMinor;
  return { perPaymentMinor, one: of(allowance.maxMinor, 1), whole: of(held, allowance.maxActive) };
}

/** What the guarantee fund pays when all kiosks are one merchant's, and when each is another's. */
function coverOf(exposure: Exposure, kiosks: number, limits: BoundSettings['offline']) {
  const { capMinor, mostMinor, lossMinor } = exposure;
  const { guaranteeMonthMinor: monthMinor, guaranteeAllMonthMinor: allMinor } = limits;
  const least = (a: bigint, b: bigint) => (a < b ? a : b);
  // The reserve pays whoever settles first. The fund pays the rest, per merchant and payment; payments are small.
  const atOne = least(lossMinor, least(monthMinor, allMinor));
  const full = mostMinor === 0n ? 0n : capMinor / mostMinor;
  const unpaid = BigInt(kiosks) - full;
  const apart = least(least(lossMinor, allMinor), (unpaid > 0n ? unpaid : 0n) * least(mostMinor, monthMinor));
  return { atOne, apart };
}

/** The answer in lines. @param kiosks Kiosks that neither talk to each other nor settle meanwhile: M. */
export function describeBound(settings: BoundSettings, kiosks: number): string {
  const { currency, offline } = settings;
  const money = (minor: bigint) => `${formatMinor(minor, currency)} ${currency}`;
  const { perPaymentMinor, one, whole } = exposureOf(settings, kiosks);
  const { kiosk, allowance, guaranteeMonthMinor, guaranteeAllMonthMinor } = offline;
  const hours = (seconds: number) => `${Math.round(seconds / HOUR)} h`;
  const byPayments = perPaymentMinor * BigInt(allowance.hardCounterLimit);
  const formula =
    one.mostMinor === one.capMinor
      ? `No limit of a till is below the allowance: c = A, and the bound is (M - 1) x A.`
      : `The limits of a till are below the allowance: c < A.`;
  const cover = coverOf(whole, kiosks, offline);
  return [
    `One copied phone at ${kiosks} tills that share nothing can cost at most ${money(whole.lossMinor)}.`,
    '',
    'Bound: max(0, M x min(A, c) - A), protocol/spec/10-double-spend.md',
    `  M  tills without news of each other    ${kiosks}`,
    `  A  one allowance at most               ${money(one.capMinor)}`,
    `  c  one till takes of it at most        ${money(one.mostMinor)}`,
    `     by its payments                     ${allowance.hardCounterLimit} x ${money(perPaymentMinor)} = ${money(byPayments)}`,
    `     by what it may hold unsettled       ${money(kiosk.storedSumMinor)}`,
    `     by what it takes of one allowance   ${money(kiosk.perAllowanceMinor)}`,
    `  ${formula}`,
    '',
    `One allowance:  ${money(one.lossMinor)}`,
    `  locked to a merchant with ${TILLS_OF_A_MERCHANT} tills  ${money(one.lossAtMerchantMinor)}`,
    `  locked to one till                 ${money(0n)}, because nobody else accepts it`,
    `All of a phone: ${money(whole.lossMinor)} (up to ${allowance.maxActive} allowances, ${money(whole.capMinor)} in all)`,
    '',
    'How long it can go on',
    `  an allowance is accepted for            ${hours(allowance.lifetimeSeconds)}`,
    `  a till without news accepts for         ${hours(kiosk.maxOfflineSeconds)} at most`,
    `  the reserve waits for claims until      ${hours(allowance.claimWindowSeconds)} after the allowance's end; where nobody`,
    `  settles before, it has returned: then the loss is M x min(A, c), ${money(BigInt(kiosks) * whole.mostMinor)}`,
    `  it ends where the first two contradicting payments settle: the phone is denied.`,
    '',
    `The guarantee fund pays ${money(guaranteeMonthMinor)} to one merchant in a month at most, ${money(guaranteeAllMonthMinor)} to all.`,
    'Of the loss it covers at most',
    `  when each till is another merchant's    ${money(cover.apart)}, uncovered ${money(whole.lossMinor - cover.apart)}`,
    `  when all are one merchant's             ${money(cover.atOne)}, uncovered ${money(whole.lossMinor - cover.atOne)}`,
    'What the fund pays is a debt of the account; what nobody pays is disputed.',
  ].join('\n');
}

function main([text = String(USUAL_KIOSKS), ...more]: readonly string[]): number {
  if (!/^[1-9][0-9]{0,5}$/.test(text) || more.length > 0) {
    console.error('usage: npm run bound -- [TILLS]    (how many share nothing; 10 if not said)');
    return 2;
  }
  console.log(describeBound(readConfig(process.env), Number(text)));
  return 0;
}

if (import.meta.main) process.exitCode = main(process.argv.slice(2));
