/** The agent's entry. */
import { runAgent } from './run-agent.ts';

await runAgent();
