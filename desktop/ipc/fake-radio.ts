/** The radio of the fake agent: any state that a test or a hand at the controls wishes, and no radio at all. */
import type { AgentState } from './agent-contract.ts';
import type { AgentHandlers } from './agent-handlers.ts';
import { type Radio, RADIO_CHECKS, type RadioCheck, type RadioState } from './radio-contract.ts';

/** Lets a camera read `WIFI:T:WPA;S:DIRECT-q7-Warung-Sari;P:not-a-real-passphrase;;`. */
const PICTURE = [
  'data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAUgAAAFIAQAAAAAab1qeAAABeUlEQVR4nO3XS47DMAwDUN7/0hpkLN',
  'JyirZSuqUL9OeXLGyBVhDdAUtLS0vLu8Qa15co3+qM5URyaQlFESey7ElNXx/XzxSasXwkV+2G5i1/lilKaVuOJT2LF1nN7zLE8q',
  'MEA/bl9eaMs/wkNaDqVdqWOcumxC5jMAsyJGD5QLJa8+D6zwSa15q3/CIjuO6rByjudnJZtiSoWcJZ1AVajqQSgZuwy/m28pZf5W',
  'acwZG7YTmToVXOBykdZTslLNvy0Kxg9q6ot7NsSbZRAA9+YHPLoYSueHmigvbGsi1XvO5MqKEARoPlRCaAeimeWHtXLPsSa/HrVt',
  'wOLsuBzAYK5ULmreVcSvFPcBvunYBlRzJRtQu7H0Biy4HMyThb04Qlci17kqOUdexiZuJadqUWGOr+l2K3ajmTUeuZq69Hqrryli',
  '1Z2lPwD+jByvKZVBrwqhoclmOZkLbcwXIm852nVrau0LFlOZJHBJTiRRw3suzJ1rC0tLS0rOMP+3wN7ROcOF0AAAAASUVORK5CYI',
  'I=',
].join('');

/** Where each state stops the checks, and what is found there. */
const FAULTS: Partial<Record<RadioState, { check: RadioCheck['name']; code: string }>> = {
  unsupported_platform: { check: 'supplicant', code: 'platform_not_linux' },
  no_radio: { check: 'hardware', code: 'no_wifi_radio' },
  no_supplicant: { check: 'supplicant', code: 'control_socket_missing' },
  no_p2p_radio: { check: 'radio', code: 'driver_without_p2p' },
  blocked_by_rfkill: { check: 'switch', code: 'rfkill_soft' },
  program_missing: { check: 'programs', code: 'dnsmasq_program_missing' },
  not_permitted: { check: 'permission', code: 'cap_net_admin_missing' },
  radio_busy: { check: 'group', code: 'group_not_formed' },
  rebuilding: { check: 'group', code: 'supplicant_unreachable' },
  failing: { check: 'group', code: 'radio_failed' },
  port_taken: { check: 'group', code: 'listener_port_taken' },
};

/** A radio that cannot, or that nobody has switched on yet. */
const OFF_STATES: ReadonlySet<RadioState> = new Set([
  'ready',
  'checking',
  'unsupported_platform',
  'no_radio',
  'no_supplicant',
  'no_p2p_radio',
]);

/** As a kiosk shows it that is in this state. */
export function fakeRadio(state: RadioState, names: readonly string[] = []): Radio {
  const isUp = state === 'up';
  const isOn = !OFF_STATES.has(state);
  return {
    state,
    code: FAULTS[state]?.code ?? null,
    settings: { isOn, mode: 'wifi_direct', rotationHours: 12 },
    network: isUp
      ? { ssid: 'DIRECT-q7-Warung-Sari', interfaceName: 'p2p-wlan0-0', frequencyMhz: 2437 }
      : null,
    joinCodeId: isUp ? 1 : null,
    phones: { count: isUp ? Math.max(3, names.length) : 0, names: [...names] },
  };
}

interface FakeRadioOptions {
  readonly state: () => AgentState;
  readonly set: (change: Partial<AgentState>) => void;
}

export class FakeRadio {
  readonly #options: FakeRadioOptions;

  constructor(options: FakeRadioOptions) {
    this.#options = options;
  }

  readonly handlers: Pick<
    AgentHandlers,
    'radio.joinCode' | 'radio.configure' | 'radio.rotate' | 'radio.selfTest'
  > = {
    'radio.joinCode': async () => ({ picture: this.#radio.joinCodeId === null ? null : PICTURE }),
    'radio.configure': async (settings) => {
      const state = settings.isOn ? 'up' : 'ready';
      this.#options.set({ radio: { ...fakeRadio(state), settings } });
      return {};
    },
    'radio.rotate': async () => {
      const { joinCodeId } = this.#radio;
      this.#options.set({
        radio: { ...this.#radio, joinCodeId: joinCodeId === null ? null : joinCodeId + 1 },
      });
      return {};
    },
    'radio.selfTest': async () => ({ checks: checksOf(this.#radio) }),
  };

  get #radio(): Radio {
    return this.#options.state().radio;
  }
}

function checksOf({ state }: Radio): RadioCheck[] {
  const fault = FAULTS[state];
  const stop = state === 'up' ? RADIO_CHECKS.length : RADIO_CHECKS.indexOf(fault?.check ?? 'group');
  return RADIO_CHECKS.map((name, at) => ({
    name,
    outcome: at < stop ? 'passed' : at === stop ? 'failed' : 'not_tried',
    code: at === stop ? (fault?.code ?? 'group_not_hosted') : null,
  }));
}
