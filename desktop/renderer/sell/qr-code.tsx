/** A QR code as large and as crisp as its box allows: whole pixels per module, always black on white. */
import { useElementSize } from '@mantine/hooks';
import { type ReactElement, useMemo } from 'react';
import { encode } from 'uqr';
import classes from './qr-code.module.css';
import { QR_OPTIONS } from './qr-options.ts';

/** The standard's quiet zone; phones in a hurry need all of it. */
const QUIET_MODULES = 4;

/** One path for all dark modules, a run at a time: a few hundred commands instead of some thousand squares. */
export function qrPath(rows: readonly (readonly boolean[])[]): string {
  let path = '';
  for (const [y, row] of rows.entries()) {
    let start = -1;
    for (let x = 0; x <= row.length; x += 1) {
      const dark = row[x] === true;
      if (dark && start < 0) start = x;
      if (!dark && start >= 0) {
        path += `M${start} ${y}h${x - start}v1H${start}z`;
        start = -1;
      }
    }
  }
  return path;
}

/** The edge of the picture in CSS pixels: as many whole device pixels per module as fit. */
export function qrEdge(boxPx: number, modules: number, pixelRatio: number): number {
  const perModule = Math.floor((boxPx * pixelRatio) / modules);
  return perModule < 1 ? boxPx : (perModule * modules) / pixelRatio;
}

export function QrCode({
  text,
  label,
  testId = 'qr',
}: {
  text: string;
  label: string;
  testId?: string;
}): ReactElement {
  const { ref, width, height } = useElementSize();
  const code = useMemo(() => encode(text, QR_OPTIONS), [text]);
  const path = useMemo(() => qrPath(code.data), [code]);
  const modules = code.size + 2 * QUIET_MODULES;
  const edge = qrEdge(Math.min(width, height) || 560, modules, window.devicePixelRatio || 1);
  return (
    <div className={classes.box} ref={ref}>
      <svg
        role="img"
        aria-label={label}
        data-testid={testId}
        data-qr-text={text}
        width={edge}
        height={edge}
        viewBox={`${-QUIET_MODULES} ${-QUIET_MODULES} ${modules} ${modules}`}
        shapeRendering="crispEdges"
      >
        <rect x={-QUIET_MODULES} y={-QUIET_MODULES} width={modules} height={modules} fill="#ffffff" />
        <path d={path} fill="#000000" />
      </svg>
    </div>
  );
}
