/** Things that are looked at, one by one, each within a bound; what is found is told in plain English. */
import { reasonOf } from '../errors.js'

export interface Examination {
  /** e.g. `database` */
  readonly what: string
  /** Resolves to what was seen. Rejects with what is wrong, a line for each fault. */
  readonly look: () => string | Promise<string>
  /** What to do where it is wrong, one sentence. */
  readonly advice: string
}

export interface Finding {
  readonly what: string
  readonly ok: boolean
  /** What was seen, or what is wrong: a line for each fault. */
  readonly seen: string
  /** Where it is not ok. */
  readonly advice?: string
}

/** The findings in the order of the examinations; none takes longer than the bound. Never rejects. */
export function examine(examinations: readonly Examination[], boundMs: number): Promise<Finding[]> {
  return Promise.all(
    examinations.map(async ({ what, look, advice }) => {
      try {
        return { what, ok: true, seen: await bounded(look, boundMs) }
      } catch (error) {
        return { what, ok: false, seen: reasonOf(error), advice }
      }
    }),
  )
}

async function bounded(look: Examination['look'], boundMs: number): Promise<string> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`no answer within ${boundMs / 1000} s`)), boundMs)
  })
  try {
    return await Promise.race([Promise.resolve().then(look), late])
  } finally {
    clearTimeout(timer)
  }
}

/** Rejects naming the faults, if there are any. */
export function refuse(faults: readonly string[]): void {
  if (faults.length > 0) throw new Error(faults.join('\n'))
}
