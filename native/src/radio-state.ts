// What a shop's machine can do over Wi-Fi Direct, as a closed union: callers
// branch on `state` and `code`, never on a message.

import type { CallOptions } from './radio.ts';

export type RadioState =
  | {
      readonly state: 'unsupported_platform';
      /** addon_missing: Linux, but the addon was not built (no compiler when it was installed). */
      readonly code: 'platform_not_linux' | 'addon_missing';
    }
  | {
      readonly state: 'no_supplicant';
      readonly code:
        | 'control_socket_missing'
        | 'control_socket_refused'
        | 'permission_denied'
        | 'supplicant_silent'
        /** It answers, but not as a wpa_supplicant does. */
        | 'supplicant_not_understood';
    }
  | {
      readonly state: 'no_p2p_radio';
      /** driver_without_p2p: the hardware or its driver cannot; p2p_not_active: it can, the supplicant does not. */
      readonly code: 'driver_without_p2p' | 'p2p_not_active';
      readonly interfaceName: string;
    }
  | {
      readonly state: 'blocked_by_rfkill';
      /** soft: software can lift it (rfkill unblock wlan); hard: a switch on the machine. */
      readonly code: 'rfkill_soft' | 'rfkill_hard';
      readonly interfaceName: string;
    }
  | {
      readonly state: 'ready';
      readonly interfaceName: string;
      /** The radio's address as a Wi-Fi Direct device, such as 02:00:00:00:00:00. */
      readonly p2pDeviceAddress: string;
    };

export interface WifiDirect {
  /**
   * Asks the machine afresh: resolves within a few time-outs and never rejects for the state of the
   * radio, the supplicant or the permissions; only with `aborted`. Changes nothing on the radio.
   */
  probe(options?: CallOptions): Promise<RadioState>;
}
