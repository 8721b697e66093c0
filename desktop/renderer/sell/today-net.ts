/** What the day brought: what was sold less what was given back. Below nothing where more went back than came in. */
import type { AgentState } from '../../ipc/agent-contract.ts';

export function netOf({ sumMinor, refundedMinor }: AgentState['today']): string {
  return (BigInt(sumMinor) - BigInt(refundedMinor)).toString();
}
