/** Whether the service can take mail now: each thing that it needs is asked, within a bound. */
import { reasonOf } from '../errors.js'
import { oneAtATime } from '../one-at-a-time.js'

/** Rejects, with one sentence, if something is not ready. */
export type Check = () => unknown

export interface CheckResult {
  readonly ok: boolean
  readonly milliseconds: number
  /** Where it is not ok. */
  readonly reason?: string
}

export interface Readiness {
  readonly ready: boolean
  readonly checks: Readonly<Record<string, CheckResult>>
}

const BOUND_MS = 3000

/** Questions at the same time share one round of checks. */
export function newReadiness(checks: Readonly<Record<string, Check>>, boundMs = BOUND_MS): () => Promise<Readiness> {
  return oneAtATime(async () => {
    const results = await Promise.all(
      Object.entries(checks).map(async ([name, check]) => [name, await resultOf(check, boundMs)] as const),
    )
    return { ready: results.every(([, { ok }]) => ok), checks: Object.fromEntries(results) }
  })
}

async function resultOf(check: Check, boundMs: number): Promise<CheckResult> {
  const begun = performance.now()
  const spent = (): number => Math.round(performance.now() - begun)
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`no answer within ${boundMs / 1000} s`)), boundMs)
  })
  try {
    await Promise.race([Promise.resolve().then(check), late])
    return { ok: true, milliseconds: spent() }
  } catch (error) {
    return { ok: false, milliseconds: spent(), reason: reasonOf(error) }
  } finally {
    clearTimeout(timer)
  }
}
