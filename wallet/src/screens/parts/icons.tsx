/** The wallet's pictures: one stroke, drawn here, no file to fetch. Decoration only; every control has words too. */
import type { ComponentChildren } from 'preact';

const PATHS = {
  back: <path d="M15 5l-7 7 7 7" />,
  close: <path d="M6 6l12 12M18 6L6 18" />,
  home: <path d="M4 11l8-7 8 7v8a1 1 0 0 1-1 1h-4v-6H9v6H5a1 1 0 0 1-1-1z" />,
  activity: <path d="M5 6h14M5 12h14M5 18h9" />,
  settings: (
    <>
      <path d="M4 7h9M17 7h3M4 17h3M11 17h9" />
      <circle cx="15" cy="7" r="2" />
      <circle cx="9" cy="17" r="2" />
    </>
  ),
  scan: (
    <path d="M4 8V5a1 1 0 0 1 1-1h3M16 4h3a1 1 0 0 1 1 1v3M20 16v3a1 1 0 0 1-1 1h-3M8 20H5a1 1 0 0 1-1-1v-3M4 12h16" />
  ),
  plus: <path d="M12 5v14M5 12h14" />,
  send: <path d="M5 12h14M13 6l6 6-6 6" />,
  down: <path d="M12 4v13M6 11l6 6 6-6M5 20h14" />,
  up: <path d="M12 20V7M6 13l6-6 6 6M5 4h14" />,
  offline: (
    <path d="M4 4l16 16M9 17a4 4 0 0 1 6 0M6 13.500a8 8 0 0 1 3-1.900M15 11.900a8 8 0 0 1 3 1.600M3 9.800a13 13 0 0 1 4-2.500M11 6.600a13 13 0 0 1 10 3.200M12 20h.01" />
  ),
  online: <path d="M9 17a4 4 0 0 1 6 0M6 13.500a8.500 8.500 0 0 1 12 0M3 9.800a13 13 0 0 1 18 0M12 20h.01" />,
  check: <path d="M5 12.500l4.500 4.500L19 7.500" />,
  alert: (
    <path d="M12 8v5M12 16.500h.01M10.300 4.300L2.900 17.500A2 2 0 0 0 4.600 20h14.800a2 2 0 0 0 1.700-2.500L13.700 4.300a2 2 0 0 0-3.400 0z" />
  ),
  clock: (
    <>
      <circle cx="12" cy="12" r="8.500" />
      <path d="M12 7v5l3 2" />
    </>
  ),
  finger: (
    <path d="M7 20c1.500-2 2-4.500 2-7.500a3 3 0 0 1 6 0c0 3-.400 5.500-1.300 7.500M12 12.500c0 3.500-.500 6-1.500 8M4.500 16.500c.700-1.200 1-2.500 1-4a6.500 6.500 0 0 1 13 0c0 2.500-.200 4.500-.700 6.500M6 5.500a9 9 0 0 1 12 0" />
  ),
  code: <path d="M4 4h6v6H4zM14 4h6v6h-6zM4 14h6v6H4zM14 14h2.500M20 14v2.500M14 20v-2.500h3M20 20h-1" />,
  copy: <path d="M9 9h10v11H9zM5 15V4h10" />,
  torch: <path d="M8 3h8v4l-2 3v10h-4V10L8 7zM8 7h8M12 13v2" />,
  shop: <path d="M4 9l1.500-5h13L20 9M4 9v11h16V9M4 9h16M9 20v-6h6v6" />,
  lock: <path d="M6 11h12v9H6zM8.500 11V8a3.500 3.500 0 0 1 7 0v3" />,
  erase: <path d="M8 5h12v14H8l-6-7zM11 9.500l5 5M16 9.500l-5 5" />,
  search: <path d="M11 4a7 7 0 1 0 0 14 7 7 0 0 0 0-14zM16 16l4.500 4.500" />,
  people: (
    <path d="M9 5.500a3 3 0 1 0 0 6 3 3 0 0 0 0-6zM3 19c0-3 2.500-5 6-5s6 2 6 5M15.500 6a3 3 0 0 1 0 5.500M17 14.300c2.500.500 4 2.300 4 4.700" />
  ),
  phone: <path d="M7 3h10v18H7zM11 18h2" />,
} as const;
export type IconName = keyof typeof PATHS;

/** Arrows that mean "on" and "back" turn with the direction of reading. */
const TURNS: readonly IconName[] = ['back', 'send'];

export function Icon({ name, size = 24 }: { name: IconName; size?: number }) {
  const picture: ComponentChildren = PATHS[name];
  return (
    <svg
      class={TURNS.includes(name) ? 'icon icon-turns' : 'icon'}
      width={size}
      height={size}
      viewBox="0 0 24 24"
      fill="none"
      stroke="currentColor"
      stroke-width="2"
      stroke-linecap="round"
      stroke-linejoin="round"
      aria-hidden="true"
    >
      {picture}
    </svg>
  );
}

export function Logo({ size = 32 }: { size?: number }) {
  return (
    <svg width={size} height={size} viewBox="0 0 512 512" aria-hidden="true">
      <rect width="512" height="512" rx="116" fill="#0c5b50" />
      <path d="M120 168a32 32 0 0 1 32-32h208a32 32 0 0 1 32 32v24H120z" fill="#f0b44c" />
      <path
        d="M104 200a16 16 0 0 1 16-16h272a16 16 0 0 1 16 16v104c0 52-42 88-152 88s-152-36-152-88z"
        fill="#f7f4ec"
      />
      <path
        d="M256 236v92M204 260h104"
        stroke="#0c5b50"
        stroke-width="34"
        stroke-linecap="round"
        fill="none"
      />
    </svg>
  );
}
