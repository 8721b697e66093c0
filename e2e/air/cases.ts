// The main job over the air: real frames, the real agent, the wallet's own code. Run inside the radio lab's machine.

import type { LabCase } from '../../native/lab/guest/stage.ts';
import { payingCases } from './paying-cases.ts';
import { troubleCases } from './trouble-cases.ts';
import { wallCases } from './wall-cases.ts';

export const cases: readonly LabCase[] = [...payingCases, ...wallCases, ...troubleCases];
