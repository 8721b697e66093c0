/** The shop's own cases: who spent the same money twice at its tills, and what receipts brought for tills that are lost. */
import { t } from '../i18n/words.ts';
import { useOffice } from '../office.ts';
import { CaseLine, Claims, DoubleSpends, proofFile } from '../parts/case-lists.tsx';
import { isThere, usePages } from '../parts/load.tsx';
import { Area } from '../parts/pieces.tsx';

export function Cases() {
  const { office } = useOffice();
  const cases = usePages('double-spends', (cursor) => office.api.doubleSpends(cursor));
  const claims = usePages('claims', (cursor) => office.api.claims(cursor));
  return (
    <Area title={t('cases.title')} testId="cases">
      <DoubleSpends
        pages={cases}
        draw={(found) => (
          <CaseLine found={found} onProof={() => office.save(...proofFile('merchant', found.id))} />
        )}
        none={t('cases.none_text')}
      />
      {isThere(cases) && <Claims pages={claims} />}
    </Area>
  );
}
