/** A settlement state in words, with its own icon and tone. */
import type { ReactElement } from 'react';
import type { SettlementState } from '../../ipc/agent-contract.ts';
import { useLanguage } from '../language/use-language.ts';
import type { IconName } from '../look/icons.tsx';
import { StateWord, type Tone } from '../look/panel.tsx';

const looks: Record<SettlementState, { tone: Tone; icon: IconName }> = {
  on_this_device: { tone: 'warn', icon: 'clock' },
  sent: { tone: 'calm', icon: 'upload' },
  settled: { tone: 'good', icon: 'checkDouble' },
  settled_by_guarantee: { tone: 'good', icon: 'shield' },
  refused: { tone: 'bad', icon: 'stop' },
  disputed: { tone: 'bad', icon: 'alert' },
};

export function SettlementWord({ state }: { state: SettlementState }): ReactElement {
  const { t } = useLanguage();
  return (
    <StateWord {...looks[state]} testId="activity-state">
      {t(`settlement.${state}`)}
    </StateWord>
  );
}
