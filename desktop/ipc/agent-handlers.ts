/** What derives from `agentCalls` for those who answer calls: types and the table of schemas, and nothing that needs Node. */
import type { z } from 'zod';
import { type AgentCallName, agentCalls, type AgentCalls, type AgentResult } from './agent-contract.ts';

/** What a handler receives: the parameters after validation. */
export type CheckedParams<N extends AgentCallName> = z.output<AgentCalls[N]['params']>;
type CallTable = {
  [N in AgentCallName]: { params: z.ZodType<CheckedParams<N>>; result: z.ZodType<AgentResult<N>> };
};
/** The same object as `agentCalls`, typed so that a generic call name keeps its parameters and its result together. */
export const callTable: CallTable = agentCalls;

/** Every call but `agent.hello`, which the server answers by itself. */
export type ServedCall = Exclude<AgentCallName, 'agent.hello'>;
/** What the agent implements. Refuse a call by throwing an `IpcError`. */
export type AgentHandlers = {
  [N in ServedCall]: (params: CheckedParams<N>) => Promise<z.input<AgentCalls[N]['result']>>;
};
