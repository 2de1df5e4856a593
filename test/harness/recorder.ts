/** A Haraka plugin, for plain instances, that writes down what the outbound hooks are told about each queue file. */
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { within } from '../../src/lab/within.js'

export interface Outcome {
  readonly hook: 'delivered' | 'bounce' | 'deferred'
  /** Whom the hook names: delivered, refused for good, or to be tried again. */
  readonly recipients: readonly string[]
}

/** Source of the plugin. It lets deferred mail be retried and makes no bounce messages. */
export const recorder = `
const fs = require('fs')
const path = require('path')
function record(hook, recipients) {
  const line = JSON.stringify({ hook, recipients: (recipients || []).map((r) => r.address) }) + '\\n'
  fs.appendFileSync(path.join(process.env.HARAKA, 'outcomes'), line)
}
exports.hook_delivered = (next, hmail, params) => { record('delivered', params[6]); next() }
exports.hook_bounce = (next, hmail, error) => { record('bounce', error.bounced_rcpt || hmail.todo.rcpt_to); next(OK) }
exports.hook_deferred = (next, hmail, params) => { record('deferred', params.fail_recips || hmail.todo.rcpt_to); next() }
`

/** What was recorded in an instance's directory so far. */
export async function outcomes(directory: string): Promise<Outcome[]> {
  const text = await readFile(join(directory, 'outcomes'), 'utf8').catch(() => '')
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Outcome)
}

/** The same, once there are that many. Rejects after `waitMs`. */
export async function waitForOutcomes(directory: string, count: number, waitMs = 30_000): Promise<Outcome[]> {
  await within(waitMs, `fewer than ${count} outcomes`, async () => (await outcomes(directory)).length >= count)
  return outcomes(directory)
}
