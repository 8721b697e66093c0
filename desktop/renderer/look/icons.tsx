/** The icons of the screens: one stroke, one grid of 24. Decorative always; the word beside them carries the meaning. */
import type { ReactElement } from 'react';

const paths = {
  sell: 'M4 7h16v12H4zM8 7V5a2 2 0 0 1 2-2h4a2 2 0 0 1 2 2v2M8 12h.01M12 12h.01M16 12h.01M8 15.5h.01M12 15.5h.01M16 15.5h.01',
  activity: 'M5 3h14v18l-2.3-1.5L14.3 21 12 19.5 9.7 21l-2.4-1.5L5 21zM9 8h6M9 12h6',
  status: 'M3 12h4l2.5-7 5 14L17 12h4',
  settings: 'M4 7h9M17 7h3M4 17h3M11 17h9M13 4.5v5M7 14.5v5',
  online: 'M2.5 9a14 14 0 0 1 19 0M5.8 12.6a9.2 9.2 0 0 1 12.4 0M9 16.2a4.5 4.5 0 0 1 6 0M12 19.6h.01',
  offline:
    'M3 3l18 18M8.6 10.8a9 9 0 0 0-2.8 1.8M5.3 7.1A14 14 0 0 0 2.5 9M11 6.1A14 14 0 0 1 21.5 9M15.5 11.2a9 9 0 0 1 2.7 1.4M9 16.2a4.5 4.5 0 0 1 6 0M12 19.6h.01',
  check: 'M4.5 12.5l5 5 10-11',
  checkDouble: 'M2 12.8l4.3 4.4L14.5 8M11.5 16.2l1 1L21.8 7',
  clock: 'M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18zM12 7.5V12l3 2',
  upload: 'M12 16V5M7.5 9.2L12 4.7l4.5 4.5M4.5 19.5h15',
  alert: 'M12 3.5L22 20.5H2zM12 10v4.5M12 17.4h.01',
  stop: 'M8 3h8l5 5v8l-5 5H8l-5-5V8zM12 8v5M12 16.2h.01',
  shield: 'M12 3l7.5 2.8v5.4c0 4.6-3.2 8-7.5 9.8-4.3-1.8-7.5-5.2-7.5-9.8V5.8z',
  radio:
    'M12 13.2v7.3M9.5 11a2.5 2.5 0 1 0 5 0 2.5 2.5 0 0 0-5 0zM7 15.5a6.4 6.4 0 0 1 0-9M17 6.5a6.4 6.4 0 0 1 0 9M4.2 18a10.3 10.3 0 0 1 0-14M19.8 4a10.3 10.3 0 0 1 0 14',
  backspace: 'M9 5h11a1 1 0 0 1 1 1v12a1 1 0 0 1-1 1H9l-6.5-7zM12 9.5l5 5M17 9.5l-5 5',
  shift: 'M12 4l8 8.5h-4.5V19h-7v-6.5H4z',
  hideKeys: 'M3 4h18v11H3zM7 8h.01M11 8h.01M15 8h.01M8 11.5h8M9 18.5l3 2.5 3-2.5',
  back: 'M14.5 5l-7 7 7 7',
  forward: 'M9.5 5l7 7-7 7',
  key: 'M14.5 9.5h.01M15 3.5a5.5 5.5 0 1 1-4.9 8L3.5 18v2.5H7v-2.6h2.6v-2.6h1.8l1-1',
  user: 'M12 12.5a4 4 0 1 0 0-8 4 4 0 0 0 0 8zM4.5 20.5c.6-3.6 3.6-5.5 7.5-5.5s6.9 1.9 7.5 5.5',
  shop: 'M4 10v10h16V10M3 9l1.8-5h14.4L21 9a3 3 0 0 1-6 0 3 3 0 0 1-6 0 3 3 0 0 1-6 0zM10 20v-5h4v5',
  copy: 'M9 9h11v11H9zM5 15H4V4h11v1',
  sound: 'M4 9.5v5h3.5L12 18V6L7.5 9.5zM15.5 9a4 4 0 0 1 0 6M18 6.5a7.8 7.8 0 0 1 0 11',
  plus: 'M12 5v14M5 12h14',
  refresh: 'M20 11.5a8 8 0 1 0-2.2 6M20.5 5.5v6h-6',
  language:
    'M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18zM3.5 9.5h17M3.5 14.5h17M12 3c-5 5.5-5 12.5 0 18M12 3c5 5.5 5 12.5 0 18',
  look: 'M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18zM12 3v18M12 7.5h4M12 12h8.5M12 16.5h4',
  close: 'M6 6l12 12M18 6L6 18',
  camera:
    'M4 7.5h3.5L9 5h6l1.5 2.5H20v11.500H4zM12 16.200a3.300 3.300 0 1 0 0-6.600 3.300 3.300 0 0 0 0 6.600z',
  code: 'M4 4h6v6H4zM14 4h6v6h-6zM4 14h6v6H4zM14 14h2.500M20 14v2.500M14 20v-2.500h3M20 20h-1',
} as const;
export type IconName = keyof typeof paths;

export function Icon({
  name,
  size = 24,
  strokeWidth = 2,
}: {
  name: IconName;
  size?: number | string;
  strokeWidth?: number;
}): ReactElement {
  // Arrows follow the reading direction.
  const mirrored = name === 'back' || name === 'forward' || name === 'backspace';
  return (
    <svg
      viewBox="0 0 24 24"
      width={size}
      height={size}
      fill="none"
      stroke="currentColor"
      strokeWidth={strokeWidth}
      strokeLinecap="round"
      strokeLinejoin="round"
      aria-hidden="true"
      focusable="false"
      data-mirrored={mirrored || undefined}
      style={{ flex: 'none' }}
    >
      <path d={paths[name]} />
    </svg>
  );
}

/** Our sign, the wallet's too: a purse with its clasp, and a plus on it. */
export function Mark({ size = 36 }: { size?: number | string }): ReactElement {
  return (
    <svg
      viewBox="0 0 512 512"
      width={size}
      height={size}
      aria-hidden="true"
      focusable="false"
      style={{ flex: 'none' }}
    >
      <rect width="512" height="512" rx="116" fill="#0c5b50" />
      <path d="M120 168a32 32 0 0 1 32-32h208a32 32 0 0 1 32 32v24H120z" fill="#f0b44c" />
      <path
        d="M104 200a16 16 0 0 1 16-16h272a16 16 0 0 1 16 16v104c0 52-42 88-152 88s-152-36-152-88z"
        fill="#f7f4ec"
      />
      <path d="M256 236v92M204 260h104" stroke="#0c5b50" strokeWidth="34" strokeLinecap="round" fill="none" />
    </svg>
  );
}

/** The same picture for a part that takes no elements, only markup; the name is ours, so is every character of it. */
export function iconMarkup(name: IconName): string {
  return (
    '<svg viewBox="0 0 24 24" width="24" height="24" fill="none" stroke="currentColor" stroke-width="2" ' +
    `stroke-linecap="round" stroke-linejoin="round" aria-hidden="true"><path d="${paths[name]}"/></svg>`
  );
}
