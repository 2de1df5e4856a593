/** What one large message does to a system's memory. */
import { resetPeaks } from '../lab/processes.js'
import { saturate, submitOne } from './load.js'
import { withRig } from './rig.js'
import type { System } from './system.js'

export interface MemoryFigures {
  /** Peak of all its processes together while it handled the message. */
  readonly peakMb: number
  /** What it had before: warm, with nothing to do. */
  readonly idleMb: number
}

const SMALL = 20 * 1024
const REPETITIONS = 2

/** A system with one worker, just started and warmed up with small messages, handles one message of `size` bytes, twice. */
export function measureMemory(system: System, size: number): Promise<MemoryFigures> {
  return withRig(system, { workers: 1, sessions: 1 }, async (rig) => {
    await saturate(rig.load(SMALL), 500, 4)
    const idleMb = rig.instance.consumption().residentMb
    resetPeaks(rig.instance.pid)
    const large = rig.load(size)
    for (let count = 0; count < REPETITIONS; count++) await submitOne(large)
    return { peakMb: rig.instance.consumption().peakMb, idleMb }
  })
}
