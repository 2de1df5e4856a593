/** Bounded waiting for something that gives no signal of its own. */
import { setTimeout as sleep } from 'node:timers/promises'

/** Polls until `done` holds. Rejects with `complaint` after `ms`, or with what `done` throws. */
export async function within(ms: number, complaint: string, done: () => boolean | Promise<boolean>): Promise<void> {
  const end = performance.now() + ms
  while (!(await done())) {
    if (performance.now() > end) throw new Error(`${complaint} after ${ms} ms`)
    await sleep(20)
  }
}
