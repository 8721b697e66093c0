/**
 * What did not go as it should, for whoever looks at it: double spends with both signed halves in a file that anybody can check, and what
 * customers' receipts brought for tills that are lost.
 */
import type { DoubleSpendView, MerchantClaimView } from '@tikiwallet/server/contract';
import { Bdi, Button, ErrorNotice, shortWhen, useAction } from '@tikiwallet/wallet/look';
import type { ComponentChildren } from 'preact';
import { type Key, t } from '../i18n/words.ts';
import type { Pages } from './load.tsx';
import { Chip, PagedList, Sum, type Tone } from './pieces.tsx';
import { SALE_STATES } from './sale-states.ts';

/** Proven double spends; `draw` because an operator judges them. */
export function DoubleSpends<T extends DoubleSpendView>({
  pages,
  draw,
  none,
}: {
  pages: Pages<T>;
  draw: (found: T) => ComponentChildren;
  none: string;
}) {
  return (
    <section class="stack">
      <h2>{t('cases.double_spends')}</h2>
      <p class="muted">{t('cases.double_spends_text')}</p>
      <PagedList
        pages={pages}
        keyOf={({ id }) => id}
        draw={draw}
        empty={{ icon: 'check', title: t('cases.none'), text: none }}
        testId="case-list"
      />
    </section>
  );
}

export function Claims({ pages }: { pages: Pages<MerchantClaimView> }) {
  return (
    <section class="stack">
      <h2>{t('cases.claims')}</h2>
      <p class="muted">{t('cases.claims_text')}</p>
      <PagedList
        pages={pages}
        keyOf={({ paymentHash }) => paymentHash}
        draw={(claim) => <ClaimLine claim={claim} />}
        empty={{ icon: 'phone', title: t('cases.no_claims'), text: t('cases.no_claims_text') }}
        testId="claim-list"
      />
    </section>
  );
}

/** The address of a case's proof, and the name of its file. */
export function proofFile(
  view: 'merchant' | 'operator',
  caseId: string,
): readonly [path: string, name: string] {
  return [`/v1/${view}/double-spends/${caseId}/proof`, `double-spend-${caseId.slice(0, 8)}.cbor`];
}

const RULES: Readonly<Record<DoubleSpendView['rule'], Key>> = {
  same_counter: 'cases.rule_counter',
  cumulative_sum: 'cases.rule_sum',
  closing_statement: 'cases.rule_closing',
};

/** The merchant's and the operator's differ in which payments they are told, and in where the proof is. */
export function CaseLine({ found, onProof }: { found: DoubleSpendView; onProof: () => Promise<void> }) {
  const action = useAction();
  return (
    <div class="line" data-testid="case">
      <span class="line-main">
        <span class="line-title">{t(RULES[found.rule])}</span>
        <span class="line-note">
          {shortWhen(Date.parse(found.foundAt), Date.now())} · <Bdi class="whole">{found.maskedPhone}</Bdi> ·{' '}
          {t('cases.allowance')} <Sum minor={found.capMinor} currency={found.currency} />
        </span>
        <ul class="halves">
          {found.payments.map((payment) => (
            <li key={payment.paymentHash}>
              <Bdi class="code">{payment.paymentHash.slice(0, 16)}</Bdi>
              <Sum minor={payment.amountMinor} currency={found.currency} />
              <Chip tone={SALE_STATES[payment.outcome].tone}>{t(SALE_STATES[payment.outcome].name)}</Chip>
            </li>
          ))}
        </ul>
      </span>
      {action.code !== null && <ErrorNotice code={action.code} />}
      <span class="line-actions">
        <Button
          kind="plain"
          icon="down"
          busy={action.busy}
          onClick={() => action.run(onProof)}
          testId="proof"
        >
          {t('cases.proof')}
        </Button>
        <details class="disclosure">
          <summary>{t('cases.how')}</summary>
          <p>{t('cases.how_text')}</p>
          <p>
            <Bdi class="code">
              npx tikiwallet verify-fork double-spend-{found.id.slice(0, 8)}.cbor --root KEY
            </Bdi>
          </p>
        </details>
      </span>
    </div>
  );
}

const CLAIM_STATES: Readonly<
  Record<MerchantClaimView['state'], { readonly tone: Tone; readonly name: Key }>
> = {
  paid: { tone: 'ok', name: 'cases.claim_paid' },
  not_covered: { tone: 'warn', name: 'cases.claim_not_covered' },
  refused: { tone: 'bad', name: 'cases.claim_refused' },
};

function ClaimLine({ claim }: { claim: MerchantClaimView }) {
  const { tone, name } = CLAIM_STATES[claim.state];
  return (
    <div class="line" data-testid="claim">
      <span class="line-main">
        <span class="line-title">
          {t('sales.receipt', { number: claim.sequence })} · <bdi>{claim.kioskName}</bdi>
        </span>
        <span class="line-note">
          {shortWhen(Date.parse(claim.claimedAt), Date.now())} · <Bdi class="whole">{claim.maskedPhone}</Bdi>
        </span>
        {claim.contradictsJournal && <span class="bad-line">{t('cases.contradicts')}</span>}
      </span>
      <span class="line-end">
        <span class="line-amount">
          <Sum minor={claim.amountMinor} currency={claim.currency} />
        </span>
        <Chip tone={tone}>{t(name)}</Chip>
      </span>
    </div>
  );
}
