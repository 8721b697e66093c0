/** A QR code, always dark on white and with its quiet zone, whatever the colours of the screen are. */
import { encode } from 'uqr';
import { QR_OPTIONS } from './qr-options.ts';

/** The standard's quiet zone; a camera in a hurry needs all of it. */
const QUIET_MODULES = 4;

/** One path for all dark modules, a run at a time. */
function pathOf(rows: readonly (readonly boolean[])[]): string {
  let path = '';
  for (const [y, row] of rows.entries()) {
    let start = -1;
    for (let x = 0; x <= row.length; x += 1) {
      const isDark = row[x] === true;
      if (isDark && start < 0) start = x;
      if (!isDark && start >= 0) {
        path += `M${start} ${y}h${x - start}v1H${start}z`;
        start = -1;
      }
    }
  }
  return path;
}

export function QrCode({ text, label, testId }: { text: string; label: string; testId: string }) {
  const code = encode(text, QR_OPTIONS);
  const edge = code.size + 2 * QUIET_MODULES;
  return (
    <svg
      class="qr"
      role="img"
      aria-label={label}
      data-testid={testId}
      data-qr-text={text}
      viewBox={`${-QUIET_MODULES} ${-QUIET_MODULES} ${edge} ${edge}`}
      shape-rendering="crispEdges"
    >
      <rect x={-QUIET_MODULES} y={-QUIET_MODULES} width={edge} height={edge} fill="#fff" />
      <path d={pathOf(code.data)} fill="#000" />
    </svg>
  );
}
