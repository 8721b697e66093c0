/** How a state of the radio is coloured: nothing about it is ever red, because QR codes always work. */
import type { RadioState } from '../../ipc/radio-contract.ts';
import type { Tone } from '../look/panel.tsx';

export function radioTone(state: RadioState): Tone {
  switch (state) {
    case 'up':
      return 'good';
    case 'blocked_by_rfkill':
    case 'rebuilding':
    case 'radio_busy':
    case 'not_permitted':
    case 'program_missing':
    case 'port_taken':
    case 'failing':
      return 'warn';
    case 'ready':
    case 'checking':
    case 'starting':
    case 'unsupported_platform':
    case 'no_radio':
    case 'no_supplicant':
    case 'no_p2p_radio':
      return 'calm';
  }
}
