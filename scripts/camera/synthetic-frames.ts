// What a camera makes of a code on a screen: turned, seen from the side, out of focus, too dark or too bright, noisy,
// with a lamp's reflection on the glass. Everything comes from a seed, so that a frame that is not read can be seen again.

export type Frame = {
  readonly data: Uint8ClampedArray<ArrayBuffer>;
  readonly width: number;
  readonly height: number;
  readonly colorSpace: 'srgb';
};

export type Camera = {
  readonly width: number;
  readonly height: number;
  /** Edge of the code with its quiet zone, as a part of the frame's height: from, to. */
  readonly size: readonly [number, number];
};

type Code = readonly (readonly boolean[])[];
type Between = (low: number, high: number) => number;

const QUIET_MODULES = 4;
const GRAIN_COUNT = 65_536;

/** mulberry32: small, even, and the same everywhere. */
function randomFrom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

/** Noise with a deviation of 1, drawn once: a frame needs a number for each of its pixels. */
const grain = ((): Float32Array => {
  const random = randomFrom(7);
  return Float32Array.from({ length: GRAIN_COUNT }, () => (random() + random() + random() - 1.5) * 2);
})();

export function photograph(code: Code, camera: Camera, seed: number): Frame {
  const random = randomFrom(seed * 7_919);
  const between: Between = (low, high) => low + (high - low) * random();
  const pose = hold(camera, between);
  const luma = project(code, camera, pose, between(0.25, 0.75));
  const modulePx = pose.edge / (code.length + 2 * QUIET_MODULES);
  blur(luma, camera, modulePx * between(0.08, 0.27));
  return develop(luma, camera, pose, between);
}

type Pose = {
  readonly edge: number;
  readonly centre: { readonly x: number; readonly y: number };
  readonly cos: number;
  readonly sin: number;
  /** How much nearer one side is than the other, in widths of the code. */
  readonly lean: { readonly x: number; readonly y: number };
};

/** Anyhow, but wholly in the frame: that much a person sees on the screen. */
function hold({ width, height, size }: Camera, between: Between): Pose {
  const wanted = between(...size) * height;
  const turn = between(-Math.PI, Math.PI);
  const [cos, sin] = [Math.cos(turn), Math.sin(turn)];
  // About 15 degrees from straight ahead, in both directions.
  const lean = { x: between(-0.16, 0.16), y: between(-0.16, 0.16) };
  const corners = [-0.5, 0.5].flatMap((a) =>
    [-0.5, 0.5].map((b) => {
      const [x, y] = [cos * a - sin * b, sin * a + cos * b];
      const depth = 1 / (1 - lean.x * x - lean.y * y);
      return { x: x * depth, y: y * depth };
    }),
  );
  const [xs, ys] = [corners.map(({ x }) => x), corners.map(({ y }) => y)];
  const spanX = Math.max(...xs) - Math.min(...xs);
  const spanY = Math.max(...ys) - Math.min(...ys);
  const edge = Math.min(wanted, (width - 4) / spanX, (height - 4) / spanY);
  const centre = {
    x: between(2 - Math.min(...xs) * edge, width - 2 - Math.max(...xs) * edge),
    y: between(2 - Math.min(...ys) * edge, height - 2 - Math.max(...ys) * edge),
  };
  return { edge, centre, cos, sin, lean };
}

/** The code in the frame, 0 (black) to 1 (white), four looks a pixel. */
function project(code: Code, { width, height }: Camera, pose: Pose, around: number): Float32Array {
  const { edge, centre, cos, sin, lean } = pose;
  const modules = code.length + 2 * QUIET_MODULES;
  const at = (x: number, y: number): number => {
    const [dx, dy] = [(x - centre.x) / edge, (y - centre.y) / edge];
    const depth = 1 + lean.x * dx + lean.y * dy;
    const column = Math.floor(((cos * dx + sin * dy) / depth + 0.5) * modules);
    const row = Math.floor(((cos * dy - sin * dx) / depth + 0.5) * modules);
    if (column < -3 || row < -3 || column >= modules + 3 || row >= modules + 3) return around;
    return code[row - QUIET_MODULES]?.[column - QUIET_MODULES] === true ? 0 : 1;
  };
  const luma = new Float32Array(width * height);
  for (let y = 0; y < height; y += 1) {
    for (let x = 0; x < width; x += 1) {
      const upper = at(x + 0.25, y + 0.25) + at(x + 0.75, y + 0.25);
      luma[y * width + x] = (upper + at(x + 0.25, y + 0.75) + at(x + 0.75, y + 0.75)) / 4;
    }
  }
  return luma;
}

/** Out of focus: a Gaussian of `sigma` pixels along the rows, then along the columns, in place. */
function blur(luma: Float32Array, { width, height }: Camera, sigma: number): void {
  const reach = Math.max(1, Math.ceil(sigma * 3));
  const weights = Float32Array.from({ length: reach + 1 }, (_, away) =>
    Math.exp(-(away ** 2) / (2 * sigma ** 2)),
  );
  const sum = weights.reduce((total, weight, away) => total + weight * (away === 0 ? 1 : 2), 0);
  blurLines(luma, weights, { sum, lines: height, lineStep: width, length: width, step: 1 });
  blurLines(luma, weights, { sum, lines: width, lineStep: 1, length: height, step: width });
}

type Lines = {
  readonly sum: number;
  readonly lines: number;
  readonly lineStep: number;
  readonly length: number;
  readonly step: number;
};

function blurLines(luma: Float32Array, weights: Float32Array, shape: Lines): void {
  const { sum, lines, lineStep, length, step } = shape;
  const line = new Float32Array(length);
  for (let index = 0; index < lines; index += 1) {
    const start = index * lineStep;
    for (let place = 0; place < length; place += 1) line[place] = luma[start + place * step] ?? 0;
    for (let place = 0; place < length; place += 1) {
      let value = (line[place] ?? 0) * (weights[0] ?? 0);
      for (let away = 1; away < weights.length; away += 1) {
        const before = line[Math.max(0, place - away)] ?? 0;
        const after = line[Math.min(length - 1, place + away)] ?? 0;
        value += (before + after) * (weights[away] ?? 0);
      }
      luma[start + place * step] = value / sum;
    }
  }
}

/** Light from the side, noise, eight bits, and a reflection on the data: what error correction is there for. */
function develop(
  luma: Float32Array,
  { width, height }: Camera,
  { edge, centre }: Pose,
  between: Between,
): Frame {
  const black = between(8, 70);
  const white = between(black + 90, 250);
  const [slopeX, slopeY] = [between(-0.25, 0.25) / width, between(-0.25, 0.25) / height];
  const noise = between(0, 6);
  const grainStart = Math.floor(between(0, GRAIN_COUNT));
  // Near the middle: a lamp on one of the three corner marks blinds every decoder, and a hand moves the phone then.
  const [angle, away] = [between(0, 2 * Math.PI), between(0, 0.22) * edge];
  const [glareX, glareY] = [centre.x + away * Math.cos(angle), centre.y + away * Math.sin(angle)];
  const radius = edge * between(0.005, 0.045);
  const data = new Uint8ClampedArray(width * height * 4).fill(255);
  for (let y = 0; y < height; y += 1) {
    for (let x = 0; x < width; x += 1) {
      const index = y * width + x;
      const light = 1 + slopeX * (x - width / 2) + slopeY * (y - height / 2);
      const glare = 255 * Math.max(0, 1.6 - Math.hypot(x - glareX, y - glareY) / radius);
      const value =
        (black + (white - black) * (luma[index] ?? 0)) * light +
        glare +
        noise * (grain[(grainStart + index * 31) % GRAIN_COUNT] ?? 0);
      data[index * 4] = value;
      data[index * 4 + 1] = value;
      data[index * 4 + 2] = value;
    }
  }
  return { data, width, height, colorSpace: 'srgb' };
}
