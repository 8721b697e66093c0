/** The calls of the local socket about the radio. Owns the table; the rules are the room's. */
import type { AgentHandlers } from '../../ipc/agent-handlers.ts';
import type { RadioRoom } from './radio-room.ts';

export interface RadioParts {
  readonly radio: RadioRoom;
}

type RadioHandlers = Pick<
  AgentHandlers,
  'radio.joinCode' | 'radio.configure' | 'radio.rotate' | 'radio.selfTest'
>;

export function radioHandlers({ radio }: RadioParts): RadioHandlers {
  return {
    'radio.joinCode': async () => ({ picture: radio.joinPicture() }),
    'radio.configure': async (settings) => {
      radio.configure(settings);
      return {};
    },
    'radio.rotate': async () => {
      radio.rotate();
      return {};
    },
    'radio.selfTest': async () => ({ checks: [...(await radio.selfTest())] }),
  };
}
