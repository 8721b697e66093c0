import type { AgentClient } from '@tikiwallet/desktop/agent-client';
import { expect, test } from 'vitest';
import { startedPhase } from './demo-data.ts';

type Listener = Parameters<AgentClient['onState']>[0];
type State = Parameters<Listener>[0];

/** What an agent says from its first moment on. */
function agentThatSays(...phases: readonly State['phase'][]) {
  let isHeard = false;
  return {
    onState(listener: Listener) {
      isHeard = true;
      for (const phase of phases) setImmediate(() => listener(stateIn(phase)));
      return () => {
        isHeard = false;
      };
    },
    get isHeard() {
      return isHeard;
    },
  };
}

function stateIn(phase: State['phase']): State {
  const state: State = JSON.parse(JSON.stringify({ phase }));
  return state;
}

test('the demo till is set up when the agent has started, however long it starts, and not before', async () => {
  const agent = agentThatSays('starting', 'starting', 'not_enrolled');
  expect(await startedPhase(agent)).toBe('not_enrolled');
  expect(agent.isHeard).toBe(false);
  expect(await startedPhase(agentThatSays('starting', 'ready'))).toBe('ready');
});

test('an agent that does not start is said', async () => {
  const agent = agentThatSays('starting');
  await expect(startedPhase(agent, 20)).rejects.toThrow('has not started within 0.02 s');
  expect(agent.isHeard).toBe(false);
});
