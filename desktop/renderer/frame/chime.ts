/** Two short sounds made on the spot: one rises when money has come, one falls when it was refused. No file to load. */
const NOTES = { paid: [659.25, 880, 1318.5], refused: [330, 247] } as const;
const NOTE_SECONDS = 0.13;

let context: AudioContext | undefined;

export function playChime(kind: keyof typeof NOTES): void {
  if (typeof AudioContext === 'undefined') return;
  context ??= new AudioContext();
  const start = context.currentTime + 0.01;
  for (const [index, frequency] of NOTES[kind].entries())
    playNote(context, frequency, start + index * NOTE_SECONDS, kind === 'paid' ? 'sine' : 'triangle');
}

function playNote(audio: AudioContext, frequency: number, at: number, type: OscillatorType): void {
  const oscillator = audio.createOscillator();
  const loudness = audio.createGain();
  oscillator.type = type;
  oscillator.frequency.value = frequency;
  loudness.gain.setValueAtTime(0, at);
  loudness.gain.linearRampToValueAtTime(0.22, at + 0.015);
  loudness.gain.exponentialRampToValueAtTime(0.001, at + NOTE_SECONDS * 2);
  oscillator.connect(loudness).connect(audio.destination);
  oscillator.start(at);
  oscillator.stop(at + NOTE_SECONDS * 2.1);
}
